import { OutboxBusyError, OutboxClosedError } from '../errors.js';
import type {
  Damage,
  Entry,
  HistoryEntry,
  Journal,
  JournalEvents,
  JournalStats,
  Leaving,
  ParkedEntry,
  ParkReason,
  Replacement,
  SourcePosition,
  StoredPassing,
  Tallies,
} from '../journal.js';
import type { Receipt } from '../types.js';
import type { CheckpointFile } from './checkpoint-file.js';
import type { Checkpointer } from './checkpointer.js';
import type { Committer } from './committer.js';
import type { HighWater } from './high-water.js';
import type { Lock } from './lock.js';
import type { SegmentedLog } from './log.js';
import type { LogReader } from './log-reader.js';
import { type ParkedLog, Requeues } from './parked.js';
import type { ReplaceRecord, SessionRecord } from './records.js';
import { type Space, storageError } from './space.js';
import type { LogState } from './state.js';
import { type LogDraft, PassingBatch, type PassingBatchFacts, SingleRecord, sizeOf } from './write-batch.js';

export interface Parts {
  readonly state: LogState;
  readonly log: SegmentedLog;
  readonly reader: LogReader;
  readonly parked: ParkedLog;
  readonly checkpointFile: CheckpointFile;
  readonly highWater: HighWater;
  readonly committer: Committer<LogDraft>;
  readonly checkpointer: Checkpointer;
  readonly space: Space;
  readonly lock: Lock;
  readonly found: Damage;
  readonly maxPendingBytes: number;
  readonly events: Partial<JournalEvents>;
}

export class DiskJournal implements Journal {
  readonly found: Damage;
  readonly lastCommit: Journal['lastCommit'];
  readonly #parts: Parts;
  readonly #requeues: Requeues;
  /** Of appends that are not yet durable. */
  #pendingBytes = 0;
  #closing: Promise<void> | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.found = parts.found;
    this.lastCommit = parts.state.stamp;
    this.#requeues = new Requeues({ ...parts, append: (facts) => this.#submitPassings(facts) });
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
    return this.#requeues.parkedCount;
  }

  pendingUpTo(seq: number): number {
    return this.#parts.state.pendingUpTo(seq);
  }

  /** Finishes what a crash may have left half done. */
  async resume(): Promise<void> {
    const head = await this.#parts.reader.peek();
    if (head !== null) this.#parts.state.commitTimes.note(head.seq, head.record.at, true);
    await this.#parts.checkpointer.begin();
    await this.#parts.log.reserve();
    await this.#requeues.resume();
  }

  clearSuspect(): Promise<void> {
    return this.#parts.checkpointer.clearSuspect();
  }

  nextNumber(token_session: string): number | undefined {
    return this.#parts.state.nextNumber(token_session);
  }

  replacedBy(token_session: string): string | undefined {
    return this.#parts.state.successors.get(token_session);
  }

  async startSession(token_session: string, atLeast = 1, deviceid?: string): Promise<void> {
    await this.#submitOne((draft) => draft.start(token_session, atLeast, deviceid ?? null));
  }

  async leave(leaving: Leaving | null): Promise<void> {
    await this.#submitOne((draft) => draft.restate({ leaving }));
  }

  unconfirmedFrom(token_session: string): number | undefined {
    return this.#parts.state.unconfirmed.get(token_session);
  }

  async setUnconfirmed(token_session: string, from: number | null): Promise<void> {
    await this.#submitOne((draft) => draft.restate({ unconfirmed: { session: token_session, from } }));
  }

  async renumber(first: Entry, atLeast: number): Promise<number> {
    const { base } = await this.#submitOne((draft) => draft.renumber(first, atLeast));
    await this.#parts.reader.restart();
    return base;
  }

  async replaceSession(replacement: Replacement): Promise<void> {
    const { state } = this.#parts;
    const first = replacement.first ?? { seq: state.last + 1, num_passing: state.nextNumber(replacement.from) ?? 1 };
    await this.#submitOne((draft) => draft.replace({ ...replacement, first }));
    await this.#parts.reader.restart();
  }

  async append(passings: readonly StoredPassing[], source?: SourcePosition): Promise<Receipt[]> {
    this.#usable();
    if (passings.length === 0) {
      if (source !== undefined) await this.#submitOne((draft) => draft.restate({ source }), true);
      return [];
    }
    return await this.#submitPassings({ passings, source, limited: true });
  }

  position(source: string): string | number | undefined {
    return this.#parts.state.positions.get(source);
  }

  read(limits: { max: number; maxBytes: number }): Promise<Entry[]> {
    return this.#parts.reader.read(limits);
  }

  acknowledge(upTo: Entry, tallies: Partial<Tallies> = {}): Promise<void> {
    const { state, checkpointer } = this.#parts;
    checkpointer.tally(tallies);
    state.acknowledge(checkpointer.passed(upTo.seq, true));
    return checkpointer.save();
  }

  tally(add: Partial<Tallies>): void {
    this.#parts.checkpointer.tally(add);
  }

  async park(entries: readonly Entry[], why: ParkReason): Promise<void> {
    const { state, parked, checkpointer } = this.#parts;
    const last = state.lastOf(entries);
    await parked.park(entries, why, checkpointer.passed(last, false));
    state.acknowledge(checkpointer.passed(last, false));
    await checkpointer.save();
  }

  async move(entries: readonly Entry[]): Promise<Receipt[]> {
    const { state, checkpointer } = this.#parts;
    const last = state.lastOf(entries);
    const passings = entries.map(({ passing }) => passing);
    const moved = [entries[0]!.seq, last] as const;
    const receipts = await this.#submitPassings({ passings, moved, ack: () => checkpointer.passed(last, false) });
    await checkpointer.save();
    return receipts;
  }

  parked(): AsyncGenerator<ParkedEntry[]> {
    return this.#requeues.parked();
  }

  async requeue(filter: (parked: ParkedEntry) => boolean): Promise<Receipt[]> {
    this.#usable();
    return this.#requeues.requeue(filter);
  }

  history(): AsyncGenerator<HistoryEntry[]> {
    return this.#parts.reader.history();
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
      diskBytes: space.contents.bytes(),
      oldestPendingAt: pending === 0 ? null : state.commitTimes.of(state.checkpoint.seq + 1),
      lastDeliveredAt: state.checkpoint.at,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut();
    return this.#closing;
  }

  async #shut(): Promise<void> {
    const { committer, checkpointer, space, reader, parked, log, checkpointFile, highWater, lock } = this.#parts;
    await this.#requeues.idle();
    await committer.idle();
    for (const part of [checkpointer, space, reader, parked, log, checkpointFile, highWater]) {
      await part.close().catch(() => undefined);
    }
    await lock.release();
  }

  #usable(): void {
    const { log, state } = this.#parts;
    if (this.#closing !== null) throw new OutboxClosedError();
    if (log.failure !== undefined) throw storageError(log.failure);
    if (state.session === null) throw new Error('The folder has no session yet: startSession comes first');
  }

  #submitPassings(facts: PassingBatchFacts): Promise<Receipt[]> {
    const { committer, state, maxPendingBytes } = this.#parts;
    const bytes = facts.passings.reduce((sum, passing) => sum + sizeOf(passing), 0);
    if (this.#closing !== null) return Promise.reject(new OutboxClosedError());
    if (this.#pendingBytes + bytes > maxPendingBytes) {
      const message = `${this.#pendingBytes} bytes wait for the disk; ${bytes} more would pass maxPendingBytes (${maxPendingBytes})`;
      return Promise.reject(new OutboxBusyError(message, { pendingBytes: this.#pendingBytes }));
    }
    this.#pendingBytes += bytes;
    return committer.submit(new PassingBatch(facts, bytes, state, this.#committed), this.#settled);
  }

  readonly #settled = (bytes: number): void => {
    this.#pendingBytes -= bytes;
  };

  readonly #committed = (firstSeq: number, count: number, at: number): void => {
    const { state, highWater, events } = this.#parts;
    const { last: seq, session } = state;
    highWater.note({ seq, session: session!, next: state.nextNumber(session!)! });
    state.commitTimes.note(firstSeq, at, state.pending <= count);
    events.committed?.(count);
  };

  async #submitOne<R extends SessionRecord | ReplaceRecord>(make: (draft: LogDraft) => R, limited = false): Promise<R> {
    if (this.#closing !== null) throw new OutboxClosedError();
    return this.#parts.committer.submit(new SingleRecord(make, this.#parts.state, limited));
  }
}
