import type { Damage, Entry, ParkedEntry, ParkReason } from '../journal.js';
import { encodeLine } from './codec.js';
import { Committer, type CommitterSetup, type Draft } from './committer.js';
import type { Disk } from './disk.js';
import { IntervalSet } from './intervals.js';
import { SegmentedLog } from './log.js';
import type { Checkpoint, ParkedHeader, ParkedLogRecord, ParkedRecord, Stamp, VoidRecord } from './records.js';
import { FORMAT } from './records.js';
import { type Recovered, recoverLog } from './recover.js';
import { readSegments } from './segment-reader.js';
import { NO_CHECKPOINT } from './state.js';

export interface ParkedSetup extends Omit<CommitterSetup<Draft>, 'log' | 'begin'> {
  readonly disk: Disk;
  readonly folder: string;
  readonly segmentBytes?: number | undefined;
  /** The checkpoint of the log: what is parked up to there was durable before it was written. */
  readonly acknowledged: number;
  readonly stamp: () => { readonly at: number; readonly mono: number };
}

/** The state of parked/: a header with the records after it applied. Built the same way while running and while opening. */
export class ParkedState {
  /** The newest checkpoint that parked/ has. */
  checkpoint: Checkpoint = NO_CHECKPOINT;
  /** Passings that were requeued up to this seq of the main log are no longer parked. */
  upTo = 0;
  voided = 0;
  releases = 0;
  readonly missing = new IntervalSet();

  apply(record: ParkedLogRecord): void {
    if (record.t === 'k') {
      if (record.ack !== undefined) this.checkpoint = record.ack;
      return;
    }
    this.upTo = record.upTo;
    if (record.t === 'v') {
      this.voided += record.count;
      this.releases++;
      return;
    }
    this.voided = record.voided;
    this.releases = record.releases;
    this.checkpoint = record.ack;
    for (const [first, last] of record.missing) this.missing.add(first, last);
  }

  header(stamp: Stamp): ParkedHeader {
    const { voided, releases, missing, upTo, checkpoint } = this;
    return { t: 'h', v: FORMAT, ...stamp, voided, releases, missing: missing.toJSON(), upTo, ack: checkpoint };
  }
}

/** The record is a parked passing, and the log's checkpoint is past it. */
export const isParkedUpTo = (record: ParkedLogRecord, acknowledged: number): boolean =>
  record.t === 'k' && record.of <= acknowledged;

/** parked/: the passings that the server refuses, each with its reason, in a log of their own; and which of them were requeued since. */
export class ParkedLog {
  readonly found: Damage;
  readonly #disk: Disk;
  readonly state: ParkedState;
  readonly log: SegmentedLog;
  readonly #committer: Committer<Draft>;

  private constructor(setup: ParkedSetup, state: ParkedState, recovered: Recovered) {
    const { disk, folder, segmentBytes, stamp } = setup;
    const { segments, tail, last, damage } = recovered;
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
    const recovered = await recoverLog<ParkedLogRecord>({
      disk,
      folder,
      highWaterMark: 0,
      checkpointed: 0,
      isDurable: (record) => isParkedUpTo(record, acknowledged),
      apply: (_, record) => state.apply(record),
      lost: (first, last) => void state.missing.add(first, last),
    });
    return new ParkedLog(setup, state, recovered);
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
  async everParked(): Promise<IntervalSet> {
    const seqs = new IntervalSet();
    if (this.log.last === 0) return seqs;
    for await (const records of this.#records()) {
      for (const record of records) if (record.t === 'k') seqs.add(record.of);
    }
    return seqs;
  }

  /**
   * Removes segments of which nothing is parked, nor in the backup (which begins at seq `retained`). Oldest first: a release must not be
   * removed before the passings that it releases.
   */
  async sweep(retained: number): Promise<void> {
    const released = await this.#released();
    for (const segment of [...this.log.segments]) {
      if (this.log.isTail(segment)) return;
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
    const seqs = new IntervalSet();
    if (this.state.voided === 0) return seqs;
    for await (const records of this.#records()) {
      for (const record of records) if (record.t === 'v') for (const [first, last] of record.of) seqs.add(first, last);
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

const estimate = (entries: readonly Entry[], why: ParkReason): number =>
  entries.reduce((sum, entry) => sum + entry.bytes + 128 + (why.response?.length ?? 0), 0);

function entryOf(record: ParkedRecord): ParkedEntry {
  const { of, session, num, appended, bytes, passing, reason, status, response } = record;
  return { seq: of, token_session: session, num_passing: num, at: appended, bytes, passing, reason, status, response };
}
