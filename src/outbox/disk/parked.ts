import type { Damage, Entry, ParkedEntry, ParkReason } from '../journal.js';
import type { Receipt } from '../types.js';
import type { Checkpointer } from './checkpointer.js';
import { encodeLine } from './codec.js';
import { Committer, type CommitterSetup, type Draft } from './committer.js';
import type { Disk } from './disk.js';
import { type Interval, IntervalSet } from './intervals.js';
import { SegmentedLog } from './log.js';
import { Mutex } from './mutex.js';
import type { Checkpoint, LogRecord, ParkedLogRecord, ParkedRecord, Stamp, VoidRecord } from './records.js';
import { type Recovery, recoverLog } from './recover.js';
import { readSegments } from './segment-reader.js';
import { type LogState, ParkedState } from './state.js';
import type { PassingBatchFacts } from './write-batch.js';

export interface ParkedSetup extends Omit<CommitterSetup<Draft>, 'log' | 'begin'> {
  readonly disk: Disk;
  readonly folder: string;
  readonly segmentBytes?: number | undefined;
  /** The checkpoint of the log: what is parked up to there was durable before it was written. */
  readonly acknowledged: number;
  readonly stamp: () => { readonly at: number; readonly mono: number };
}

/** The record is a parked passing, and the log's checkpoint is past it. */
export const isParkedUpTo = (record: LogRecord | ParkedLogRecord, acknowledged: number): boolean =>
  record.t === 'k' && record.of <= acknowledged;

/** parked/: the passings that the server refuses, each with its reason, in a log of their own; and which of them were requeued since. */
export class ParkedLog {
  readonly found: Damage;
  readonly #disk: Disk;
  readonly state: ParkedState;
  readonly log: SegmentedLog;
  readonly #committer: Committer<Draft>;

  private constructor(setup: ParkedSetup, state: ParkedState, recovery: Recovery<ParkedLogRecord>) {
    const { disk, folder, segmentBytes, stamp } = setup;
    const { segments, tail, last, damage } = recovery;
    const header = (seq: number): Buffer => Buffer.from(encodeLine(seq, JSON.stringify(state.header(stamp()))));
    const log = new SegmentedLog({ disk, folder, segmentBytes, header, segments, tail, last });
    this.found = { ...damage, records: 0 };
    this.#disk = disk;
    this.state = state;
    this.log = log;
    this.#committer = new Committer({ ...setup, log, begin: () => ({ last: log.last, ...stamp() }) });
  }

  static async open(setup: ParkedSetup): Promise<ParkedLog> {
    const { disk, folder, acknowledged } = setup;
    const state = new ParkedState();
    const recovery = await recoverLog<ParkedLogRecord>({
      disk,
      folder,
      isDurable: (record) => isParkedUpTo(record, acknowledged),
      state,
    });
    return new ParkedLog(setup, state, recovery);
  }

  /** How many are parked now. */
  get count(): number {
    const { missing, releases, voided } = this.state;
    return this.log.last - missing.count(1, this.log.last) - releases - voided;
  }

  /** Bytes that `renew` would free. */
  get renewable(): number {
    return this.count === 0 ? this.log.renewable : 0;
  }

  /** Removes all records of passings that were parked, if none is parked now. None of them may be in the backup any more. */
  renew(): Promise<void> {
    return this.#committer.between(async () => {
      if (this.count === 0) await this.log.renew();
    });
  }

  /** Stores copies of these; `ack` is the checkpoint that is past them. */
  park(entries: readonly Entry[], why: ParkReason, ack: Checkpoint): Promise<void> {
    const { reason, status, response } = why;
    const { length } = entries;
    return this.#write(estimate(entries, why), ({ at, mono }) =>
      entries.map((entry, index) => ({
        t: 'k',
        session: entry.token_session,
        num: entry.num_passing,
        of: entry.seq,
        bytes: entry.bytes,
        appended: entry.at,
        reason,
        status,
        response,
        at,
        mono,
        ...(length > 1 && { part: [index + 1, length] as const }),
        ...(index === length - 1 && { ack }),
        passing: entry.passing,
      })),
    );
  }

  /** These are back in the log; all that were requeued up to its seq `upTo` are known here then. */
  release(seqs: IntervalSet, count: number, upTo: number): Promise<void> {
    return this.#write(64, ({ at, mono }) => [{ t: 'v', of: seqs.toJSON(), count, upTo, at, mono }]);
  }

  /** What is parked now, oldest first, in chunks. */
  async *entries(): AsyncGenerator<ParkedEntry[]> {
    const released = await this.#released();
    for await (const records of this.#records()) {
      const chunk: ParkedEntry[] = [];
      for (const record of records) if (record.t === 'k' && !released.has(record.of)) chunk.push(entryOf(record));
      if (chunk.length > 0) yield chunk;
    }
  }

  /** The seqs of all that were ever parked, requeued or not, as far as the folder still has them. */
  everParked(): Promise<IntervalSet> {
    return this.#seqs((record) => (record.t === 'k' ? [[record.of, record.of]] : []));
  }

  /**
   * Removes segments of which nothing is parked, nor in the backup (which begins at seq `retained`). Oldest first: a release must not be
   * removed before the passings that it releases.
   */
  async sweep(retained: number): Promise<void> {
    const released = await this.#released();
    for (const segment of [...this.log.segments]) {
      if (segment === this.log.segments.at(-1)) return;
      for await (const records of readSegments<ParkedLogRecord>(this.#disk, [segment])) {
        if (records.some(({ record }) => record.t === 'k' && (!released.has(record.of) || record.of >= retained)))
          return;
      }
      await this.log.remove(segment);
    }
  }

  async close(): Promise<void> {
    await this.#committer.idle();
    await this.log.close();
  }

  async #released(): Promise<IntervalSet> {
    if (this.state.voided === 0) return new IntervalSet();
    return this.#seqs((record) => (record.t === 'v' ? record.of : []));
  }

  async #seqs(of: (record: ParkedLogRecord) => readonly Interval[]): Promise<IntervalSet> {
    const seqs = new IntervalSet();
    for await (const records of this.#records()) {
      for (const [first, last] of records.flatMap(of)) seqs.add(first, last);
    }
    return seqs;
  }

  async *#records(): AsyncGenerator<ParkedLogRecord[]> {
    for await (const chunk of readSegments<ParkedLogRecord>(this.#disk, this.log.segments)) {
      yield chunk.map(({ record }) => record);
    }
  }

  #write(bytes: number, make: (stamp: Stamp) => (ParkedRecord | VoidRecord)[]): Promise<void> {
    let records: (ParkedRecord | VoidRecord)[] = [];
    return this.#committer.submit({
      bytes,
      limited: false,
      *records(draft) {
        records = make(draft);
        for (const record of records) yield [++draft.last, JSON.stringify(record)];
      },
      done: () => {
        for (const record of records) this.state.apply(record);
      },
    });
  }
}

export interface RequeuesSetup {
  readonly state: LogState;
  readonly parked: ParkedLog;
  readonly checkpointer: Pick<Checkpointer, 'retained'>;
  readonly append: (facts: PassingBatchFacts) => Promise<Receipt[]>;
}

/**
 * Moves parked passings back to the tail of the log. They are committed there first, then released in parked/. In between, the log lists
 * them in each header (`requeued`), so that a crash neither loses nor doubles one.
 */
export class Requeues {
  readonly #setup: RequeuesSetup;
  /** One at a time, or two of them would take the same passing. */
  readonly #mutex = new Mutex();

  constructor(setup: RequeuesSetup) {
    this.#setup = setup;
  }

  /** How many are parked, without those that are back. */
  get parkedCount(): number {
    return this.#setup.parked.count - this.#setup.state.requeued.length;
  }

  /** The parked passings, without those that are back; oldest first. */
  async *parked(): AsyncGenerator<ParkedEntry[]> {
    for await (const entries of this.#setup.parked.entries()) {
      const back = new Set(this.#setup.state.requeued.map(([, was]) => was));
      const still = back.size === 0 ? entries : entries.filter(({ seq }) => !back.has(seq));
      if (still.length > 0) yield still;
    }
  }

  requeue(filter: (parked: ParkedEntry) => boolean): Promise<Receipt[]> {
    return this.#mutex.run(async () => {
      await this.#release();
      const receipts: Receipt[] = [];
      for await (const entries of this.parked()) {
        const chosen = entries.filter(filter);
        if (chosen.length === 0) continue;
        const passings = chosen.map(({ passing }) => passing);
        const was = chosen.map(({ seq }) => seq);
        receipts.push(...(await this.#setup.append({ passings, was })));
        await this.#release();
      }
      await this.#sweep();
      return receipts;
    });
  }

  /** Finishes what a crash may have left half done. */
  async resume(): Promise<void> {
    // With a full disk this waits for the next requeue.
    await this.#release().catch(() => undefined);
    // Not waited for: parked/ may be large.
    if (this.#setup.parked.count === 0) void this.#mutex.run(() => this.#sweep());
  }

  idle(): Promise<void> {
    return this.#mutex.idle();
  }

  /** Tells parked/ what is back in the log. */
  async #release(): Promise<void> {
    const { state, parked } = this.#setup;
    const { requeued } = state;
    if (requeued.length === 0) return;
    const seqs = new IntervalSet(requeued.map(([, was]) => [was, was]));
    await parked.release(seqs, requeued.length, requeued.at(-1)![0]);
    state.requeued = [];
  }

  async #sweep(): Promise<void> {
    await this.#setup.parked.sweep(this.#setup.checkpointer.retained).catch(() => undefined);
  }
}

const estimate = (entries: readonly Entry[], why: ParkReason): number =>
  entries.reduce((sum, entry) => sum + entry.bytes + 128 + (why.response?.length ?? 0), 0);

function entryOf(record: ParkedRecord): ParkedEntry {
  const { of, session, num, appended, bytes, passing, reason, status, response } = record;
  return { seq: of, token_session: session, num_passing: num, at: appended, bytes, passing, reason, status, response };
}
