import { OutboxBusyError, OutboxClosedError } from '../errors.js';
import type {
  Damage,
  Entry,
  Journal,
  JournalEvents,
  JournalStats,
  Leaving,
  Numbered,
  ParkedEntry,
  ParkReason,
  Replacement,
  SourcePosition,
  StoredPassing,
  Tallies,
} from '../journal.js';
import type { CheckpointFile } from './checkpoint-file.js';
import type { Checkpointer } from './checkpointer.js';
import { CommitTimes } from './commit-times.js';
import type { Committer, WriteBatch } from './committer.js';
import type { HighWater } from './high-water.js';
import { type HistoryEntry, type HistorySetup, history } from './history.js';
import { IntervalSet } from './intervals.js';
import type { Lock } from './lock.js';
import { LogReader, readBatch, type Stored } from './log-reader.js';
import { Mutex } from './mutex.js';
import type { ReplaceRecord, SessionRecord } from './records.js';
import { type Space, storageError } from './space.js';
import {
  type LogDraft,
  leavingRecord,
  PassingBatch,
  type PassingBatchFacts,
  renumberRecord,
  replaceRecord,
  SingleRecord,
  sessionRecord,
  sizeOf,
  sourceRecord,
  unconfirmedRecord,
} from './write-batch.js';

export interface Parts extends Omit<HistorySetup, 'entryOf'> {
  readonly checkpointFile: CheckpointFile;
  readonly highWater: HighWater;
  readonly committer: Committer<LogDraft>;
  readonly checkpointer: Checkpointer;
  readonly space: Space;
  readonly lock: Lock;
  readonly found: Damage;
  readonly wall: () => number;
  readonly maxPendingBytes: number;
  readonly events: Partial<JournalEvents>;
}

/** The durable half of the outbox, over files. */
export class DiskJournal implements Journal {
  readonly found: Damage;
  readonly lastCommit: Journal['lastCommit'];
  #reader: LogReader;
  #pendingBytes = 0;
  /** One at a time, or two of them would take the same passing. */
  readonly #requeues = new Mutex();
  #closing: Promise<void> | null = null;
  readonly #times = new CommitTimes();

  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.found = parts.found;
    this.lastCommit = parts.state.stamp;
    this.#reader = this.#newReader();
  }

  get session(): string | null {
    return this.#parts.state.session;
  }

  get deviceid(): string | null {
    return this.#parts.state.deviceid;
  }

  get leaving(): Leaving | null {
    return this.#parts.state.leaving;
  }

  get suspect(): boolean {
    return this.#parts.checkpointer.suspect;
  }

  get pending(): number {
    return this.#parts.state.pending;
  }

  get newest(): number {
    return this.#parts.state.last;
  }

  get parkedCount(): number {
    return this.#parts.parked.count - this.#parts.state.requeued.length;
  }

  pendingUpTo(seq: number): number {
    return this.#parts.state.pendingUpTo(seq);
  }

  /** Has nothing open any more that was removed. */
  letGo(): Promise<void> {
    return this.#reader.leave();
  }

  /** Finishes what a crash may have left half done. */
  async resume(): Promise<void> {
    const head = await this.#reader.peek();
    if (head !== null) this.#times.note(head.seq, head.record.at, true);
    await this.#parts.checkpointer.begin();
    await this.#parts.log.reserve();
    // With a full disk this waits for the next requeue.
    await this.#releaseRequeued().catch(() => undefined);
    // Beside all else: parked/ may be large.
    if (this.#parts.parked.count === 0) void this.#requeues.run(() => this.#sweepParked());
  }

  async adopt(): Promise<void> {
    this.#parts.checkpointer.suspect = false;
    await this.#parts.checkpointer.save();
  }

  nextNumber(token_session: string): number | undefined {
    return this.#parts.state.nextNumber(token_session);
  }

  replacedBy(token_session: string): string | undefined {
    return this.#parts.state.successorOf(token_session);
  }

  startSession(token_session: string, atLeast = 1, deviceid?: string): Promise<void> {
    return this.#submitOne((draft) => sessionRecord(draft, token_session, atLeast, deviceid ?? null));
  }

  leave(leaving: Leaving | null): Promise<void> {
    return this.#submitOne((draft) => leavingRecord(draft, leaving));
  }

  unconfirmedFrom(token_session: string): number | undefined {
    return this.#parts.state.unconfirmedFrom(token_session);
  }

  setUnconfirmed(token_session: string, from: number | null): Promise<void> {
    return this.#submitOne((draft) => unconfirmedRecord(draft, token_session, from));
  }

  async renumber(first: Entry, atLeast: number): Promise<number> {
    let to = atLeast;
    await this.#submitOne((draft) => {
      const record = renumberRecord(draft, first, atLeast);
      to = record.base;
      return record;
    });
    await this.#reader.close();
    this.#reader = this.#newReader();
    return to;
  }

  async replaceSession(replacement: Replacement): Promise<void> {
    const { state } = this.#parts;
    const first = replacement.first ?? { seq: state.last + 1, num_passing: state.nextNumber(replacement.from) ?? 1 };
    await this.#submitOne((draft) => replaceRecord(draft, { ...replacement, first }));
    await this.#reader.close();
    this.#reader = this.#newReader();
  }

  async append(passings: readonly StoredPassing[], source?: SourcePosition): Promise<Numbered[]> {
    this.#usable();
    if (passings.length === 0) {
      if (source !== undefined) await this.#submitOne((draft) => sourceRecord(draft, source), true);
      return [];
    }
    return await this.#submitPassings({ passings, source, limited: true });
  }

  position(source: string): string | number | undefined {
    return this.#parts.state.positions.get(source);
  }

  read(limits: { max: number; maxBytes: number }): Promise<Entry[]> {
    return readBatch(this.#reader, limits, this.#entryOf);
  }

  acknowledge(upTo: Entry, tallies: Partial<Tallies> = {}): Promise<void> {
    const { state, checkpointer, wall } = this.#parts;
    checkpointer.tally(tallies);
    state.acknowledge(state.passed(upTo.seq, { delivered: true, at: wall(), tallies: checkpointer.tallies }));
    return checkpointer.save();
  }

  tally(add: Partial<Tallies>): void {
    this.#parts.checkpointer.tally(add);
  }

  async park(entries: readonly Entry[], why: ParkReason): Promise<void> {
    const { state, parked, checkpointer } = this.#parts;
    const last = this.#headOf(entries);
    await parked.park(entries, why, this.#passedBy(last));
    state.acknowledge(this.#passedBy(last));
    await checkpointer.save();
  }

  async move(entries: readonly Entry[]): Promise<Numbered[]> {
    const last = this.#headOf(entries);
    const passings = entries.map(({ passing }) => passing);
    const moved = [entries[0]!.seq, last] as const;
    const receipts = await this.#submitPassings({ passings, moved, ack: () => this.#passedBy(last), limited: false });
    await this.#parts.checkpointer.save();
    return receipts;
  }

  async *parked(): AsyncGenerator<ParkedEntry[]> {
    for await (const entries of this.#parts.parked.entries()) {
      const back = new Set(this.#parts.state.requeued.map(([, was]) => was));
      const still = back.size === 0 ? entries : entries.filter(({ seq }) => !back.has(seq));
      if (still.length > 0) yield still;
    }
  }

  requeue(filter: (parked: ParkedEntry) => boolean): Promise<Numbered[]> {
    return this.#requeues.run(() => this.#requeueAll(filter));
  }

  history(): AsyncGenerator<HistoryEntry[]> {
    return history({ ...this.#parts, entryOf: this.#entryOf });
  }

  stats(): JournalStats {
    const { state, checkpointer, space } = this.#parts;
    const { pending, parkedCount } = this;
    return {
      appended: state.checkpoint.delivered + parkedCount + pending,
      delivered: state.checkpoint.delivered,
      parked: parkedCount,
      pending,
      tallies: checkpointer.tallies,
      storage: space.state,
      diskBytes: space.usedBytes,
      oldestPendingAt: pending === 0 ? null : this.#times.of(state.checkpoint.seq + 1),
      lastDeliveredAt: state.checkpoint.at,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut();
    return this.#closing;
  }

  async #shut(): Promise<void> {
    const { committer, checkpointer, parked, log, checkpointFile, highWater, lock, space } = this.#parts;
    await this.#requeues.idle();
    await committer.idle();
    await checkpointer.close();
    space.close();
    await this.#reader.close();
    await parked.close().catch(() => undefined);
    await log.close();
    await checkpointFile.close().catch(() => undefined);
    await highWater.close().catch(() => undefined);
    await lock.release();
  }

  readonly #entryOf = ({ seq, bytes, record }: Stored): Entry => ({
    seq,
    ...this.#parts.state.addressOf(seq, record.session, record.num),
    passing: record.passing,
    at: record.at,
    bytes,
  });

  #newReader(): LogReader {
    const { disk, log, state, events } = this.#parts;
    const lost = (first: number, last: number): void => {
      const corruptRecords = state.missing.add(first, last);
      if (corruptRecords > 0) events.damaged?.({ records: 0, tornBytes: 0, corruptRecords });
    };
    return new LogReader({ disk, log, lost }, state.checkpoint.seq);
  }

  #usable(): void {
    const { log, state } = this.#parts;
    if (this.#closing !== null) throw new OutboxClosedError();
    if (log.failure !== undefined) throw storageError(log.failure);
    if (state.session === null) throw new Error('The folder has no session yet: startSession comes first');
  }

  #submitPassings(facts: PassingBatchFacts): Promise<Numbered[]> {
    const bytes = facts.passings.reduce((sum, passing) => sum + sizeOf(passing), 0);
    return this.#submit(bytes, (settle) => new PassingBatch(facts, bytes, this.#parts.state, settle, this.#committed));
  }

  readonly #committed = (firstSeq: number, count: number, at: number): void => {
    const { state, highWater, events } = this.#parts;
    const { last: seq, session } = state;
    highWater.note({ seq, session: session!, next: state.nextNumber(session!)! });
    this.#times.note(firstSeq, at, state.pending <= count);
    events.committed?.(count);
  };

  #submitOne(make: (draft: LogDraft) => SessionRecord | ReplaceRecord, limited = false): Promise<void> {
    return this.#submit<void>(0, (settle) => new SingleRecord(make, this.#parts.state, settle, limited));
  }

  #submit<T>(
    bytes: number,
    list: (settle: { resolve: (value: T) => void; reject: (error: unknown) => void }) => WriteBatch<LogDraft>,
  ): Promise<T> {
    const { committer, maxPendingBytes } = this.#parts;
    if (this.#closing !== null) return Promise.reject(new OutboxClosedError());
    if (this.#pendingBytes + bytes > maxPendingBytes) {
      const message = `${this.#pendingBytes} bytes wait for the disk; ${bytes} more would pass maxPendingBytes (${maxPendingBytes})`;
      return Promise.reject(new OutboxBusyError(message, { pendingBytes: this.#pendingBytes }));
    }
    this.#pendingBytes += bytes;
    return new Promise<T>((resolve, reject) => {
      // Not by `finally`: its promises cost more than the rest of this.
      committer.submit(
        list({
          resolve: (value) => {
            this.#pendingBytes -= bytes;
            resolve(value);
          },
          reject: (error) => {
            this.#pendingBytes -= bytes;
            reject(error);
          },
        }),
      );
    });
  }

  /** The seq of the last of these, which must be the first pending ones. */
  #headOf(entries: readonly Entry[]): number {
    const { state } = this.#parts;
    let seq = state.checkpoint.seq;
    for (const entry of entries) {
      if (entry.seq - 1 - seq !== state.missing.count(seq + 1, entry.seq - 1)) {
        throw new Error(`Passing ${entry.seq} is not the next pending one after ${seq}`);
      }
      seq = entry.seq;
    }
    return seq;
  }

  #passedBy(seq: number): ReturnType<Parts['state']['passed']> {
    const { state, checkpointer, wall } = this.#parts;
    return state.passed(seq, { delivered: false, at: wall(), tallies: checkpointer.tallies });
  }

  async #requeueAll(filter: (parked: ParkedEntry) => boolean): Promise<Numbered[]> {
    this.#usable();
    await this.#releaseRequeued();
    const receipts: Numbered[] = [];
    for await (const entries of this.parked()) {
      const chosen = entries.filter(filter);
      if (chosen.length === 0) continue;
      const passings = chosen.map(({ passing }) => passing);
      receipts.push(...(await this.#submitPassings({ passings, was: chosen.map(({ seq }) => seq), limited: false })));
      await this.#releaseRequeued();
    }
    await this.#sweepParked();
    return receipts;
  }

  /** Tells parked/ what is back in the log. Until then the log itself remembers, in each header. */
  async #releaseRequeued(): Promise<void> {
    const { state, parked } = this.#parts;
    const open = state.requeued;
    if (open.length === 0) return;
    const seqs = new IntervalSet();
    for (const [, was] of open) seqs.add(was);
    await parked.release(seqs, open.length, open.at(-1)![0]);
    state.requeued = [];
  }

  async #sweepParked(): Promise<void> {
    await this.#parts.parked.sweep(this.#parts.checkpointer.retained).catch(() => undefined);
  }
}
