import { pause } from '../core/abort.js';
import { RufusAbortError, type RufusError } from '../core/errors.js';
import { mayPass, retryAfterOf } from './failures.js';
import type { Link } from './link.js';
import type { Schedule } from './schedule.js';
import type { Source } from './source.js';

const OPERATION = { operation: 'passings.follow' };

type Attempted<T> = { readonly value: T } | { readonly cause: RufusError };

/** Waits: for the next poll, and for what fails to work again. */
export class Patience {
  readonly #schedule: Schedule;
  readonly #source: Source;
  readonly #link: Link;
  readonly #signal: AbortSignal;
  #notBefore = 0;

  constructor(schedule: Schedule, source: Source, link: Link, signal: AbortSignal) {
    this.#schedule = schedule;
    this.#source = source;
    this.#link = link;
    this.#signal = signal;
  }

  /** Asks until there is an answer, for ever. Throws what time does not heal. */
  async outlast<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const askedAt = new Date();
      // An outage is told once at the default level.
      const answer = await this.attempt(ask, this.#link.isOutage ? 'info' : 'warn');
      if ('value' in answer) {
        this.#schedule.succeeded();
        if (this.#link.answered()) this.#source.log('info', 'follow: usable answers again', OPERATION);
        return answer.value;
      }
      this.#link.failed(askedAt, answer.cause);
      await this.until(performance.now() + this.#schedule.afterFailure());
    }
  }

  /** Asks once; `cause` is a failure that may pass. What such an answer says about waiting is heeded from then on. */
  async attempt<T>(ask: () => Promise<T>, level: 'warn' | 'info' = 'info'): Promise<Attempted<T>> {
    try {
      return { value: await ask() };
    } catch (error) {
      if (!mayPass(error)) throw error;
      const delayMs = retryAfterOf(error);
      this.#notBefore = performance.now() + delayMs;
      const cause = error as RufusError & { status?: number };
      const { operation = '', code, status } = cause;
      this.#source.log(level, 'follow: no usable answer, trying on', {
        operation,
        code,
        ...(status !== undefined && { status }),
        ...(delayMs > 0 && { delayMs }),
      });
      return { cause };
    }
  }

  /** @param at Of the monotonic clock; later where the server has asked for it. */
  async until(at: number): Promise<void> {
    const ms = Math.ceil(Math.max(at, this.#notBefore) - performance.now());
    if (ms > 0 && !(await pause(ms, this.#signal))) throw new RufusAbortError('passings.follow: ended in a pause.');
  }
}
