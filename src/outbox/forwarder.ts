import { Backoff } from './backoff.js';
import { type BatchQueue, bytesOf } from './batch.js';
import { isUnsettled, localFailure, send, type Unsettled } from './disposition.js';
import type { Entry } from './journal.js';
import type { LastError } from './last-error.js';
import { LogQueue, type LogQueueSetup } from './log-queue.js';
import type { OutboxSettings } from './options.js';
import { RequestSize } from './request-size.js';
import { Resends } from './resends.js';
import type { Timer } from './timer.js';
import type { OutboxState } from './types.js';

/** How long to wait where something is pending and cannot be read yet. */
const UNREADABLE_MS = 50;

export interface ForwarderSetup extends Omit<LogQueueSetup, 'progressed'> {
  readonly settings: OutboxSettings;
  readonly random: () => number;
  readonly timer: Timer;
  readonly lastError: LastError;
}

/** Sends the log to the server: one request in flight, in order, for ever. */
export class Forwarder {
  state: OutboxState = 'idle';
  readonly #setup: ForwarderSetup;
  readonly #size: RequestSize;
  readonly #backoff: Backoff;
  readonly #log: LogQueue;
  readonly #resends: Resends;
  /** Who sends again, a batch at a time. */
  #rewinds = 0;
  /** The last request left all as it was: the next one is a retry. */
  #repeats = false;
  #abort = new AbortController();
  #paused = false;
  /** Asleep with nothing pending. */
  #isIdle = false;
  #stopping = false;
  #ended: Promise<void> | undefined;
  #hindered = (): void => {};

  constructor(setup: ForwarderSetup) {
    const { settings, clock, journal } = setup;
    this.#setup = setup;
    this.#size = new RequestSize(settings.batch.maxBytes, () => clock.mono());
    this.#backoff = new Backoff(settings.backoff, setup.random);
    this.#log = new LogQueue({ ...setup, progressed: () => this.#progress() });
    this.#resends = new Resends(journal);
    if (journal.pending > 0) this.#enter('sending');
  }

  start(): void {
    this.#ended ??= this.#run();
  }

  /** Resolves when something stands in the way of delivery. */
  hindered(): Promise<void> {
    return new Promise((resolve) => {
      this.#hindered = resolve;
    });
  }

  /** More can be read. */
  committed(): void {
    this.#log.committed();
    if (this.state === 'idle') this.#enter('sending');
    if (this.#isIdle || this.#log.dueIn === 0) this.#setup.timer.wake('work');
  }

  /** Nobody lingers while somebody waits. */
  hurry(): void {
    this.#setup.timer.wake('work');
  }

  pause(): void {
    if (this.#stopping) return;
    this.#paused = true;
    this.#interrupt();
    this.#enter('paused');
  }

  resume(): void {
    this.#paused = false;
    this.#backoff.reset();
    this.#setup.closedSessions.forgive();
    this.#setup.switches.resume();
    this.#setup.timer.wake('operator');
  }

  /** While it lasts, no session is left: creating another one closes it. */
  async rewinding<T>(rewind: () => Promise<T>): Promise<T> {
    this.#rewinds++;
    try {
      return await rewind();
    } finally {
      this.#rewinds--;
      this.hurry();
    }
  }

  /**
   * Sends passings again that are no longer pending: all of one session. Resolves with how many the server has confirmed: fewer
   * than all where the session takes no more.
   */
  resend(entries: readonly Entry[]): Promise<number> {
    const resent = this.#resends.add(entries);
    this.#setup.timer.wake('work');
    return resent;
  }

  /** Aborts what is under way, and resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#interrupt();
    await this.#ended;
    this.#resends.close();
    this.#enter('closed');
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (this.#paused) await this.#sleep(Number.POSITIVE_INFINITY, 'operator');
        else await this.#step();
      } catch (cause) {
        // The disk refused a step that has to be durable before the next: all stays as it is until it does not.
        if (!this.#stopping) await this.#pauseAfter(localFailure(cause));
      }
    }
  }

  /** One step: a request, a change of session, or a sleep. */
  async #step(): Promise<void> {
    const { dueIn } = this.#log;
    const resend = this.#resends.next(dueIn === 0);
    if (resend !== undefined) return this.#send(resend);
    const switchIn = this.#rewinds > 0 ? Number.POSITIVE_INFINITY : this.#setup.switches.dueIn;
    if (this.#log.batch.length === 0 && switchIn === 0) return this.#switch();
    if (dueIn > 0) {
      // Asleep before anybody hears of it: a listener may wake us.
      const slept = this.#sleep(Math.min(dueIn, switchIn), 'work');
      this.#isIdle = dueIn === Number.POSITIVE_INFINITY;
      if (this.#isIdle) this.#enter('idle');
      await slept;
      this.#isIdle = false;
      return;
    }
    if (!(await this.#log.fill())) return this.#sleep(UNREADABLE_MS, 'work');
    if (this.#log.isClosed) return this.#leaveClosed();
    const { unconfirmed } = this.#log;
    return unconfirmed === undefined ? this.#send(this.#log) : this.#confirm(unconfirmed);
  }

  /** Whether it may go on, once the last delivery is durable. */
  async #mayGoOn(): Promise<boolean> {
    await this.#log.checkpointed;
    return !this.#stopping && !this.#paused;
  }

  async #send(queue: BatchQueue): Promise<void> {
    const { client, settings, journal, lastError } = this.#setup;
    const { batch } = queue;
    const chunk = batch.chunk(settings.batch.max, this.#size.bytes);
    if (!(await this.#mayGoOn())) return;
    const tallies = { requests: 1, retries: this.#repeats ? 1 : 0 };
    if (this.state !== 'blocked') this.#enter('sending');
    const disposition = await send(client, chunk, this.#signal());
    this.#repeats = isUnsettled(disposition);
    if (disposition.do === 'advance') {
      const { inserted, duplicates } = disposition;
      this.#answered();
      this.#size.delivered();
      batch.drop(chunk.length);
      queue.delivered(chunk, { inserted, duplicates, ...tallies });
      // After a resend there is more to do, if only to find out that there is none.
      if (queue !== this.#log) this.#enter('sending');
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
    lastError.note(rejection.cause);
    if (disposition.do === 'leave') return queue.sessionClosed(chunk[0]!.token_session, rejection);
    if (chunk.length === 1)
      return queue.rejected(chunk, rejection, disposition.do === 'halve' ? 'too-large' : 'rejected');
    if (disposition.do === 'halve') this.#size.tooLarge(bytesOf(chunk));
    batch.halve(chunk.length);
  }

  async #confirm(first: Entry): Promise<void> {
    if (!(await this.#mayGoOn())) return;
    if (this.state !== 'blocked') this.#enter('sending');
    const unsettled = await this.#log.confirm(first, this.#signal());
    if (unsettled !== null) return this.#unsettled(unsettled);
    this.#answered();
  }

  async #leaveClosed(): Promise<void> {
    if (!(await this.#mayGoOn())) return;
    const unsettled = await this.#log.leaveClosed(this.#signal());
    if (unsettled !== null) return this.#unsettled(unsettled);
  }

  /** Between two requests, with an empty batch: what was to go to the old session is there. */
  async #switch(): Promise<void> {
    const { switches, closedSessions, emitter, lastError } = this.#setup;
    if (!(await this.#mayGoOn())) return;
    const done = await switches.attempt(() => this.#log.first(), this.#signal());
    switch (done.do) {
      case 'stop':
        return this.#unsettled({ ...done, maybeStored: false });
      case 'again': {
        const { cause, attempt, delayMs, maybeStored } = done;
        lastError.note(cause);
        this.#hindered();
        emitter.emit('retry', { attempt, delayMs: Math.round(delayMs), cause, maybeProcessed: maybeStored });
        return;
      }
      case 'switched': {
        const { from, to, replaced } = done;
        // The user chose it: the server is asked again.
        closedSessions.reopen(to);
        if (!replaced) return;
        this.#log.renumbered();
        emitter.emit('sessionClosed', { token_session: from, replacedBy: to });
      }
    }
  }

  /** Nothing has changed: the same is tried again after a pause. */
  async #unsettled(disposition: Unsettled): Promise<void> {
    if (disposition.do !== 'stop') return this.#pauseAfter(disposition);
    // Our own abort needs no pause; somebody else's, in a middleware say, does.
    if (!this.#abort.signal.aborted) return this.#pauseAfter(localFailure(disposition.cause));
  }

  /** Waits out what stands in the way. */
  async #pauseAfter(disposition: Exclude<Unsettled, { do: 'stop' }>): Promise<void> {
    const { settings, emitter, log } = this.#setup;
    const { cause, maybeStored } = disposition;
    this.#setup.lastError.note(cause);
    this.#hindered();
    const isBlocked = disposition.do === 'block';
    log.failed(isBlocked ? 'block' : 'outage', cause);
    const delayMs = isBlocked ? settings.probeMs : this.#backoff.next(disposition.retryAfterMs);
    const slept = this.#sleep(delayMs, 'operator');
    if (!isBlocked) {
      const attempt = this.#backoff.failures;
      emitter.emit('retry', { attempt, delayMs: Math.round(delayMs), cause, maybeProcessed: maybeStored });
    }
    this.#enter(isBlocked ? 'blocked' : 'backoff', cause);
    await slept;
  }

  /** In the API's own words, whatever they are. */
  #answered(): void {
    this.#backoff.reset();
    this.#setup.log.answered();
  }

  #progress(): void {
    const isDone = this.#resends.none && this.#log.dueIn === Number.POSITIVE_INFINITY;
    this.#enter(isDone ? 'idle' : 'sending');
  }

  #enter(state: OutboxState, cause?: unknown): void {
    if (state === this.state || this.state === 'closed' || (this.#paused && state !== 'paused' && state !== 'closed'))
      return;
    this.state = state;
    this.#setup.emitter.emit('state', state, cause);
  }

  /** One signal for as long as nothing is aborted: a fresh one for each request costs more than it says. */
  #signal(): AbortSignal {
    if (this.#abort.signal.aborted) this.#abort = new AbortController();
    return this.#abort.signal;
  }

  #interrupt(): void {
    this.#abort.abort();
    this.#setup.timer.wake('operator');
  }

  async #sleep(ms: number, wakes: 'work' | 'operator'): Promise<void> {
    if (!this.#stopping) await this.#setup.timer.sleep(ms, wakes);
  }
}
