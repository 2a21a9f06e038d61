import { pause } from '../core/abort.js';
import { RufusAbortError, type RufusError } from '../core/errors.js';
import { isTransient, retryAfterOf } from './failures.js';
import type { FollowerApi } from './follower-api.js';
import type { Link } from './link.js';
import type { Schedule } from './schedule.js';

const OPERATION = { operation: 'passings.follow' };

type Attempted<T> = { readonly value: T } | { readonly cause: RufusError };

/** Repeats what fails until it succeeds, and waits for the next poll. */
export class RetryLoop {
  readonly #schedule: Schedule;
  readonly #api: FollowerApi;
  readonly #link: Link;
  readonly #signal: AbortSignal;
  #notBefore = 0;

  constructor(schedule: Schedule, api: FollowerApi, link: Link, signal: AbortSignal) {
    this.#schedule = schedule;
    this.#api = api;
    this.#link = link;
    this.#signal = signal;
  }

  /** Repeats the request until there is an answer, without limit. Throws what is not transient. */
  async untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const askedAt = new Date();
      // An outage is told once at the default level.
      const answer = await this.once(ask, this.#link.isOutage ? 'info' : 'warn');
      if ('value' in answer) {
        this.#schedule.succeeded();
        if (this.#link.answered()) this.#api.log('info', 'follow: usable answers again', OPERATION);
        return answer.value;
      }
      this.#link.failed(askedAt, answer.cause);
      await this.sleepUntil(performance.now() + this.#schedule.afterFailure());
    }
  }

  /** One request; `cause` is a transient failure. Its Retry-After holds for everything from then on. */
  async once<T>(ask: () => Promise<T>, level: 'warn' | 'info' = 'info'): Promise<Attempted<T>> {
    try {
      return { value: await ask() };
    } catch (error) {
      if (!isTransient(error)) throw error;
      const delayMs = retryAfterOf(error);
      this.#notBefore = performance.now() + delayMs;
      const cause = error as RufusError & { status?: number };
      const { operation = '', code, status } = cause;
      this.#api.log(level, 'follow: no usable answer, trying on', {
        operation,
        code,
        ...(status !== undefined && { status }),
        ...(delayMs > 0 && { delayMs }),
      });
      return { cause };
    }
  }

  /** @param at By the monotonic clock; later where the server has asked for it. */
  async sleepUntil(at: number): Promise<void> {
    const ms = Math.ceil(Math.max(at, this.#notBefore) - performance.now());
    if (ms > 0 && !(await pause(ms, this.#signal))) throw new RufusAbortError('passings.follow: ended in a pause.');
  }
}
