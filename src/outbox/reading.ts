import { type Clock, systemClock } from './clock.js';
import { copyOnWrite } from './disk/copy-on-write.js';
import { type DamagedStretch, examine, type Neighbour } from './disk/damage.js';
import { isSystemError, reasonOf } from './disk/disk.js';
import { openJournal } from './disk/open-journal.js';
import { hasChanged, type Snapshot, takeSnapshot } from './disk/snapshot.js';
import { isHeld } from './disk/socket-lock.js';
import { StorageError } from './errors.js';
import { exportHistory } from './export.js';
import type { Journal } from './journal.js';
import { checkedPath } from './options.js';
import { shown } from './outbox.js';
import { shownStats } from './stats.js';
import type { NewPassing, OutboxStats, ParkedPassing, Receipt } from './types.js';

/** A passing that the folder still holds. */
export interface KeptPassing extends Receipt {
  /** As it was appended. */
  readonly passing: NewPassing;
  /** `'delivered'`: kept as the local backup. `'pending'`: not confirmed yet. */
  readonly state: 'delivered' | 'pending';
}

/** A range of a file of an outbox folder that is not as it was written. */
export interface OutboxDamage {
  /** Its path from the folder. */
  readonly file: string;
  /** The first damaged byte. */
  readonly from: number;
  /** The byte after the last damaged one; `from` where something is missing there. */
  readonly to: number;
  /** `'corrupt'`: it can no longer be read. `'missing'`: it is gone. `'torn'`: the end of a write that was cut short; no append of it had resolved. */
  readonly kind: 'corrupt' | 'missing' | 'torn';
  /** Passings that cannot be read for it. */
  readonly passings: number;
  /** How many of these were neither delivered nor parked: they are lost unless the reader still has them. */
  readonly undelivered: number;
  /** The session and the numbers of these, as they were appended, where their neighbours tell. */
  readonly numbers: {
    /** Their session. */
    readonly token_session: string;
    /** The lowest `num_passing`. */
    readonly first: number;
    /** The highest `num_passing`. */
    readonly last: number;
  } | null;
  /** When the passing before it was appended, ISO 8601, UTC; null: not known. */
  readonly appendedAfter: string | null;
  /** When the passing after it was appended, ISO 8601, UTC; null: not known. */
  readonly appendedBefore: string | null;
}

/** An outbox folder as it was at one moment. Close it: it keeps the folder's files open, and files that the outbox removes occupy space until then. */
export interface OutboxReading extends AsyncDisposable {
  /** What opening the outbox would have found damaged; all of the folder is read by `verify` only. */
  readonly recovered: {
    /** Records that were read again. */
    readonly records: number;
    /** Bytes of a write that was cut short. */
    readonly tornBytes: number;
    /** Records that are damaged. */
    readonly corruptRecords: number;
  };
  /**
   * As `Outbox.stats`, from the files alone. `state`: `'closed'` where no process holds the folder (or that is unknown: on other systems than Linux,
   * or for another user's process), otherwise `'sending'` or `'idle'`, by whether something is pending. `storage` is `'ok'`, `lastError` null: only the process knows.
   * `token_session` is empty where the folder has no session yet.
   */
  stats(): OutboxStats;
  /** Parked passings, oldest first. */
  parked(): AsyncIterable<ParkedPassing>;
  /** What the folder still holds, oldest first: delivered, then pending. Parked ones are left out. */
  passings(): AsyncIterable<KeptPassing>;
  /**
   * Writes what `passings` gives to a file, as `Outbox.exportTo` does: it appears whole or not at all. Resolves with how many passings it holds.
   *
   * @throws StorageError - the file cannot be written
   */
  exportTo(
    file: string,
    options?: {
      /** `'jsonl'` (default): a passing a line. `'csv'`: the columns of the vendor's own export, then ours. */
      format?: 'jsonl' | 'csv' | undefined;
    },
  ): Promise<number>;
  /** Reads every file to its end. Empty: all is as it was written. */
  verify(): Promise<OutboxDamage[]>;
  /** Closes the files. Never rejects. */
  close(): Promise<void>;
}

/**
 * Reads the folder of an outbox without opening it: no lock, no network, nothing in it is changed, cut or mended. Works while another
 * process uses it, on a damaged folder, and where it cannot be written.
 *
 * @throws RufusConfigError - `directory` is no path
 * @throws StorageError - the folder cannot be read, is no outbox, or a newer version wrote it
 *
 * @example
 * const reading = await readOutbox('/var/lib/timing/finish');
 * const { pending, parked } = reading.stats();
 * for await (const { passing, reason } of reading.parked()) console.log(passing.bib, reason);
 * await reading.close();
 */
export function readOutbox(directory: string): Promise<OutboxReading> {
  return readOutboxWith(directory, {});
}

/** What a test may replace, or run between two steps. */
interface ReadingSeams {
  readonly clock?: Clock | undefined;
  readonly between?: (() => void) | undefined;
}

export async function readOutboxWith(directory: string, seams: ReadingSeams): Promise<OutboxReading> {
  const path = checkedPath('directory', directory, 'an outbox folder');
  try {
    return await read(path, seams.clock ?? systemClock, seams.between);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new StorageError(`The outbox folder ${path} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

/** How long a write may take to end, and how often that is checked. */
const WRITE_MS = 50;
const TRIES = 40;

async function read(path: string, clock: Clock, between?: () => void): Promise<OutboxReading> {
  for (let tries = 1; ; tries++) {
    const snapshot = await takeSnapshot(path, between);
    let journal: Journal | undefined;
    try {
      journal = await openView(snapshot, clock);
      const { tornBytes } = journal.found;
      // A write under way looks like one that was cut short. If it is under way, the files change.
      if (tornBytes === 0 || tries === TRIES || !(await changesWithin(WRITE_MS, snapshot, clock))) {
        return new Reading(snapshot, journal, clock, await isHeld(snapshot.folder));
      }
    } catch (error) {
      await journal?.close();
      snapshot.close();
      throw error;
    }
    await journal.close();
    snapshot.close();
  }
}

/** The journal as its outbox would open it, over a copy in memory: nothing is written back. */
function openView(snapshot: Snapshot, clock: Clock): Promise<Journal> {
  return openJournal(
    {
      directory: snapshot.folder,
      maxDiskBytes: Number.POSITIVE_INFINITY,
      minFreeBytes: 0,
      // Only the outbox itself may remove backups.
      retain: { hours: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY },
      durability: 'os',
      clock,
    },
    { disk: copyOnWrite(snapshot), lock: async () => ({ release: async () => {} }) },
  );
}

async function changesWithin(ms: number, snapshot: Snapshot, clock: Clock): Promise<boolean> {
  await new Promise<void>((resolve) => void clock.after(ms, resolve, true));
  return hasChanged(snapshot);
}

class Reading implements OutboxReading {
  readonly recovered: OutboxReading['recovered'];
  readonly #snapshot: Snapshot;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #held: boolean;

  constructor(snapshot: Snapshot, journal: Journal, clock: Clock, held: boolean) {
    this.recovered = { ...journal.found };
    this.#snapshot = snapshot;
    this.#journal = journal;
    this.#clock = clock;
    this.#held = held;
  }

  stats(): OutboxStats {
    const journal = this.#journal;
    const active = journal.pending > 0 ? 'sending' : 'idle';
    const state = this.#held ? active : 'closed';
    // Without what opening the copy has written to it.
    const stats = { ...journal.stats(), diskBytes: this.#snapshot.bytes };
    return shownStats(stats, { state, token_session: journal.session ?? '', lastError: null }, this.#clock);
  }

  async *parked(): AsyncGenerator<ParkedPassing> {
    for await (const piece of this.#journal.parked()) yield* piece.map(shown);
  }

  async *passings(): AsyncGenerator<KeptPassing> {
    for await (const piece of this.#journal.history()) {
      for (const { token_session, num_passing, passing, state } of piece) {
        yield { token_session, num_passing, passing, state };
      }
    }
  }

  exportTo(file: string, options?: { format?: 'jsonl' | 'csv' | undefined }): Promise<number> {
    return exportHistory(this.#journal, file, options);
  }

  async verify(): Promise<OutboxDamage[]> {
    const { stretches, acknowledged } = await examine(this.#snapshot);
    return stretches.map((stretch) => damageOf(stretch, acknowledged));
  }

  async close(): Promise<void> {
    await this.#journal.close();
    this.#snapshot.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function damageOf(stretch: DamagedStretch, acknowledged: number): OutboxDamage {
  const { file, from, to, kind, lost, before, after } = stretch;
  const passings = lost === null ? 0 : lost.last - lost.first + 1;
  const isParked = file.startsWith('parked/');
  const pending = lost === null ? 0 : Math.max(0, lost.last - Math.max(acknowledged, lost.first - 1));
  return {
    file,
    from,
    to,
    kind,
    passings,
    undelivered: isParked ? passings : pending,
    numbers: passings === 0 || before === null ? null : numbersBetween(before, after, passings),
    appendedAfter: timeOf(before),
    appendedBefore: timeOf(after),
  };
}

const timeOf = (passing: Neighbour | null): string | null => passing && new Date(passing.at).toISOString();

/** null where the session changes there, or numbers were skipped. */
function numbersBetween(before: Neighbour, after: Neighbour | null, count: number): OutboxDamage['numbers'] {
  const first = before.num + 1;
  const fits = after === null || (after.session === before.session && after.num === first + count);
  return fits ? { token_session: before.session, first, last: before.num + count } : null;
}
