import type { RufusClient } from '../client.js';
import { type Batch, type BatchQueue, InDoubtRange, numbersOf } from './batch.js';
import { BatchReader } from './batch-reader.js';
import type { Clock } from './clock.js';
import type { ClosedSessions } from './closed-sessions.js';
import type { Rejection, Unsettled } from './disposition.js';
import type { Drain } from './drain.js';
import type { Emitter } from './emitter.js';
import type { Entry, Journal, ParkReason, Tallies } from './journal.js';
import type { OutboxLog } from './log.js';
import { confirmNumbers } from './numbering.js';
import type { OutboxSettings } from './options.js';
import type { Replacements } from './replacements.js';
import type { SessionSwitches } from './session-switches.js';

export interface LogQueueSetup {
  readonly client: RufusClient;
  readonly journal: Journal;
  readonly settings: Pick<OutboxSettings, 'batch'>;
  readonly clock: Clock;
  readonly emitter: Emitter;
  readonly log: OutboxLog;
  readonly closedSessions: ClosedSessions;
  readonly replacements: Replacements;
  readonly switches: SessionSwitches;
  readonly drain: Drain;
  /** Passings have left the log. */
  readonly progressed: () => void;
}

/** The pending passings of the log as batches to send, and what becomes of them. */
export class LogQueue implements BatchQueue {
  /** Resolves when the checkpoint of the last delivery is durable: before that nothing else is sent, so that at most one request is in doubt after a power cut. */
  checkpointed: Promise<void> = Promise.resolve();
  readonly #setup: LogQueueSetup;
  readonly #inDoubt = new InDoubtRange();
  readonly #reader: BatchReader;

  constructor(setup: LogQueueSetup) {
    const { journal, settings, clock, drain, switches } = setup;
    this.#setup = setup;
    const hurried = (): boolean => drain.awaited || switches.waiting;
    this.#reader = new BatchReader({ journal, batch: settings.batch, clock, inDoubt: this.#inDoubt, hurried });
  }

  get batch(): Batch {
    return this.#reader.batch;
  }

  /** Milliseconds until there is something that is worth sending: 0 now, Infinity where nothing is pending. */
  get dueIn(): number {
    return this.#reader.dueIn;
  }

  /** The session of the batch takes no more. */
  get isClosed(): boolean {
    return this.#setup.closedSessions.has(this.#first.token_session);
  }

  /** The first of the batch whose number the server may have from somebody else. */
  get unconfirmed(): Entry | undefined {
    const from = this.#setup.journal.unconfirmedFrom(this.#first.token_session);
    return from === undefined ? undefined : this.batch.entries.find(({ num_passing }) => num_passing >= from);
  }

  /** Fills an empty batch; false if there is nothing to be read after all. */
  fill(): Promise<boolean> {
    return this.#reader.fill();
  }

  /** More can be read. */
  committed(): void {
    this.#reader.committed();
  }

  /** The first pending passing; null where nothing is pending. */
  async first(): Promise<Entry | null> {
    if (this.#setup.journal.pending === 0) return null;
    if (await this.fill()) return this.#first;
    throw new Error('What is pending cannot be read yet');
  }

  delivered(chunk: readonly Entry[], tallies: Tallies): void {
    this.#reader.leaving = false;
    const unexpected = tallies.duplicates - this.#inDoubt.count(chunk);
    this.#acknowledge(chunk, tallies);
    if (unexpected <= 0) return;
    const [firstNum, lastNum] = numbersOf(chunk);
    const { token_session } = chunk[0]!;
    this.#setup.emitter.emit('collision', { token_session, firstNum, lastNum, duplicates: unexpected });
  }

  inDoubt(chunk: readonly Entry[]): void {
    this.#inDoubt.extend(chunk);
  }

  async rejected(
    chunk: readonly Entry[],
    { status, response, cause }: Rejection,
    reason: ParkReason['reason'],
  ): Promise<void> {
    const { journal, log } = this.#setup;
    await journal.park(chunk, { reason, status, response });
    this.batch.drop(chunk.length);
    log.parked(chunk, cause);
    this.#parked(chunk, { reason, status, response });
  }

  sessionClosed(token_session: string, rejection: Rejection): void {
    const { closedSessions, emitter, journal, log } = this.#setup;
    if (!closedSessions.note(token_session, rejection)) return;
    const replacedBy = closedSessions.parks(token_session) ? null : journal.session;
    // The current session is told of once it has been replaced.
    if (replacedBy === token_session) return;
    log.closed(token_session, replacedBy);
    emitter.emit('sessionClosed', { token_session, replacedBy });
  }

  /** Numbers were skipped while the server could not be asked: it is asked before it gets any of them. Resolves with what stands in the way. */
  async confirm(first: Entry, signal: AbortSignal): Promise<Unsettled | null> {
    const { client, journal, emitter, log } = this.#setup;
    const confirmed = await confirmNumbers({ client, journal, first, signal });
    switch (confirmed.do) {
      case 'send':
        return null;
      case 'skipped':
        this.#reader.drop();
        log.answered();
        emitter.emit('numbersSkipped', confirmed.skip);
        return null;
      default:
        return confirmed;
    }
  }

  /** The session of the batch takes no more: does with it what the policy says. Resolves with what stands in the way. */
  async leaveClosed(signal: AbortSignal): Promise<Unsettled | null> {
    const { closedSessions, emitter, drain, log, switches } = this.#setup;
    const { entries } = this.batch;
    const { token_session } = this.#first;
    const left = await closedSessions.leave(entries, this.#inDoubt.count(entries), signal);
    this.#reader.leaving = left.do === 'parked' || left.do === 'moved';
    switch (left.do) {
      case 'advance':
        this.batch.drop(left.count);
        this.#acknowledge(entries.slice(0, left.count), { inserted: left.count, duplicates: 0 });
        return null;
      case 'parked':
        this.#reader.drop();
        this.#parked(entries, { reason: 'session-closed', status: left.status, response: left.response });
        return null;
      case 'moved':
        this.#reader.drop();
        drain.moved();
        return null;
      case 'replaced':
        this.renumbered();
        emitter.emit('sessionClosed', { token_session, replacedBy: left.by });
        if (!switches.replaced(token_session, left.by)) log.closed(token_session, left.by);
        return null;
      default:
        return left;
    }
  }

  /** What is pending has other numbers, which the server cannot have. */
  renumbered(): void {
    this.#reader.drop();
    this.#inDoubt.clear();
  }

  get #first(): Entry {
    return this.batch.entries[0]!;
  }

  #acknowledge(
    chunk: readonly Entry[],
    tallies: Partial<Tallies> & { readonly inserted: number; readonly duplicates: number },
  ): void {
    const { journal, emitter, drain, replacements, progressed } = this.#setup;
    this.checkpointed = journal.acknowledge(chunk.at(-1)!, tallies);
    const { token_session } = chunk[0]!;
    if (replacements.leaving(token_session) !== undefined) {
      this.checkpointed = this.checkpointed.then(() => replacements.delivered(token_session));
    }
    const [firstNum, lastNum] = numbersOf(chunk);
    const { inserted, duplicates } = tallies;
    emitter.emit('delivered', { count: chunk.length, inserted, duplicates, firstNum, lastNum });
    progressed();
    drain.passed();
  }

  #parked(chunk: readonly Entry[], why: ParkReason): void {
    const { emitter, drain, progressed } = this.#setup;
    if (emitter.hears('parked')) {
      for (const { token_session, num_passing, passing } of chunk) {
        emitter.emit('parked', { passing: { token_session, num_passing, passing, ...why } });
      }
    }
    progressed();
    drain.passed();
  }
}
