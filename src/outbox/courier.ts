import type { RufusClient } from '../client.js';
import { redact } from '../core/redact.js';
import { judge, type Outcome, type Refusal, type Verdict } from './answers.js';
import { Backoff } from './backoff.js';
import type { Clock } from './clock.js';
import type { ClosedSessions } from './closed-sessions.js';
import type { Drain } from './drain.js';
import type { Emitter } from './emitter.js';
import { OutboxClosedError, SessionClosedError } from './errors.js';
import { bytesOf, Hand } from './hand.js';
import type { Entry, Journal, ParkReason } from './journal.js';
import type { OutboxSettings } from './options.js';
import { RequestSize } from './request-size.js';
import type { OutboxState } from './types.js';

const MAX_TIMER_MS = 2 ** 31 - 1;
/** What is read at once of a session that takes no more. */
const LEAVING = { max: 5_000, maxBytes: 4 * 1024 * 1024 };

export interface CourierSetup {
  readonly client: RufusClient;
  readonly journal: Journal;
  readonly settings: OutboxSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emitter: Emitter;
  readonly closedSessions: ClosedSessions;
  readonly drain: Drain;
}

/** Passings that are sent again beside the log. */
interface Errand {
  readonly hand: Hand;
  readonly settle: (error?: unknown) => void;
}

/** What ends a wait early: anything that gives work, or only a person. */
type Wakes = 'by news' | 'by hand';

/** Takes the log to the server: one request in flight, in order, for ever. */
export class Courier {
  state: OutboxState = 'idle';
  lastError: string | null = null;
  readonly #setup: CourierSetup;
  readonly #size: RequestSize;
  readonly #backoff: Backoff;
  #hand = new Hand([]);
  readonly #errands: Errand[] = [];
  #errandIsNext = true;
  /** Up to this seq the server may have passings although it has not said so: there, duplicates are expected. */
  #doubt = 0;
  /** Pending passings of an earlier process, before the first are read. */
  #inherited: number;
  /** Monotonic time of the oldest commit that was not read yet; null where there is a backlog. */
  #freshSince: number | null = null;
  /** Counts commits. */
  #news = 0;
  #leaving = false;
  #acknowledged: Promise<void> = Promise.resolve();
  #abort = new AbortController();
  #paused = false;
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();
  #sleeper: { readonly wakes: Wakes; readonly timed: boolean; readonly end: () => void } | null = null;

  constructor(setup: CourierSetup) {
    const { settings, clock, journal } = setup;
    this.#setup = setup;
    this.#size = new RequestSize(settings.batch.maxBytes, () => clock.mono());
    this.#backoff = new Backoff(settings.backoff, setup.random);
    this.#inherited = journal.stats().pending;
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** More can be read. */
  committed(): void {
    this.#news++;
    this.#freshSince ??= this.#setup.clock.mono();
    if (this.#sleeper?.timed === false || this.#isDue()) this.#wake('by news');
  }

  /** Nobody lingers while somebody waits. */
  hurry(): void {
    this.#wake('by news');
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
    this.#wake('by hand');
  }

  /** Sends passings again that are no longer pending: all of one session. Resolves when the server has confirmed them. */
  resend(entries: readonly Entry[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopping) return reject(new OutboxClosedError());
      const settle = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
      this.#errands.push({ hand: new Hand(entries), settle });
      this.#wake('by news');
    });
  }

  /** Aborts what is under way, and resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#interrupt();
    await this.#ended;
    for (const errand of this.#errands.splice(0)) errand.settle(new OutboxClosedError());
    this.#enter('closed');
  }

  fail(error: unknown): void {
    this.lastError = redact(error instanceof Error ? error.message : String(error));
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
    const errand = this.#errands[0];
    const live = this.#hand.length > 0 || this.#isDue();
    if (errand !== undefined && (this.#errandIsNext || !live)) {
      this.#errandIsNext = false;
      return this.#send(errand.hand, errand);
    }
    this.#errandIsNext = true;
    if (this.#hand.length === 0 && !(await this.#takeUp())) return;
    return this.#setup.closedSessions.has(this.#hand.entries[0]!.token_session)
      ? this.#leave()
      : this.#send(this.#hand);
  }

  /** Reads on; false if there was nothing to read yet. */
  async #takeUp(): Promise<boolean> {
    const { journal, settings, clock } = this.#setup;
    if (!this.#isDue()) {
      const idle = journal.stats().pending === 0;
      if (idle) {
        this.#freshSince = null;
        this.#enter('idle');
      }
      await this.#sleep(
        idle ? Number.POSITIVE_INFINITY : this.#freshSince! + settings.batch.lingerMs - clock.mono(),
        'by news',
      );
      return false;
    }
    this.#freshSince = null;
    const news = this.#news;
    const entries = await journal.read(this.#leaving ? LEAVING : settings.batch);
    if (entries.length === 0 && news === this.#news) await this.#sleep(Number.POSITIVE_INFINITY, 'by news');
    if (entries.length === 0) return false;
    if (this.#inherited > 0) {
      this.#doubt = entries[Math.min(entries.length, this.#inherited) - 1]!.seq;
      this.#inherited = 0;
    }
    this.#hand = new Hand(entries);
    return true;
  }

  /** There is something to read, and no reason to wait for more. */
  #isDue(): boolean {
    const { journal, settings, clock, drain } = this.#setup;
    const { pending } = journal.stats();
    if (pending === 0) return false;
    if (this.#freshSince === null || drain.awaited || pending >= settings.batch.max) return true;
    return clock.mono() - this.#freshSince >= settings.batch.lingerMs;
  }

  async #send(hand: Hand, errand?: Errand): Promise<void> {
    const piece = hand.piece(this.#setup.settings.batch.max, this.#size.bytes);
    // At most one request is in doubt after a power cut.
    await this.#acknowledged;
    if (this.#stopping || this.#paused) return;
    const retries = this.#backoff.failures > 0 || this.state === 'blocked' ? 1 : 0;
    if (this.state !== 'blocked') this.#enter('sending');
    const verdict = await this.#ask(piece);
    const tallies = { requests: 1, retries };
    if (verdict.do === 'advance') return this.#advance(hand, piece, verdict, tallies, errand);
    this.#setup.journal.tally(tallies);
    return this.#take(verdict, hand, piece, errand);
  }

  async #ask(piece: readonly Entry[]): Promise<Verdict> {
    const { token_session } = piece[0]!;
    const passings = piece.map(({ passing, num_passing }) => ({ ...passing, num_passing }));
    const options = { retry: false, signal: this.#signal() } as const;
    let outcome: Outcome;
    try {
      const call = this.#setup.client.passings.insert(token_session, passings, options);
      const { data, response } = await call.withResponse();
      outcome = { receipt: data, status: response.status };
    } catch (error) {
      outcome = { error };
    }
    return judge(outcome, { token_session, count: piece.length });
  }

  #advance(
    hand: Hand,
    piece: readonly Entry[],
    { inserted, duplicates }: Extract<Verdict, { do: 'advance' }>,
    tallies: { requests: number; retries: number },
    errand: Errand | undefined,
  ): void {
    const { journal } = this.#setup;
    this.#backoff.reset();
    this.#size.delivered();
    this.#leaving = false;
    hand.drop(piece.length);
    if (errand !== undefined) {
      journal.tally({ ...tallies, inserted, duplicates });
      if (hand.length === 0) this.#finish(errand);
      this.#enter('sending');
      return;
    }
    const unexpected = duplicates - piece.filter(({ seq }) => seq <= this.#doubt).length;
    this.#acknowledge(piece, { ...tallies, inserted, duplicates });
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
    const { journal, emitter, drain } = this.#setup;
    this.#acknowledged = journal.acknowledge(piece.at(-1)!, tallies);
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
    const { closedSessions, emitter, settings } = this.#setup;
    if ('maybeStored' in verdict && verdict.maybeStored && errand === undefined) {
      this.#doubt = Math.max(this.#doubt, piece.at(-1)!.seq);
    }
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
        this.#backoff.reset();
        this.fail(verdict.refusal.cause);
        if (piece.length > 1) {
          if (verdict.do === 'halve') this.#size.tooLarge(bytesOf(piece));
          return hand.halve(piece.length);
        }
        if (errand !== undefined) return this.#finish(errand, verdict.refusal.cause);
        return this.#park(hand, piece, {
          ...shown(verdict.refusal),
          reason: verdict.do === 'halve' ? 'too-large' : 'rejected',
        });
      case 'leave': {
        this.#backoff.reset();
        this.fail(verdict.refusal.cause);
        const { token_session } = piece[0]!;
        if (errand !== undefined) {
          const message = 'The session of these passings is closed: it takes none again';
          return this.#finish(errand, new SessionClosedError(message, { cause: verdict.refusal.cause }));
        }
        const isNews = closedSessions.note(token_session, verdict.refusal);
        if (isNews && settings.onSessionClosed === 'park')
          emitter.emit('sessionClosed', { token_session, replacedBy: null });
      }
    }
  }

  async #park(hand: Hand, piece: readonly Entry[], why: ParkReason): Promise<void> {
    await this.#setup.journal.park(piece, why);
    hand.drop(piece.length);
    this.#parked(piece, why);
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

  /** The session of what is at hand takes no more. */
  async #leave(): Promise<void> {
    const { closedSessions, emitter, drain, journal } = this.#setup;
    const { entries } = this.#hand;
    const doubtful = entries.filter(({ seq }) => seq <= this.#doubt).length;
    await this.#acknowledged;
    if (this.#stopping || this.#paused) return;
    const left = await closedSessions.leave(entries, doubtful, this.#signal());
    this.#leaving = left.do === 'parked' || left.do === 'moved';
    switch (left.do) {
      case 'advance': {
        const stored = entries.slice(0, left.count);
        this.#hand.drop(left.count);
        this.#acknowledge(stored, { inserted: left.count, duplicates: 0 });
        // The next one is known not to be there.
        this.#doubt = 0;
        return;
      }
      case 'parked':
        this.#hand = new Hand([]);
        this.#parked(entries, { reason: 'session-closed', status: left.status, response: left.response });
        return;
      case 'moved':
        this.#hand = new Hand([]);
        drain.moved(entries.length);
        return;
      case 'replaced':
        this.#hand = new Hand([]);
        this.#doubt = 0;
        this.#freshSince = null;
        emitter.emit('sessionClosed', { token_session: entries[0]!.token_session, replacedBy: journal.session });
        return;
      case 'stop':
        return this.#stopped(left.cause);
      default:
        return this.#rest(left);
    }
  }

  /** Our own abort needs no rest; somebody else's, in a middleware say, does. */
  async #stopped(cause: unknown): Promise<void> {
    if (!this.#abort.signal.aborted) await this.#rest(anew(cause));
  }

  #finish(errand: Errand, error?: unknown): void {
    this.#errands.splice(this.#errands.indexOf(errand), 1);
    errand.settle(error);
  }

  /** Waits out what stands in the way. */
  async #rest(verdict: Extract<Verdict, { do: 'again' | 'block' }>): Promise<void> {
    const { settings, emitter } = this.#setup;
    const { cause, maybeStored } = verdict;
    this.fail(cause);
    let delayMs = settings.probeMs;
    if (verdict.do === 'block') this.#enter('blocked', cause);
    else {
      delayMs = this.#backoff.next(verdict.retryAfterMs);
      const info = {
        attempt: this.#backoff.failures,
        delayMs: Math.round(delayMs),
        cause,
        maybeProcessed: maybeStored,
      };
      emitter.emit('retry', info);
      this.#enter('backoff', cause);
    }
    await this.#sleep(delayMs, 'by hand');
  }

  #progress(): void {
    const isDone = this.#hand.length === 0 && this.#errands.length === 0 && this.#setup.journal.stats().pending === 0;
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
    this.#wake('by hand');
  }

  #sleep(ms: number, wakes: Wakes): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        this.#sleeper = null;
        cancel?.();
        resolve();
      };
      const timed = ms < Number.POSITIVE_INFINITY;
      const cancel = timed ? this.#setup.clock.after(Math.min(ms, MAX_TIMER_MS), end, true) : undefined;
      this.#sleeper = { wakes, timed, end };
    });
  }

  #wake(how: Wakes): void {
    if (this.#sleeper !== null && (how === 'by hand' || this.#sleeper.wakes === 'by news')) this.#sleeper.end();
  }
}

const numbersOf = (piece: readonly Entry[]): [number, number] => [piece[0]!.num_passing, piece.at(-1)!.num_passing];

/** A failure on our side of the wire. */
const anew = (cause: unknown): Extract<Verdict, { do: 'again' }> => ({
  do: 'again',
  cause,
  maybeStored: false,
  halve: false,
  retryAfterMs: undefined,
});

const shown = ({ status, response }: Refusal): Omit<ParkReason, 'reason'> => ({ status, response });
