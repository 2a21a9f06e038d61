import type { Entry, Leaving, Tallies } from '../journal.js';
import { IntervalSet } from './intervals.js';
import {
  type Checkpoint,
  FORMAT,
  type LogHeader,
  type LogRecord,
  type ParkedHeader,
  type ParkedLogRecord,
  type PassingRecord,
  type Stamp,
} from './records.js';
import type { SequencedRecord } from './segment-reader.js';

const NO_TALLIES: Tallies = { inserted: 0, duplicates: 0, requests: 0, retries: 0 };
export const NO_CHECKPOINT: Checkpoint = { seq: 0, delivered: 0, tallies: NO_TALLIES, at: null };

export type Replaced = LogHeader['replaced'][number];

/** The state of the log: a header with the records after it applied. Built the same way while running and while opening. */
export class LogState {
  /** The seq of the newest passing. */
  last: number;
  session: string | null = null;
  /** The device of the current session, where that is known. */
  deviceid: string | null = null;
  leaving: Leaving | null = null;
  checkpoint: Checkpoint = NO_CHECKPOINT;
  /** Seqs of damaged passings beyond the checkpoint. */
  readonly missing = new IntervalSet();
  /** Seqs of passings that went to the tail under new numbers. */
  readonly moved = new IntervalSet();
  requeued: [seq: number, was: number][] = [];
  stamp: { wall: number; mono: number; boot: string | null } | null = null;
  readonly positions = new Map<string, string | number>();
  readonly unconfirmed = new Map<string, number>();
  readonly successors = new Map<string, string>();
  /** Of those that are pending. */
  readonly commitTimes = new CommitTimes();
  readonly #next = new Map<string, number>();
  #replaced: Replaced[] = [];

  constructor(last = 0) {
    this.last = last;
  }

  nextNumber(session: string): number | undefined {
    return this.#next.get(session);
  }

  /** Numbers below `next` are taken. */
  raise(session: string, next: number): void {
    if (next > (this.#next.get(session) ?? -1)) this.#next.set(session, next);
  }

  apply(record: LogRecord, seq: number): void {
    switch (record.t) {
      case 'h':
        this.#load(record);
        // A header carries the seq of the next passing.
        this.last = Math.max(this.last, seq - 1);
        break;
      case 's':
        this.session = record.session;
        this.deviceid = record.deviceid;
        this.raise(record.session, record.next);
        if (record.source !== undefined) this.positions.set(record.source.name, record.source.position);
        if (record.leaving !== undefined) this.leaving = record.leaving;
        if (record.unconfirmed !== undefined) {
          const { session, from } = record.unconfirmed;
          if (from === null) this.unconfirmed.delete(session);
          else this.unconfirmed.set(session, from);
        }
        break;
      case 'r':
        this.replace(record);
        this.deviceid = record.deviceid ?? this.deviceid;
        break;
      case 'p':
        this.passing(seq, record);
        break;
    }
    this.stamp = { wall: record.at, mono: record.mono, boot: this.stamp?.boot ?? null };
  }

  /** Takes over a checkpoint, unless it is older. */
  acknowledge(ack: Checkpoint): void {
    if (ack.seq < this.checkpoint.seq) return;
    this.checkpoint = ack;
    this.missing.dropUpTo(ack.seq);
  }

  /**
   * Takes over what parked/ knows, and that the log begins with `first` (undefined: it is gone), where a crash has left them at
   * different points. Returns how many passings are lost.
   */
  reconcile(first: number | undefined, parked: ParkedState): number {
    if (parked.checkpoint.seq > this.checkpoint.seq) this.acknowledge(parked.checkpoint);
    this.requeued = this.requeued.filter(([seq]) => seq > parked.upTo);
    const { checkpoint } = this;
    this.last = Math.max(this.last, checkpoint.seq);
    // The log is gone and ack.dat is not: what was pending is lost.
    if (first === undefined) return this.pending === 0 ? 0 : this.missing.add(checkpoint.seq + 1, this.last);
    // A segment leaves the log only when all of it is acknowledged: what the checkpoint does not cover was delivered.
    const gone = first - 1 - checkpoint.seq;
    if (gone > 0) this.acknowledge({ ...checkpoint, seq: first - 1, delivered: checkpoint.delivered + gone });
    return 0;
  }

  /** The checkpoint at `seq`. */
  passed(seq: number, change: { delivered: boolean; at: number; tallies: Tallies }): Checkpoint {
    const { checkpoint } = this;
    const delivered = change.delivered ? seq - checkpoint.seq - this.missing.count(checkpoint.seq + 1, seq) : 0;
    return {
      seq,
      delivered: checkpoint.delivered + delivered,
      tallies: change.tallies,
      at: delivered > 0 ? change.at : checkpoint.at,
    };
  }

  get pending(): number {
    return this.pendingUpTo(this.last);
  }

  pendingUpTo(last: number): number {
    const { seq } = this.checkpoint;
    return last <= seq ? 0 : last - seq - this.missing.count(seq + 1, last);
  }

  /** A passing of the log under the session and the number that it is sent with. */
  entryOf({ seq, bytes, record }: SequencedRecord<PassingRecord>): Entry {
    const { passing, at } = record;
    let { session: token_session, num: num_passing } = record;
    for (const { from, to, firstSeq, lastSeq, firstNum, base } of this.#replaced) {
      if (seq < firstSeq || seq > lastSeq || from !== token_session) continue;
      token_session = to;
      num_passing += base - firstNum;
    }
    return { seq, token_session, num_passing, passing, at, bytes };
  }

  /** The seq of the last of these, which must be the first pending ones. */
  lastOf(entries: readonly Entry[]): number {
    let { seq } = this.checkpoint;
    for (const entry of entries) {
      if (entry.seq - 1 - seq !== this.missing.count(seq + 1, entry.seq - 1)) {
        throw new Error(`Passing ${entry.seq} is not the next pending one after ${seq}`);
      }
      seq = entry.seq;
    }
    return seq;
  }

  replace(record: Replaced): void {
    const { from, to, firstSeq, lastSeq, firstNum, base } = record;
    this.#replaced.push({ from, to, firstSeq, lastSeq, firstNum, base });
    if (from === to) {
      this.unconfirmed.delete(from);
    } else {
      this.successors.set(from, to);
      this.session = to;
      if (this.leaving?.session === from) this.leaving = null;
    }
    this.raise(to, base + Math.max(0, (this.#next.get(from) ?? firstNum) - firstNum));
  }

  /** The folder holds nothing before `seq` any more: its replacements and moves are no longer needed. */
  forgetBefore(seq: number): void {
    this.#replaced = this.#replaced.filter((replaced) => replaced.lastSeq >= seq);
    this.moved.dropUpTo(seq - 1);
  }

  header(stamp: { at: number; mono: number; boot: string | null }): LogHeader {
    return {
      t: 'h',
      v: FORMAT,
      ...stamp,
      session: this.session,
      deviceid: this.deviceid,
      next: Object.fromEntries(this.#next),
      positions: Object.fromEntries(this.positions),
      ...(this.leaving && { leaving: this.leaving }),
      ...(this.unconfirmed.size > 0 && { unconfirmed: Object.fromEntries(this.unconfirmed) }),
      replaced: this.#replaced,
      successors: Object.fromEntries(this.successors),
      missing: this.missing.toJSON(),
      moved: this.moved.toJSON(),
      requeued: this.requeued,
      ack: this.checkpoint,
    };
  }

  passing(seq: number, record: Pick<PassingRecord, 'session' | 'num' | 'was' | 'source' | 'ack' | 'moved'>): void {
    this.last = seq;
    this.session = record.session;
    this.raise(record.session, record.num + 1);
    if (record.was !== undefined) this.requeued.push([seq, record.was]);
    if (record.source !== undefined) this.positions.set(record.source.name, record.source.position);
    if (record.moved !== undefined) this.moved.add(...record.moved);
    if (record.ack !== undefined) this.acknowledge(record.ack);
  }

  #load(header: LogHeader): void {
    this.session = header.session;
    this.deviceid = header.deviceid;
    this.leaving = header.leaving ?? null;
    for (const [session, next] of Object.entries(header.next)) this.raise(session, next);
    for (const [session, from] of Object.entries(header.unconfirmed ?? {})) this.unconfirmed.set(session, from);
    for (const [name, position] of Object.entries(header.positions)) this.positions.set(name, position);
    this.#replaced = header.replaced.map((replaced: Replaced): Replaced => ({ ...replaced }));
    for (const [from, to] of Object.entries(header.successors)) this.successors.set(from, to);
    for (const [first, last] of header.missing) this.missing.add(first, last);
    for (const [first, last] of header.moved) this.moved.add(first, last);
    this.requeued = header.requeued.map(([seq, was]) => [seq, was]);
    this.acknowledge(header.ack);
    this.stamp = { wall: header.at, mono: header.mono, boot: header.boot };
  }
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

const MOST = 1024;

/** The times of commits, by seq: a sample of limited size, for a backlog of any size. */
export class CommitTimes {
  #marks: { readonly seq: number; readonly at: number }[] = [];
  /** One commit in so many is kept. */
  #stride = 1;
  #skipped = 0;

  /** A commit whose first passing is `seq`; `alone`: nothing was pending before it. */
  note(seq: number, at: number, alone: boolean): void {
    if (alone) {
      this.#marks = [];
      this.#stride = 1;
      this.#skipped = 0;
    }
    if (this.#marks.length > 0 && ++this.#skipped < this.#stride) return;
    this.#skipped = 0;
    this.#marks.push({ seq, at });
    if (this.#marks.length <= MOST) return;
    this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** The time of the newest commit in the sample that began at or before `seq`, or of the oldest one; null without any. */
  of(seq: number): number | null {
    return (this.#marks.findLast((mark) => mark.seq <= seq) ?? this.#marks[0])?.at ?? null;
  }
}
