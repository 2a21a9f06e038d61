import type { PassingInput } from '../types.js';
import type { Clock } from './clock.js';
import type { OutboxEvents, OutboxOptions, OutboxStats, ParkedPassing, Receipt } from './types.js';

// The interface between the two halves of the outbox. The durable half (disk/) stores passings; the delivering half (the Outbox
// class and its forwarder) decides what happens to them. Everything that must survive a power cut is behind this interface.
//
// `openJournal(options: JournalOptions): Promise<Journal>` is in disk/open-journal.ts; it throws OutboxLockedError and StorageError.
//
// Every passing of the folder has a `seq`: 1, 2, 3, … over all sessions and restarts, in append order. Up to the acknowledged seq
// all are delivered, parked or known to be corrupt; those above it are pending.

/** A passing as it is stored: validated, its timestamp already the text that is sent. */
export type StoredPassing = Omit<PassingInput, 'num_passing' | 'timestamp'> & { timestamp: string };

/** Where a decoder's feed stands. */
export interface SourcePosition {
  readonly name: string;
  readonly position: string | number;
}

/** One passing of the log, under the session and number it is to be sent with (replacements of sessions already applied). */
export interface Entry extends Receipt {
  readonly seq: number;
  readonly passing: StoredPassing;
  /** Wall clock of the commit, milliseconds. */
  readonly at: number;
  /** Its size on disk, a little more than in a request. */
  readonly bytes: number;
}

/** The caller has cut `response` to a sensible length. */
export type ParkReason = Pick<ParkedPassing, 'reason' | 'status' | 'response'>;
export type ParkedEntry = Entry & ParkReason;

/** A passing that the folder still has. */
export interface HistoryEntry extends Entry {
  readonly state: 'delivered' | 'pending';
}

/** Counted since the folder was made. */
export type Tallies = Pick<OutboxStats, 'inserted' | 'duplicates' | 'requests' | 'retries'>;

/**
 * What was found damaged, and what was cut; all 0 after a clean stop. `records`: passings that are durable, although the last checkpoint did not
 * know it yet. `tornBytes`: of a write that a crash cut short; no append of them had resolved. `corruptRecords`: passings that were in the log and
 * can no longer be read; they leave `appended`, their numbers are not used again.
 */
export type Damage = Readonly<OutboxEvents['recovered'][0]>;

export type StorageState = OutboxStats['storage'];

/** `appended === delivered + parked + pending`, always. */
export interface JournalStats
  extends Pick<OutboxStats, 'appended' | 'delivered' | 'parked' | 'pending' | 'storage' | 'diskBytes'> {
  readonly tallies: Tallies;
  /** Wall clock of the oldest pending passing's commit (to the nearest known commit before it); null with nothing pending. */
  readonly oldestPendingAt: number | null;
  /** Wall clock of the last acknowledgement that moved `delivered`; null if there was none. */
  readonly lastDeliveredAt: number | null;
}

export interface JournalEvents {
  /** Passings became durable and can be read. Called once per commit. */
  committed(count: number): void;
  /** The state of the storage changed. */
  storage(state: StorageState, cause: unknown): void;
  /** Damage found after opening, while reading older segments. What opening found is `journal.found`. */
  damaged(damage: Damage): void;
}

export interface JournalOptions
  extends Pick<
    OutboxOptions,
    'directory' | 'maxDiskBytes' | 'minFreeBytes' | 'maxPendingBytes' | 'retain' | 'durability'
  > {
  clock?: Clock | undefined;
  /** Looked up at each event: a listener may be assigned later. */
  events?: Partial<JournalEvents> | undefined;
}

/** A session that is about to be replaced: creating the new one closes it. */
export interface Leaving {
  readonly session: string;
  readonly deviceid: string;
  readonly alias?: string | undefined;
}

/** A session takes the place of another, for what is not delivered yet. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
  /** The first pending passing of `from`, as `read` gave it: it and all after it go to `to`. null: nothing is pending, and what is committed from now on goes there. */
  readonly first: Entry | null;
  /** The device of `to`. Default: that of `from`. */
  readonly deviceid?: string | undefined;
  /** The number that `first` gets in `to`; those after it keep their distance to it. Default: the next free one of `to`, 1 if it is new. */
  readonly base?: number | undefined;
}

export interface Journal {
  /** What opening found. */
  readonly found: Damage;
  /** The session new passings go to; null in a folder without a history. */
  readonly session: string | null;
  /** The device of the current session, as given to the last `startSession`; null if it was not given. A replacement keeps it. */
  readonly deviceid: string | null;
  /**
   * The folder is damaged, looks like a copy of another, or like an old state put back: numbers may have been given that it does not know of.
   * Stays true, over restarts, until `clearSuspect()`. Not every restored copy is detected.
   */
  readonly suspect: boolean;
  /** `stats().pending`, without building all of `stats()`: passings that are neither delivered nor parked. */
  readonly pending: number;
  /** The seq of the newest passing. */
  readonly newest: number;
  /** `stats().parked`, likewise. */
  readonly parkedCount: number;
  /** As given to the last `leave`, over restarts, until the session is replaced. */
  readonly leaving: Leaving | null;
  /** Clocks of the newest commit in the folder, to detect a clock step over a restart; null without one. `boot` is null where the system has no boot id. */
  readonly lastCommit: { readonly wall: number; readonly mono: number; readonly boot: string | null } | null;

  /** Durably: `suspect` is over. The numbers of the folder were compared with the server's, or cannot be. */
  clearSuspect(): Promise<void>;
  /** How many of the passings up to this seq are pending. */
  pendingUpTo(seq: number): number;
  /** The next free number of the session; undefined where the folder has no history of it. */
  nextNumber(token_session: string): number | undefined;
  /** The session that took the place of this one (`replaceSession`); undefined if none did. Never forgotten. */
  replacedBy(token_session: string): string | undefined;
  /**
   * Durably: new passings go to this session from here on, in order with the appends before and after it.
   * `atLeast` (default 1) is where a session without a history starts; it raises the next number of a known one, and never lowers it.
   * `deviceid` is stored with it, so that a restart knows the device of the session.
   */
  startSession(token_session: string, atLeast?: number, deviceid?: string): Promise<void>;
  /** From this number on the server may have passings of the session that are not ours: it has not been asked. undefined: no number is in doubt. Over restarts. */
  unconfirmedFrom(token_session: string): number | undefined;
  /** Durably: `unconfirmedFrom`; null: the server was asked, or will never tell. */
  setUnconfirmed(token_session: string, from: number | null): Promise<void>;
  /**
   * Durably: this passing, and the pending ones of its session after it, get new numbers: `atLeast` or above, and above all that were given.
   * Resolves with the first of these numbers. Clears `unconfirmedFrom`. What was read before carries the old numbers: discard it.
   */
  renumber(first: Entry, atLeast: number): Promise<number>;
  /**
   * Durably: a request of our own may close the session from here on; what it refuses then goes to its replacement.
   * null: no such request is left.
   */
  leave(leaving: Leaving | null): Promise<void>;
  /**
   * Durably: pending passings of `from` are sent to `to`, which becomes the current session. `to` must be new: nothing appended to it yet.
   * What was read before carries the old numbers: discard it. The next `read` starts again at the first pending passing.
   */
  replaceSession(replacement: Replacement): Promise<void>;

  /**
   * Resolves when the list is durable, with the final numbers. All of it survives a crash, or none.
   * @throws OutboxBusyError, OutboxFullError, StorageError, OutboxClosedError; none of them burns a number.
   */
  append(passings: readonly StoredPassing[], source?: SourcePosition): Promise<Receipt[]>;
  position(source: string): string | number | undefined;

  /**
   * The next pending passings after those already read, in order, all of one session; [] when there is none at the moment (see `committed`).
   * Gives only what is durable. At least one passing where there is any, however large. One call at a time.
   */
  read(limits: { max: number; maxBytes: number }): Promise<Entry[]>;
  /**
   * Everything up to and including this entry is delivered. The counts change at once; the promise resolves when they are durable,
   * or when the storage failed: then they are in memory only, and after a restart the passings are sent again, for the server to de-duplicate.
   * Never rejects. Await it before the next batch is sent, so that at most one batch is in doubt after a power cut.
   */
  acknowledge(upTo: Entry, tallies?: Partial<Tallies> | undefined): Promise<void>;
  /** Adds to the tallies; they are written with the next acknowledgement. */
  tally(add: Partial<Tallies>): void;
  /**
   * Parks these, and resolves when their copies are durable and the acknowledgement has moved past them.
   * They must be the first pending ones, whole and in order, as `read` gave them. Thousands at once are fine.
   * @throws OutboxFullError, StorageError: they are still pending then.
   */
  park(entries: readonly Entry[], why: ParkReason): Promise<void>;
  /**
   * These go to the tail again, under the current session with new numbers, and are no longer pending where they were; one commit does both.
   * They must be the first pending ones, as for `park`.
   */
  move(entries: readonly Entry[]): Promise<Receipt[]>;

  /** Parked passings, oldest first, in chunks; memory does not grow with their number. */
  parked(): AsyncIterable<readonly ParkedEntry[]>;
  /** Parked passings that `filter` takes go to the tail again, under the current session with new numbers. */
  requeue(filter: (parked: ParkedEntry) => boolean): Promise<Receipt[]>;

  /** What the folder still has, oldest first, in chunks: delivered and retained, then pending. Parked ones are left out. */
  history(): AsyncIterable<readonly HistoryEntry[]>;

  stats(): JournalStats;
  /** Waits for the appends under way and the acknowledgement, then releases the folder. Never rejects; further calls do nothing. */
  close(): Promise<void>;
}
