import type { RufusClient } from '../client.js';
import { Backoff } from './backoff.js';
import { bytesOf, type Hand, numbersOf } from './batch.js';
import { Supply } from './batch-reader.js';
import type { Clock } from './clock.js';
import type { ClosedSessions } from './closed-sessions.js';
import { anew, isUnsettled, type Refusal, type Verdict } from './disposition.js';
import type { Drain } from './drain.js';
import type { Emitter } from './emitter.js';
import { Doubt } from './in-doubt.js';
import type { Entry, Journal, ParkReason } from './journal.js';
import type { LastError } from './last-error.js';
import type { OutboxLog } from './log.js';
import { confirmNumbers } from './numbering.js';
import type { OutboxSettings } from './options.js';
import type { Replacements } from './replacements.js';
import { send } from './request.js';
import { RequestSize } from './request-size.js';
import { type Errand, Errands } from './resends.js';
import type { SessionSwitches } from './session-switches.js';
import type { Sleeper } from './timer.js';
import type { OutboxState } from './types.js';

/** How long to wait where something is pending and cannot be read yet. */
const UNREADABLE_MS = 50;

export interface CourierSetup {
  readonly client: RufusClient;
  readonly journal: Journal;
  readonly settings: OutboxSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly sleeper: Sleeper;
  readonly emitter: Emitter;
  readonly lastError: LastError;
  readonly log: OutboxLog;
  readonly closedSessions: ClosedSessions;
  readonly replacements: Replacements;
  readonly switches: SessionSwitches;
  readonly drain: Drain;
}

/** Takes the log to the server: one request in flight, in order, for ever. */
export class Courier {
  state: OutboxState = 'idle';
  readonly #setup: CourierSetup;
  readonly #size: RequestSize;
  readonly #backoff: Backoff;
  readonly #doubt = new Doubt();
  readonly #supply: Supply;
  readonly #errands = new Errands();
  /** Who sends again, a batch at a time. */
  #rewinds = 0;
  /** The last request left all as it was: the next one is a retry. */
  #repeats = false;
  #acknowledged: Promise<void> = Promise.resolve();
  #abort = new AbortController();
  #paused = false;
  /** Asleep with nothing pending. */
  #isIdle = false;
  #stopping = false;
  #ended: Promise<void> | undefined;
  #hindered = (): void => {};

  constructor(setup: CourierSetup) {
    const { settings, clock, journal, drain, switches } = setup;
    this.#setup = setup;
    this.#size = new RequestSize(settings.batch.maxBytes, () => clock.mono());
    this.#backoff = new Backoff(settings.backoff, setup.random);
    const hurried = (): boolean => drain.awaited || switches.waiting;
    this.#supply = new Supply({ journal, batch: settings.batch, clock, doubt: this.#doubt, hurried });
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
    this.#supply.committed();
    if (this.state === 'idle') this.#enter('sending');
    if (this.#isIdle || this.#supply.dueIn === 0) this.#setup.sleeper.wake('by news');
  }

  /** Nobody lingers while somebody waits. */
  hurry(): void {
    this.#setup.sleeper.wake('by news');
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
    this.#setup.sleeper.wake('by hand');
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
    const resent = this.#errands.add(entries);
    this.#setup.sleeper.wake('by news');
    return resent;
  }

  /** Aborts what is under way, and resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#interrupt();
    await this.#ended;
    this.#errands.close();
    this.#enter('closed');
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (this.#paused) await this.#sleep(Number.POSITIVE_INFINITY, 'by hand');
        else await this.#turn();
      } catch (cause) {
        // The disk refused a step that has to be durable before the next: all stays as it is until it does not.
        if (!this.#stopping) await this.#rest(anew(cause));
      }
    }
  }

  async #turn(): Promise<void> {
    const dueIn = this.#supply.dueIn;
    const errand = this.#errands.turn(dueIn === 0);
    if (errand !== undefined) return this.#send(errand.hand, errand);
    const switchIn = this.#rewinds > 0 ? Number.POSITIVE_INFINITY : this.#setup.switches.dueIn;
    if (this.#supply.hand.length === 0 && switchIn === 0) return this.#switch();
    if (dueIn > 0) {
      // Asleep before anybody hears of it: a listener may wake us.
      const slept = this.#sleep(Math.min(dueIn, switchIn), 'by news');
      this.#isIdle = dueIn === Number.POSITIVE_INFINITY;
      if (this.#isIdle) this.#enter('idle');
      await slept;
      this.#isIdle = false;
      return;
    }
    if (!(await this.#supply.fill())) return this.#sleep(UNREADABLE_MS, 'by news');
    const { hand } = this.#supply;
    if (this.#setup.closedSessions.has(hand.entries[0]!.token_session)) return this.#leave(hand);
    const unconfirmed = this.#unconfirmed(hand);
    return unconfirmed === undefined ? this.#send(hand) : this.#confirm(unconfirmed);
  }

  async #send(hand: Hand, errand?: Errand): Promise<void> {
    const piece = hand.piece(this.#setup.settings.batch.max, this.#size.bytes);
    // At most one request is in doubt after a power cut.
    await this.#acknowledged;
    if (this.#stopping || this.#paused) return;
    const tallies = { requests: 1, retries: this.#repeats ? 1 : 0 };
    if (this.state !== 'blocked') this.#enter('sending');
    const verdict = await send(this.#setup.client, piece, this.#signal());
    this.#repeats = isUnsettled(verdict);
    if (verdict.do === 'advance') return this.#advance(hand, piece, verdict, tallies, errand);
    this.#setup.journal.tally(tallies);
    return this.#take(verdict, hand, piece, errand);
  }

  #advance(
    hand: Hand,
    piece: readonly Entry[],
    { inserted, duplicates }: Extract<Verdict, { do: 'advance' }>,
    tallies: { requests: number; retries: number },
    errand: Errand | undefined,
  ): void {
    const { journal } = this.#setup;
    this.#answered();
    this.#size.delivered();
    this.#supply.leaving = false;
    hand.drop(piece.length);
    if (errand !== undefined) {
      journal.tally({ inserted, duplicates, ...tallies });
      if (hand.length === 0) this.#errands.finish(errand);
      this.#enter('sending');
      return;
    }
    const unexpected = duplicates - this.#doubt.among(piece);
    this.#acknowledge(piece, { inserted, duplicates, ...tallies });
    if (unexpected > 0) {
      const [firstNum, lastNum] = numbersOf(piece);
      const { token_session } = piece[0]!;
      this.#setup.emitter.emit('collision', { token_session, firstNum, lastNum, duplicates: unexpected });
    }
  }

  #acknowledge(
    piece: readonly Entry[],
    tallies: { inserted: number; duplicates: number; requests?: number; retries?: number },
  ): void {
    const { journal, emitter, drain, replacements } = this.#setup;
    this.#acknowledged = journal.acknowledge(piece.at(-1)!, tallies);
    const { token_session } = piece[0]!;
    if (replacements.leaving(token_session) !== undefined) {
      this.#acknowledged = this.#acknowledged.then(() => replacements.delivered(token_session));
    }
    const [firstNum, lastNum] = numbersOf(piece);
    const { inserted, duplicates } = tallies;
    emitter.emit('delivered', { count: piece.length, inserted, duplicates, firstNum, lastNum });
    this.#progress();
    drain.passed(piece.length);
  }

  /** Everything but success. */
  async #take(
    verdict: Exclude<Verdict, { do: 'advance' }>,
    hand: Hand,
    piece: readonly Entry[],
    errand: Errand | undefined,
  ): Promise<void> {
    const { closedSessions, emitter, journal, log } = this.#setup;
    if ('maybeStored' in verdict && verdict.maybeStored && errand === undefined) this.#doubt.note(piece);
    switch (verdict.do) {
      case 'stop':
        return this.#stopped(verdict.cause);
      case 'again':
        if (verdict.halve && piece.length > 1) {
          this.#size.tooSlow(bytesOf(piece));
          hand.halve(piece.length);
        }
        return this.#rest(verdict);
      case 'block':
        return this.#rest(verdict);
      case 'halve':
      case 'split':
        this.#answered();
        this.#setup.lastError.note(verdict.refusal.cause);
        if (piece.length > 1) {
          if (verdict.do === 'halve') this.#size.tooLarge(bytesOf(piece));
          return hand.halve(piece.length);
        }
        if (errand !== undefined) return this.#errands.finish(errand, verdict.refusal.cause);
        return this.#park(hand, piece, verdict.refusal, verdict.do === 'halve' ? 'too-large' : 'rejected');
      case 'leave': {
        this.#answered();
        this.#setup.lastError.note(verdict.refusal.cause);
        const { token_session } = piece[0]!;
        if (errand !== undefined) return this.#errands.finish(errand);
        if (!closedSessions.note(token_session, verdict.refusal)) return;
        const replacedBy = closedSessions.parks(token_session) ? null : journal.session;
        // The current session is told of once it has been replaced.
        if (replacedBy === token_session) return;
        log.closed(token_session, replacedBy);
        emitter.emit('sessionClosed', { token_session, replacedBy });
      }
    }
  }

  async #park(
    hand: Hand,
    piece: readonly Entry[],
    { status, response, cause }: Refusal,
    reason: ParkReason['reason'],
  ): Promise<void> {
    const { journal, log } = this.#setup;
    await journal.park(piece, { reason, status, response });
    hand.drop(piece.length);
    log.parked(piece, cause);
    this.#parked(piece, { reason, status, response });
  }

  #parked(piece: readonly Entry[], why: ParkReason): void {
    const { emitter, drain } = this.#setup;
    if (emitter.hears('parked')) {
      for (const { token_session, num_passing, passing } of piece) {
        emitter.emit('parked', { passing: { token_session, num_passing, passing, ...why } });
      }
    }
    this.#progress();
    drain.passed(piece.length);
  }

  /** The first at hand whose number the server may have from somebody else. */
  #unconfirmed({ entries }: Hand): Entry | undefined {
    const from = this.#setup.journal.unconfirmedFrom(entries[0]!.token_session);
    return from === undefined ? undefined : entries.find(({ num_passing }) => num_passing >= from);
  }

  /** Numbers were skipped while the server could not be asked: it is asked before it gets any of them. */
  async #confirm(first: Entry): Promise<void> {
    const { client, journal, emitter } = this.#setup;
    await this.#acknowledged;
    if (this.#stopping || this.#paused) return;
    if (this.state !== 'blocked') this.#enter('sending');
    const confirmed = await confirmNumbers({ client, journal, first, signal: this.#signal() });
    switch (confirmed.do) {
      case 'send':
        return this.#answered();
      case 'skipped':
        this.#answered();
        this.#supply.drop();
        emitter.emit('numbersSkipped', confirmed.skip);
        return;
      case 'stop':
        return this.#stopped(confirmed.cause);
      default:
        return this.#rest(confirmed);
    }
  }

  /** The session of what is at hand takes no more. */
  async #leave(hand: Hand): Promise<void> {
    const { closedSessions, emitter, drain, log, switches } = this.#setup;
    const { entries } = hand;
    const { token_session } = entries[0]!;
    await this.#acknowledged;
    if (this.#stopping || this.#paused) return;
    const left = await closedSessions.leave(entries, this.#doubt.among(entries), this.#signal());
    this.#supply.leaving = left.do === 'parked' || left.do === 'moved';
    switch (left.do) {
      case 'advance':
        hand.drop(left.count);
        return this.#acknowledge(entries.slice(0, left.count), { inserted: left.count, duplicates: 0 });
      case 'parked':
        this.#supply.drop();
        return this.#parked(entries, { reason: 'session-closed', status: left.status, response: left.response });
      case 'moved':
        this.#supply.drop();
        return drain.moved(entries.length);
      case 'replaced':
        this.#supply.drop();
        this.#doubt.clear();
        emitter.emit('sessionClosed', { token_session, replacedBy: left.by });
        if (!switches.replaced(token_session, left.by)) log.closed(token_session, left.by);
        return;
      case 'stop':
        return this.#stopped(left.cause);
      default:
        return this.#rest(left);
    }
  }

  /** Between two requests, with nothing at hand: what was to go to the old session is there. */
  async #switch(): Promise<void> {
    const { switches, closedSessions, emitter, journal } = this.#setup;
    await this.#acknowledged;
    if (this.#stopping || this.#paused) return;
    const first = async (): Promise<Entry | null> => {
      if (journal.pending === 0) return null;
      if (await this.#supply.fill()) return this.#supply.hand.entries[0]!;
      throw new Error('What is pending cannot be read yet');
    };
    const done = await switches.attempt(first, this.#signal());
    switch (done.do) {
      case 'stop':
        return this.#stopped(done.cause);
      case 'again': {
        const { cause, attempt, delayMs, maybeStored } = done;
        this.#setup.lastError.note(cause);
        this.#hindered();
        emitter.emit('retry', { attempt, delayMs: Math.round(delayMs), cause, maybeProcessed: maybeStored });
        return;
      }
      case 'switched': {
        const { from, to, replaced } = done;
        // The user chose it: the server is asked again.
        closedSessions.reopen(to);
        if (!replaced) return;
        // Other numbers, which the server cannot have.
        this.#supply.drop();
        this.#doubt.clear();
        emitter.emit('sessionClosed', { token_session: from, replacedBy: to });
      }
    }
  }

  /** Our own abort needs no rest; somebody else's, in a middleware say, does. */
  async #stopped(cause: unknown): Promise<void> {
    if (!this.#abort.signal.aborted) await this.#rest(anew(cause));
  }

  /** Waits out what stands in the way. */
  async #rest(verdict: Extract<Verdict, { do: 'again' | 'block' }>): Promise<void> {
    const { settings, emitter, log } = this.#setup;
    const { cause, maybeStored } = verdict;
    this.#setup.lastError.note(cause);
    this.#hindered();
    const isBlocked = verdict.do === 'block';
    log.failed(isBlocked ? 'block' : 'outage', cause);
    const delayMs = isBlocked ? settings.probeMs : this.#backoff.next(verdict.retryAfterMs);
    const slept = this.#sleep(delayMs, 'by hand');
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
    const isDone = this.#errands.none && this.#supply.dueIn === Number.POSITIVE_INFINITY;
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
    this.#setup.sleeper.wake('by hand');
  }

  async #sleep(ms: number, wakes: 'by news' | 'by hand'): Promise<void> {
    if (!this.#stopping) await this.#setup.sleeper.sleep(ms, wakes);
  }
}
