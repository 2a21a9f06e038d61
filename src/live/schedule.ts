import { pause } from '../core/abort.js';
import {
  RufusAbortError,
  RufusAPIError,
  RufusConnectionError,
  type RufusError,
  RufusResponseValidationError,
} from '../core/errors.js';
import type { Log } from '../core/log.js';
import { exponentialDelay, isDeclined, jittered } from '../core/retry.js';
import type { FollowState } from '../types.js';
import type { FollowSettings } from './options.js';

/** A poll that brings this many is followed by the next at once: there is more to catch up with. */
export const CATCHING_UP = 500;
// Passings come with gaps: the pause grows only after a few empty polls.
const EMPTY_POLLS = 3;

const OPERATION = { operation: 'passings.follow' };

type Attempted<T> = { readonly value: T } | { readonly cause: RufusError };

/** When requests leave: the next poll after a pause, and what failed transiently again, without limit. Reports outages to `onState`. */
export class Schedule {
  readonly #settings: FollowSettings;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  #emptyPolls = 0;
  /** Since the last usable answer. There is an outage where there are any. */
  #failures = 0;
  #notBefore = 0;

  constructor(settings: FollowSettings, log: Log, signal: AbortSignal) {
    this.#settings = settings;
    this.#log = log;
    this.#signal = signal;
  }

  /** Repeats the request until there is an answer, without limit. Throws what is not transient. */
  async untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const askedAt = new Date();
      // At the default level an outage is logged once.
      const answer = await this.once(ask, this.#failures > 0 ? 'info' : 'warn');
      if ('value' in answer) {
        this.#endOutage();
        return answer.value;
      }
      if (this.#failures === 0) this.#tell({ state: 'outage', since: askedAt, cause: answer.cause });
      // With jitter, so that many followers do not come back at the same moment.
      await this.sleepUntil(performance.now() + jittered(this.#grown(this.#failures++), 0.5));
    }
  }

  /** One request; `cause`: a transient failure. Its Retry-After delays every later request. */
  async once<T>(ask: () => Promise<T>, level: 'warn' | 'info' = 'info'): Promise<Attempted<T>> {
    try {
      return { value: await ask() };
    } catch (error) {
      if (!isTransient(error)) throw error;
      const delayMs = (error instanceof RufusAPIError ? error.retryAfterMs : undefined) ?? 0;
      this.#notBefore = performance.now() + delayMs;
      const cause = error as RufusError & { status?: number };
      const { operation = '', code, status } = cause;
      this.#log.write(level, 'follow: no usable answer, trying on', {
        operation,
        code,
        ...(status !== undefined && { status }),
        ...(delayMs > 0 && { delayMs }),
      });
      return { cause };
    }
  }

  /** Milliseconds from a poll's answer to the next poll: `min` while passings come, growing to `max` while none do. */
  afterPoll(brought: number): number {
    this.#emptyPolls = brought > 0 ? 0 : this.#emptyPolls + 1;
    return brought >= CATCHING_UP ? 0 : this.#grown(this.#emptyPolls - EMPTY_POLLS);
  }

  /** @param at By the monotonic clock; later where the server has asked for it. */
  async sleepUntil(at: number): Promise<void> {
    const ms = Math.ceil(Math.max(at, this.#notBefore) - performance.now());
    if (ms > 0 && !(await pause(ms, this.#signal))) throw new RufusAbortError('passings.follow: ended in a pause.');
  }

  #grown(doublings: number): number {
    const { min, max } = this.#settings.pollMs;
    return doublings <= 0 ? min : exponentialDelay(Math.max(min, 1), max, doublings);
  }

  #endOutage(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#tell({ state: 'live', since: new Date(), cause: null });
    this.#log.write('info', 'follow: usable answers again', OPERATION);
  }

  #tell(state: FollowState): void {
    try {
      const result: unknown = this.#settings.onState?.(state);
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
