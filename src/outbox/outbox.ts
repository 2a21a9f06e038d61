import { checkSignal } from '../core/abort.js';
import { RufusConfigError } from '../core/errors.js';
import { checkedOptions, duration } from '../core/options.js';
import { assertNoIssues, assertValid } from '../core/validation/issues.js';
import { wireUnnumbered } from '../core/validation/passings.js';
import type { Clock } from './clock.js';
import type { OutboxContext } from './context.js';
import { OutboxClosedError } from './errors.js';
import { exportHistory } from './export.js';
import type { BoundSession } from './folder-device.js';
import type { Forwarder } from './forwarder.js';
import type { ParkedEntry, SourcePosition } from './journal.js';
import { atLeastZero, checkedSession, checkSessionDevice } from './options.js';
import { shownStats } from './stats.js';
import {
  type NewPassing,
  Outbox,
  type OutboxEvents,
  type OutboxSession,
  type OutboxStats,
  type ParkedPassing,
  type Receipt,
} from './types.js';

const APPEND = 'outbox.append';

export interface OutboxParts extends OutboxContext {
  readonly forwarder: Forwarder;
  /** Stops watching the clock. */
  readonly unwatch: () => void;
}

/** The outbox over its journal (what is durable) and its forwarder (what is sent). */
export class DurableOutbox extends Outbox {
  readonly #parts: OutboxParts;
  /** Calls of append and requeue that have not settled. */
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<{ pending: number; parked: number }> | undefined;

  constructor(parts: OutboxParts) {
    super();
    this.#parts = parts;
  }

  /** In the next turn, when the caller of `openOutbox` has added its listeners: emits what was found while opening, and starts to send. */
  start(): void {
    setImmediate(() => {
      this.#parts.emitter.release();
      if (this.#closing === undefined) this.#parts.forwarder.start();
    });
  }

  get token_session(): string {
    return this.#parts.journal.session!;
  }

  append(passing: NewPassing): Promise<Receipt>;
  append(passings: readonly NewPassing[], options?: { source?: SourcePosition | undefined }): Promise<Receipt[]>;
  async append(
    given: NewPassing | readonly NewPassing[],
    options: { source?: SourcePosition | undefined } = {},
  ): Promise<Receipt | Receipt[]> {
    this.#assertOpen();
    const { source } = checkedOptions('options', options, { source: true });
    const isList = Array.isArray(given);
    if (source !== undefined) checkSource(source);
    const onlySource = isList && given.length === 0 && source !== undefined;
    const passings = onlySource ? [] : assertValid(APPEND, wireUnnumbered(isList ? given : [given]));
    const receipts = await this.#track(this.#parts.journal.append(passings, source));
    return isList ? receipts : receipts[0]!;
  }

  position(source: string): string | number | undefined {
    return this.#parts.journal.position(source);
  }

  async drained(options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#assertOpen();
    const { signal } = checkedOptions('options', options, { signal: true });
    checkSignal(signal);
    await Promise.allSettled(this.#underWay);
    this.#assertOpen();
    await this.#parts.drain.wait(signal);
  }

  stats(): OutboxStats {
    const { journal, forwarder, clock, logger } = this.#parts;
    const beside = { state: forwarder.state, token_session: this.token_session, lastError: logger.lastError };
    return shownStats(journal.stats(), beside, clock);
  }

  on<K extends keyof OutboxEvents>(event: K, listener: (...args: OutboxEvents[K]) => void): this {
    this.#parts.emitter.on(event, listener);
    return this;
  }

  off<K extends keyof OutboxEvents>(event: K, listener: (...args: OutboxEvents[K]) => void): this {
    this.#parts.emitter.off(event, listener);
    return this;
  }

  pause(): void {
    this.#parts.forwarder.pause();
  }

  resume(): void {
    this.#parts.forwarder.resume();
  }

  async *parked(): AsyncGenerator<ParkedPassing> {
    for await (const chunk of this.#parts.journal.parked()) yield* chunk.map(shown);
  }

  async requeue(filter: (parked: ParkedPassing) => boolean = () => true): Promise<Receipt[]> {
    this.#assertOpen();
    if (typeof filter !== 'function') throw new RufusConfigError('`filter` must be a function.');
    const { journal, logger } = this.#parts;
    const receipts = await this.#track(journal.requeue((entry) => filter(shown(entry))));
    logger.requeued(receipts.length);
    return receipts;
  }

  async rewind(window: Parameters<Outbox['rewind']>[0]): ReturnType<Outbox['rewind']> {
    this.#assertOpen();
    return this.#parts.forwarder.resends.rewind(window);
  }

  exportTo(file: string, options?: { format?: 'jsonl' | 'csv' | undefined }): Promise<number> {
    return exportHistory(this.#parts.journal, file, options);
  }

  async switchSession(
    session: OutboxSession,
    options: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined } = {},
  ): Promise<string> {
    this.#assertOpen();
    const wanted = checkedSession(session);
    checkSessionDevice(wanted);
    const { signal, timeoutMs } = checkedOptions('options', options, { signal: true, timeoutMs: true });
    checkSignal(signal);
    if (timeoutMs !== undefined) duration('timeoutMs', timeoutMs);
    return this.#parts.switches.request(wanted, this.#underWay, { signal, timeoutMs });
  }

  /** For opening: starts to deliver, and resolves when the session is changed, when delivery fails, or after `ms`. The change goes on in the background. */
  async switchInBackground(wanted: BoundSession, ms: number): Promise<void> {
    const { switches, forwarder, clock } = this.#parts;
    const switched = switches.request(wanted, [], { inBackground: true }).catch(() => undefined);
    const failure = forwarder.nextFailure();
    forwarder.start();
    await within(ms, Promise.race([switched, failure]), clock);
  }

  async close(options: { drainMs?: number | undefined } = {}): Promise<{ pending: number; parked: number }> {
    const { drainMs = 0 } = checkedOptions('options', options, { drainMs: true });
    this.#closing ??= this.#close(atLeastZero('drainMs', drainMs));
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(drainMs: number): Promise<{ pending: number; parked: number }> {
    const { forwarder, switches, drain, journal, unwatch, emitter, logger, clock } = this.#parts;
    if (drainMs > 0 && forwarder.state !== 'paused') {
      const drained = Promise.allSettled(this.#underWay).then(() => drain.wait());
      await within(drainMs, drained, clock);
    }
    emitter.release();
    unwatch();
    await forwarder.stop();
    switches.close();
    drain.close();
    await journal.close();
    logger.close();
    return { pending: journal.pending, parked: journal.parkedCount };
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new OutboxClosedError();
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const done = (): boolean => this.#underWay.delete(work);
    work.then(done, done);
    return work;
  }
}

/** Resolves when the work has ended, however it ended, and after `ms` at the latest. */
function within(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve, true);
    const end = (): void => {
      cancel();
      resolve();
    };
    work.then(end, end);
  });
}

export function shown({ token_session, num_passing, passing, reason, status, response }: ParkedEntry): ParkedPassing {
  return { token_session, num_passing, passing, reason, status, response };
}

function checkSource(source: SourcePosition): void {
  const { name, position } = checkedOptions('source', source, { name: true, position: true });
  const issues = [];
  if (typeof name !== 'string' || name === '')
    issues.push({ path: ['source', 'name'], message: 'expected text that is not empty' });
  if (typeof position !== 'string' && !Number.isFinite(position)) {
    issues.push({ path: ['source', 'position'], message: 'expected text or a finite number' });
  }
  assertNoIssues(APPEND, issues);
}
