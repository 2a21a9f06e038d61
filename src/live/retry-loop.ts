import { pause } from '../core/abort.js';
import {
  RufusAbortError,
  RufusAPIError,
  RufusConnectionError,
  type RufusError,
  RufusResponseValidationError,
} from '../core/errors.js';
import { isDeclined } from '../core/retry.js';
import type { FollowOptions, FollowState } from '../types.js';
import type { FollowerApi } from './follower-api.js';
import type { Schedule } from './schedule.js';

const OPERATION = { operation: 'passings.follow' };

type Attempted<T> = { readonly value: T } | { readonly cause: RufusError };

/** Repeats transient failures without limit, and sleeps until the next poll. */
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
      // At the default level an outage is logged once.
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

  /** One request; `cause`: a transient failure. Its Retry-After delays every later request. */
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

/** Whether the API answers usably. Reports each change once, to `onState`. */
export class Link {
  readonly #onState: FollowOptions['onState'];
  #isOutage = false;

  constructor(onState: FollowOptions['onState']) {
    this.#onState = onState;
  }

  get isOutage(): boolean {
    return this.#isOutage;
  }

  /** True if that ends an outage. */
  answered(): boolean {
    if (!this.#isOutage) return false;
    this.#isOutage = false;
    this.#tell({ state: 'live', since: new Date(), cause: null });
    return true;
  }

  /** @param since When the request left that was not answered. */
  failed(since: Date, cause: RufusError): void {
    if (this.#isOutage) return;
    this.#isOutage = true;
    this.#tell({ state: 'outage', since, cause });
  }

  #tell(state: FollowState): void {
    try {
      const result: unknown = this.#onState?.(state);
      // The rejection of an async listener would end the process.
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // A listener that throws must not end the iteration.
    }
  }
}

/** Whether a repeat may succeed: after failures of the network, of a busy or broken server, or of a captive portal. */
function isTransient(error: unknown): boolean {
  if (error instanceof RufusAPIError) {
    const { status } = error;
    return status < 400 || status > 499 || isDeclined(status);
  }
  return error instanceof RufusConnectionError || error instanceof RufusResponseValidationError;
}

function retryAfterOf(error: unknown): number {
  return (error instanceof RufusAPIError ? error.retryAfterMs : undefined) ?? 0;
}
