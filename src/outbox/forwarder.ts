import { type BatchQueue, bytesOf, RequestSize } from './batch.js';
import type { WakeReason } from './clock.js';
import type { OutboxContext } from './context.js';
import { isUnsettled, localFailure, pauseMs, send, type Unsettled } from './disposition.js';
import { LogQueue } from './log-queue.js';
import { Resends } from './resends.js';
import type { OutboxState } from './types.js';

/** Pause where something is pending and cannot be read yet. */
const UNREADABLE_MS = 50;

/** Sends the log to the server, in order, one request in flight at a time. */
export class Forwarder {
  state: OutboxState = 'idle';
  readonly #context: OutboxContext;
  readonly #size: RequestSize;
  readonly #logQueue: LogQueue;
  readonly resends: Resends;
  /** In a row. */
  #failures = 0;
  /** The last request changed nothing: the next one is a retry. */
  #repeats = false;
  #abort = new AbortController();
  #paused = false;
  #stopping = false;
  #ended: Promise<void> | undefined;
  #failed = (): void => {};

  constructor(context: OutboxContext) {
    const { settings, clock, journal } = context;
    this.#context = context;
    this.#size = new RequestSize(settings.batch.maxBytes, () => clock.mono());
    this.#logQueue = new LogQueue(context, () => this.#progress());
    this.resends = new Resends(context);
    if (journal.pending > 0) this.#enter('sending');
  }

  start(): void {
    this.#ended ??= this.#run();
  }

  /** Resolves when an attempt to deliver, or to change the session, fails. */
  nextFailure(): Promise<void> {
    return new Promise((resolve) => {
      this.#failed = resolve;
    });
  }

  /** Passings became durable: more can be read. */
  committed(): void {
    this.#logQueue.committed();
    const wasIdle = this.state === 'idle';
    if (wasIdle) this.#enter('sending');
    // A batch that lingers is not woken by each commit.
    if (wasIdle || this.#logQueue.dueIn === 0) this.#context.timer.wake('work');
  }

  pause(): void {
    if (this.#stopping) return;
    this.#paused = true;
    this.#interrupt();
    this.#enter('paused');
  }

  resume(): void {
    this.#paused = false;
    this.#failures = 0;
    this.#context.replacements.resetLimit();
    this.#context.switches.resume();
    this.#context.timer.wake('operator');
  }

  /** Aborts the request under way, and resolves when none is. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#interrupt();
    await this.#ended;
    this.resends.close();
    this.#enter('closed');
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (this.#paused) await this.#sleep(Number.POSITIVE_INFINITY, 'operator');
        else await this.#step();
      } catch (cause) {
        // The disk failed at a step that has to be durable before the next one. Nothing has changed: it is tried again.
        await this.#pauseAfter(localFailure(cause));
      }
    }
  }

  /** One step: a request, a change of session, or a sleep. */
  async #step(): Promise<void> {
    const { dueIn } = this.#logQueue;
    const resend = this.resends.next(dueIn === 0);
    // Creating another session closes the current one, to which a rewind may still send.
    const switchIn = this.resends.rewinding ? Number.POSITIVE_INFINITY : this.#context.switches.dueIn;
    const isSwitch = this.#logQueue.batch.length === 0 && switchIn === 0;
    if (resend === undefined && !isSwitch) {
      if (dueIn > 0) return this.#wait(dueIn, switchIn);
      if (!(await this.#logQueue.fill())) return this.#sleep(UNREADABLE_MS, 'work');
    }
    // Before any request the last delivery is durable: at most one is in doubt after a power cut.
    await this.#logQueue.checkpointed;
    if (this.#stopping || this.#paused) return;
    if (isSwitch) return this.#switch();
    if (resend === undefined && this.#logQueue.isClosed) {
      return this.#unsettled(await this.#logQueue.handleClosed(this.#signal()));
    }
    if (this.state !== 'blocked') this.#enter('sending');
    if (resend !== undefined) return this.#send(resend);
    const { unconfirmed } = this.#logQueue;
    if (unconfirmed === undefined) return this.#send(this.#logQueue);
    const unsettled = await this.#logQueue.confirm(unconfirmed, this.#signal());
    if (unsettled === null) this.#answered();
    return this.#unsettled(unsettled);
  }

  /** Sleeps until the log or a switch is due, or until a wake. */
  async #wait(dueIn: number, switchIn: number): Promise<void> {
    // The sleep begins before the event: a listener may append, which ends it.
    const slept = this.#sleep(Math.min(dueIn, switchIn), 'work');
    if (dueIn === Number.POSITIVE_INFINITY) this.#enter('idle');
    await slept;
  }

  async #send(queue: BatchQueue): Promise<void> {
    const { client, settings, journal, logger } = this.#context;
    const { batch } = queue;
    const chunk = batch.chunk(settings.batch.max, this.#size.bytes);
    const tallies = { requests: 1, retries: this.#repeats ? 1 : 0 };
    const disposition = await send(client, chunk, this.#signal());
    this.#repeats = isUnsettled(disposition);
    if (disposition.do === 'advance') {
      const { inserted, duplicates } = disposition;
      this.#answered();
      this.#size.delivered();
      batch.drop(chunk.length);
      queue.delivered(chunk, { inserted, duplicates, ...tallies });
      // After a resend the next step decides whether it is idle.
      if (queue !== this.#logQueue) this.#enter('sending');
      return;
    }
    journal.tally(tallies);
    if (isUnsettled(disposition)) {
      if (disposition.maybeStored) queue.inDoubt(chunk);
      if (disposition.do === 'again' && disposition.halve && chunk.length > 1) {
        this.#size.tooSlow(bytesOf(chunk));
        batch.halve(chunk.length);
      }
      return this.#unsettled(disposition);
    }
    const { rejection } = disposition;
    this.#answered();
    logger.noteError(rejection.cause);
    if (disposition.do === 'session-closed') return queue.sessionClosed(chunk[0]!.token_session, rejection);
    if (chunk.length === 1)
      return queue.rejected(chunk, rejection, disposition.do === 'halve' ? 'too-large' : 'rejected');
    if (disposition.do === 'halve') this.#size.tooLarge(bytesOf(chunk));
    batch.halve(chunk.length);
  }

  /** Changes the session. Only with an empty batch: nothing that was read is left to be sent to the old one. */
  async #switch(): Promise<void> {
    const switched = await this.#context.switches.attempt(() => this.#logQueue.first(), this.#signal());
    if (switched === 'failed') return this.#failed();
    if (switched === null) return;
    const { from, to, replaced } = switched;
    // The caller chose this session: an earlier refusal of it no longer counts.
    this.#logQueue.reopen(to);
    if (replaced) this.#logQueue.replaced(from, to);
  }

  /** The attempt has changed nothing (null: it has): pauses, unless it was our own abort that ended it. */
  async #unsettled(disposition: Unsettled | null): Promise<void> {
    if (disposition === null) return;
    if (disposition.do !== 'stop') return this.#pauseAfter(disposition);
    // Our own abort needs no pause; one by a middleware does.
    if (!this.#abort.signal.aborted) return this.#pauseAfter(localFailure(disposition.cause));
  }

  /** Pauses before the next attempt. */
  async #pauseAfter(disposition: Exclude<Unsettled, { do: 'stop' }>): Promise<void> {
    const { settings, emitter, logger } = this.#context;
    const { cause, maybeStored } = disposition;
    if (this.#stopping) return;
    this.#failed();
    const isBlocked = disposition.do === 'block';
    logger.failed(isBlocked ? 'block' : 'outage', cause);
    const delayMs = isBlocked ? settings.probeMs : pauseMs(this.#context, this.#failures++, disposition.retryAfterMs);
    const slept = this.#sleep(delayMs, 'operator');
    if (!isBlocked) {
      const attempt = this.#failures;
      emitter.emit('retry', { attempt, delayMs: Math.round(delayMs), cause, maybeProcessed: maybeStored });
    }
    this.#enter(isBlocked ? 'blocked' : 'backoff', cause);
    await slept;
  }

  /** The API itself has answered, be it with a refusal. */
  #answered(): void {
    this.#failures = 0;
    this.#context.logger.answered();
  }

  #progress(): void {
    const isDone = this.resends.none && this.#logQueue.dueIn === Number.POSITIVE_INFINITY;
    this.#enter(isDone ? 'idle' : 'sending');
  }

  #enter(state: OutboxState, cause?: unknown): void {
    if (state === this.state || (this.#paused && state !== 'paused' && state !== 'closed')) return;
    this.state = state;
    this.#context.emitter.emit('state', state, cause);
  }

  /** One signal until something is aborted: a new one for each request is slow. */
  #signal(): AbortSignal {
    if (this.#abort.signal.aborted) this.#abort = new AbortController();
    return this.#abort.signal;
  }

  #interrupt(): void {
    this.#abort.abort();
    this.#context.timer.wake('operator');
  }

  async #sleep(ms: number, wakes: WakeReason): Promise<void> {
    if (!this.#stopping) await this.#context.timer.sleep(ms, wakes);
  }
}
