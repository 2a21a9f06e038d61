import type { Damage, Entry, ParkedEntry, ParkReason } from '../journal.js';
import { encodeLine } from './codec.js';
import { Committer, type CommitterSetup, type Draft } from './committer.js';
import type { Disk } from './disk.js';
import { IntervalSet } from './intervals.js';
import { SegmentedLog } from './log.js';
import type { Checkpoint, ParkedHeader, ParkedLogRecord, ParkedRecord, Stamp, VoidRecord } from './records.js';
import { FORMAT } from './records.js';
import { recoverLog } from './recover.js';
import { readSegment } from './segment-reader.js';
import { NO_CHECKPOINT } from './state.js';

export interface ParkedSetup extends Omit<CommitterSetup<Draft>, 'log' | 'begin'> {
  readonly disk: Disk;
  readonly folder: string;
  readonly synced: boolean;
  readonly segmentBytes?: number | undefined;
  readonly stamp: () => { readonly at: number; readonly mono: number };
}

/** parked/: passings the server will not have, each with its reason, as a log of their own; and which of them were requeued since. */
export class ParkedLog {
  /** The newest acknowledgement checkpointed here. */
  checkpoint: Checkpoint = NO_CHECKPOINT;
  /** Passings that were requeued up to this seq of the main log are taken off. */
  upTo = 0;
  found: Damage = { records: 0, tornBytes: 0, corruptRecords: 0 };
  private voided = 0;
  private releases = 0;
  private readonly missing = new IntervalSet();
  private log!: SegmentedLog;
  private committer!: Committer<Draft>;

  private constructor(private readonly setup: ParkedSetup) {}

  static async open(setup: ParkedSetup): Promise<ParkedLog> {
    const parked = new ParkedLog(setup);
    const { disk, folder, synced, segmentBytes, stamp } = setup;
    const { segments, tail, last, damage } = await recoverLog<ParkedLogRecord>({
      disk,
      folder,
      synced,
      highWaterMark: 0,
      checkpointed: 0,
      apply: (_, record) => parked.apply(record),
      lost: (first, lastLost) => void parked.missing.add(first, lastLost),
    });
    parked.found = { ...damage, records: 0 };
    const header = (seq: number): Buffer => Buffer.from(encodeLine(seq, JSON.stringify(parked.header(stamp()))));
    parked.log = new SegmentedLog({ disk, folder, synced, segmentBytes, header, segments, tail, last });
    parked.committer = new Committer({
      ...setup,
      log: parked.log,
      begin: () => ({ last: parked.log.last, ...stamp() }),
    });
    return parked;
  }

  get bytes(): number {
    return this.log.bytes;
  }

  /** How many are parked now. */
  get count(): number {
    return this.log.last - this.missing.count(1, this.log.last) - this.releases - this.voided;
  }

  /** Bytes that `renew` would make free. */
  get renewable(): number {
    return this.count === 0 ? this.log.renewable : 0;
  }

  /** Forgets what was parked once, if nothing is now. None of it may be in the backup any more. */
  renew(): Promise<void> {
    return this.committer.between(async () => {
      if (this.count === 0) await this.log.renew();
    });
  }

  get failure(): unknown {
    return this.log.failure;
  }

  /** Keeps copies of these; `ack` is where the acknowledgement stands once they are kept. */
  park(entries: readonly Entry[], why: ParkReason, ack: Checkpoint): Promise<void> {
    const { reason, status, response } = why;
    return this.write(estimate(entries, why), function* (draft) {
      for (const [index, entry] of entries.entries()) {
        const record: ParkedRecord = {
          t: 'k',
          session: entry.token_session,
          num: entry.num_passing,
          of: entry.seq,
          bytes: entry.bytes,
          appended: entry.at,
          reason,
          status,
          response,
          at: draft.at,
          mono: draft.mono,
          ...(entries.length > 1 ? { part: [index + 1, entries.length] as const } : {}),
          ...(index === entries.length - 1 ? { ack } : {}),
          passing: entry.passing,
        };
        yield record;
      }
    });
  }

  /** These went back to the log; all requeued up to seq `upTo` of it are dealt with. */
  async release(seqs: IntervalSet, count: number, upTo: number): Promise<void> {
    await this.write(64, function* ({ at, mono }) {
      const record: VoidRecord = { t: 'v', of: seqs.toJSON(), count, upTo, at, mono };
      yield record;
    });
  }

  /** What is parked now, oldest first, in chunks. */
  async *entries(): AsyncGenerator<ParkedEntry[]> {
    const released = await this.released();
    for await (const records of this.records()) {
      const chunk: ParkedEntry[] = [];
      for (const record of records) if (record.t === 'k' && !released.has(record.of)) chunk.push(entryOf(record));
      if (chunk.length > 0) yield chunk;
    }
  }

  /** The seqs of all that were ever parked, requeued since or not, as far as the folder still knows. */
  async everParked(): Promise<IntervalSet> {
    const seqs = new IntervalSet();
    if (this.log.last === 0) return seqs;
    for await (const records of this.records()) {
      for (const record of records) if (record.t === 'k') seqs.add(record.of);
    }
    return seqs;
  }

  /** Removes, oldest first, for a release must not go before what it releases, the segments of which nothing is parked any more, nor in the backup (which begins at seq `retained`). */
  async sweep(retained: number): Promise<void> {
    const released = await this.released();
    for (const segment of [...this.log.segments]) {
      if (this.log.isTail(segment)) return;
      for await (const records of readSegment<ParkedLogRecord>(
        this.setup.disk,
        [segment.path],
        segment.size,
        Number.MAX_SAFE_INTEGER,
      )) {
        if (records.some(({ record }) => record.t === 'k' && (!released.has(record.of) || record.of >= retained)))
          return;
      }
      await this.log.remove(segment);
    }
  }

  async close(): Promise<void> {
    await this.committer.idle();
    await this.log.close();
  }

  private async released(): Promise<IntervalSet> {
    const seqs = new IntervalSet();
    if (this.voided === 0) return seqs;
    for await (const records of this.records()) {
      for (const record of records) if (record.t === 'v') for (const [first, last] of record.of) seqs.add(first, last);
    }
    return seqs;
  }

  private async *records(): AsyncGenerator<ParkedLogRecord[]> {
    for (const { path, size, first } of [...this.log.segments]) {
      const next = this.log.segments.find((segment) => segment.first > first);
      for await (const chunk of readSegment<ParkedLogRecord>(
        this.setup.disk,
        [path],
        size,
        (next?.first ?? Number.POSITIVE_INFINITY) - 1,
      )) {
        yield chunk.map(({ record }) => record);
      }
    }
  }

  private write(bytes: number, records: (draft: Draft) => Generator<ParkedRecord | VoidRecord>): Promise<void> {
    const written: (ParkedRecord | VoidRecord)[] = [];
    return new Promise((resolve, reject) => {
      this.committer.submit({
        bytes,
        limited: false,
        *records(draft) {
          written.length = 0;
          for (const record of records(draft)) {
            written.push(record);
            draft.last++;
            yield [draft.last, JSON.stringify(record)];
          }
        },
        done: () => {
          for (const record of written) this.apply(record);
          resolve();
        },
        failed: reject,
      });
    });
  }

  private apply(record: ParkedLogRecord): void {
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

  private header(stamp: Stamp): ParkedHeader {
    return {
      t: 'h',
      v: FORMAT,
      ...stamp,
      voided: this.voided,
      releases: this.releases,
      missing: this.missing.toJSON(),
      upTo: this.upTo,
      ack: this.checkpoint,
    };
  }
}

const estimate = (entries: readonly Entry[], why: ParkReason): number =>
  entries.reduce((sum, entry) => sum + entry.bytes + 128 + (why.response?.length ?? 0), 0);

function entryOf(record: ParkedRecord): ParkedEntry {
  const { of, session, num, appended, bytes, passing, reason, status, response } = record;
  return { seq: of, token_session: session, num_passing: num, at: appended, bytes, passing, reason, status, response };
}
