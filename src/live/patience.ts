import { pause } from '../core/abort.js';
import { RufusAbortError, type RufusError } from '../core/errors.js';
import { mayPass, retryAfterOf } from './failures.js';
import type { Schedule } from './schedule.js';
import type { Source } from './source.js';

/** Waits: for the next poll, and for what fails to work again. */
export class Patience {
  readonly #schedule: Schedule;
  readonly #source: Source;
  readonly #signal: AbortSignal;
  #notBefore = 0;
  #isOutage = false;

  constructor(schedule: Schedule, source: Source, signal: AbortSignal) {
    this.#schedule = schedule;
    this.#source = source;
    this.#signal = signal;
  }

  /** Asks until there is an answer, for ever. Throws what time does not heal. */
  async outlast<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      // An outage is told once at the default level.
      const answer = await this.attempt(ask, this.#isOutage ? 'info' : 'warn');
      if (answer !== undefined) {
        this.#schedule.succeeded();
        this.#isOutage = false;
        return answer.value;
      }
      this.#isOutage = true;
      await this.until(performance.now() + this.#schedule.afterFailure());
    }
  }

  /** Asks once; undefined after a failure that may pass. What such an answer says about waiting is heeded from then on. */
  async attempt<T>(ask: () => Promise<T>, level: 'warn' | 'info' = 'info'): Promise<{ readonly value: T } | undefined> {
    try {
      return { value: await ask() };
    } catch (error) {
      if (!mayPass(error)) throw error;
      const delayMs = retryAfterOf(error);
      this.#notBefore = performance.now() + delayMs;
      const { operation = '', code, status } = error as RufusError & { status?: number };
      this.#source.log(level, 'follow: no usable answer, trying on', {
        operation,
        code,
        ...(status !== undefined && { status }),
        ...(delayMs > 0 && { delayMs }),
      });
      return undefined;
    }
  }

  /** @param at Of the monotonic clock; later where the server has asked for it. */
  async until(at: number): Promise<void> {
    const ms = Math.ceil(Math.max(at, this.#notBefore) - performance.now());
    if (ms > 0 && !(await pause(ms, this.#signal))) throw new RufusAbortError('passings.follow: ended in a pause.');
  }
}
