import { Batch, type BatchQueue, InDoubtRange, numbersOf } from './batch.js';
import type { OutboxContext } from './context.js';
import type { Rejection, Unsettled } from './disposition.js';
import type { Entry, ParkReason, Tallies } from './journal.js';
import { confirmNumbers, countStored } from './numbering.js';

/** The batch of a closed session: it needs no request. */
const BULK = { max: 5_000, maxBytes: 4 * 1024 * 1024 };

/** The pending passings of the log as a queue of batches, each worth a request, and what is done with each batch after it. */
export class LogQueue implements BatchQueue {
  batch = new Batch([]);
  /** Resolves when the checkpoint of the last delivery is durable. Nothing is sent before that, so that at most one request is in doubt after a power cut. */
  checkpointed: Promise<void> = Promise.resolve();
  readonly #context: OutboxContext;
  /** Passings were delivered or parked. */
  readonly #progressed: () => void;
  readonly #inDoubt = new InDoubtRange();
  /** The refusals of sessions that take no more. */
  readonly #closed = new Map<string, Rejection>();
  /** The last batch was parked or moved without a request: the next one may be larger. */
  #bulk = false;
  /** Pending passings of an earlier process, until the first are read: up to one batch of them may be stored already. */
  #inherited: number;
  /** Monotonic time of the oldest commit since the log was read to its end; null where it was not. */
  #freshSince: number | null = null;

  constructor(context: OutboxContext, progressed: () => void) {
    this.#context = context;
    this.#progressed = progressed;
    this.#inherited = context.journal.pending;
  }

  /** Milliseconds until a request is worth while: 0 now, Infinity where nothing is pending. */
  get dueIn(): number {
    const { journal, settings, clock, drain, switches } = this.#context;
    const { pending } = journal;
    if (this.batch.length > 0) return 0;
    if (pending === 0) return Number.POSITIVE_INFINITY;
    const isAwaited = drain.awaited || switches.waiting;
    if (this.#freshSince === null || pending >= settings.batch.max || isAwaited) return 0;
    return Math.max(0, this.#freshSince + settings.batch.lingerMs - clock.mono());
  }

  /** The session of the batch is closed. */
  get isClosed(): boolean {
    return this.#closed.has(this.#first.token_session);
  }

  /** The first of the batch whose number may be taken on the server. */
  get unconfirmed(): Entry | undefined {
    const from = this.#context.journal.unconfirmedFrom(this.#first.token_session);
    return from === undefined ? undefined : this.batch.entries.find(({ num_passing }) => num_passing >= from);
  }

  /** Fills an empty batch; false if nothing can be read at the moment. */
  async fill(): Promise<boolean> {
    if (this.batch.length > 0) return true;
    const { journal, settings } = this.#context;
    this.#freshSince = null;
    const entries = await journal.read(this.#bulk ? BULK : settings.batch);
    if (entries.length === 0) return false;
    if (this.#inherited > 0) this.#inDoubt.extend(entries.slice(0, this.#inherited));
    this.#inherited = 0;
    this.batch = new Batch(entries);
    return true;
  }

  /** Passings became durable: more can be read. */
  committed(): void {
    this.#freshSince ??= this.#context.clock.mono();
  }

  /** The first pending passing; null where nothing is pending. */
  async first(): Promise<Entry | null> {
    if (this.#context.journal.pending === 0) return null;
    if (await this.fill()) return this.#first;
    throw new Error('What is pending cannot be read yet');
  }

  delivered(chunk: readonly Entry[], tallies: Tallies): void {
    this.#bulk = false;
    const unexpected = tallies.duplicates - this.#inDoubt.count(chunk);
    this.#acknowledge(chunk, tallies);
    if (unexpected <= 0) return;
    const [firstNum, lastNum] = numbersOf(chunk);
    const { token_session } = chunk[0]!;
    this.#context.emitter.emit('collision', { token_session, firstNum, lastNum, duplicates: unexpected });
  }

  inDoubt(chunk: readonly Entry[]): void {
    this.#inDoubt.extend(chunk);
  }

  async rejected(
    chunk: readonly Entry[],
    { status, response, cause }: Rejection,
    reason: ParkReason['reason'],
  ): Promise<void> {
    const { journal, logger } = this.#context;
    await journal.park(chunk, { reason, status, response });
    this.batch.drop(chunk.length);
    logger.parked(chunk, cause);
    this.#parked(chunk, { reason, status, response });
  }

  sessionClosed(token_session: string, rejection: Rejection): void {
    const { emitter, journal, logger } = this.#context;
    const isNews = !this.#closed.has(token_session);
    this.#closed.set(token_session, rejection);
    const replacedBy = this.#parks(token_session) ? null : journal.session;
    // The current session is reported once it has been replaced.
    if (!isNews || replacedBy === token_session) return;
    logger.closed(token_session, replacedBy);
    emitter.emit('sessionClosed', { token_session, replacedBy });
  }

  /** An earlier refusal of the session no longer counts: the server is asked again. */
  reopen(token_session: string): void {
    this.#closed.delete(token_session);
  }

  /** Asks the server about numbers that were given without it, before it gets any of them. Resolves with the failure, or null. */
  async confirm(first: Entry, signal: AbortSignal): Promise<Unsettled | null> {
    const { emitter, logger } = this.#context;
    const confirmed = await confirmNumbers(this.#context, first, signal);
    if (confirmed.do === 'send') return null;
    if (confirmed.do !== 'skipped') return confirmed;
    this.#reread();
    logger.answered();
    emitter.emit('numbersSkipped', confirmed.skip);
    return null;
  }

  /** Applies the policy `onSessionClosed` to the batch, whose session is closed. Resolves with the failure, or null. */
  async handleClosed(signal: AbortSignal): Promise<Unsettled | null> {
    const { journal, drain, logger, replacements, switches } = this.#context;
    const { entries } = this.batch;
    const { token_session } = this.#first;
    const { status, response, cause } = this.#closed.get(token_session)!;
    const doubtful = this.#inDoubt.count(entries);
    if (doubtful > 0) {
      const stored = await countStored(this.#context, entries.slice(0, doubtful), signal);
      if (stored.do !== 'advance') return stored;
      if (stored.isOpen) this.reopen(token_session);
      if (stored.count > 0) {
        this.batch.drop(stored.count);
        this.#acknowledge(entries.slice(0, stored.count), { inserted: stored.count, duplicates: 0 });
        return null;
      }
    }
    if (this.#parks(token_session)) {
      const why = { reason: 'session-closed', status, response } as const;
      await journal.park(entries, why);
      this.#bulk = true;
      this.#reread();
      this.#parked(entries, why);
    } else if (journal.session === token_session) {
      const unsettled = await replacements.replaceClosed(this.#first, cause, signal);
      if (unsettled !== null) return unsettled;
      const by = journal.session;
      this.replaced(token_session, by);
      if (!switches.replaced(token_session, by)) logger.closed(token_session, by);
    } else {
      await journal.move(entries);
      this.#bulk = true;
      this.#reread();
      drain.moved();
    }
    return null;
  }

  /** What is pending goes to another session, with numbers that no request has carried yet. */
  replaced(token_session: string, replacedBy: string): void {
    this.#reread();
    this.#inDoubt.clear();
    this.#context.emitter.emit('sessionClosed', { token_session, replacedBy });
  }

  /** What a closed session has not taken is parked. Not where a request of our own may have closed it. */
  #parks(token_session: string): boolean {
    const { settings, journal } = this.#context;
    return settings.onSessionClosed === 'park' && journal.leaving?.session !== token_session;
  }

  get #first(): Entry {
    return this.batch.entries[0]!;
  }

  /** The batch is over: what is still pending is read again. */
  #reread(): void {
    this.batch = new Batch([]);
    this.#freshSince = null;
  }

  #acknowledge(chunk: readonly Entry[], tallies: Partial<Tallies> & Pick<Tallies, 'inserted' | 'duplicates'>): void {
    const { journal, emitter, drain, replacements } = this.#context;
    this.checkpointed = journal.acknowledge(chunk.at(-1)!, tallies);
    const { token_session } = chunk[0]!;
    if (journal.leaving?.session === token_session) {
      this.checkpointed = this.checkpointed.then(() => replacements.delivered(token_session));
    }
    const [firstNum, lastNum] = numbersOf(chunk);
    const { inserted, duplicates } = tallies;
    emitter.emit('delivered', { count: chunk.length, inserted, duplicates, firstNum, lastNum });
    this.#progressed();
    drain.passed();
  }

  #parked(chunk: readonly Entry[], why: ParkReason): void {
    const { emitter, drain } = this.#context;
    if (emitter.hears('parked')) {
      for (const { token_session, num_passing, passing } of chunk) {
        emitter.emit('parked', { passing: { token_session, num_passing, passing, ...why } });
      }
    }
    this.#progressed();
    drain.passed();
  }
}
