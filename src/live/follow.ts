import { checkSignal, onAbort } from '../core/abort.js';
import { RufusAbortError, RufusConfigError } from '../core/errors.js';
import type { Known } from '../core/known.js';
import { asInteger, checkedOptions } from '../core/options.js';
import { safeCause } from '../core/redact.js';
import type { Transport } from '../core/transport.js';
import type { FollowBatch, FollowOptions } from '../types.js';
import { checkedCursor } from './cursor.js';
import { Follower, type FollowSettings } from './follower.js';
import { resolvePollMs } from './schedule.js';

const DEFAULT_HOLE_TIMEOUT_MS = 120_000;

const OPTIONS: Known<FollowOptions> = { cursor: true, signal: true, pollMs: true, holeTimeoutMs: true, onState: true };

/** One iteration of {@link Passings.follow}. */
export class FollowIterator implements AsyncIterableIterator<FollowBatch, undefined, void> {
  readonly #signal: AbortSignal | undefined;
  readonly #stop = new AbortController();
  readonly #batches: AsyncGenerator<FollowBatch, undefined, void>;
  #isDone = false;

  constructor(transport: Transport, deviceid: string, options: FollowOptions) {
    checkSignal(checkedOptions('options', options, OPTIONS).signal);
    this.#signal = options.signal;
    // Watched for as long as it lives: otherwise each request and each pause would add a listener to it and take it away again.
    onAbort(this.#stop.signal, () => {});
    this.#batches = follows(transport, deviceid, options, this.#stop.signal);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<FollowBatch, undefined>> {
    const signal = this.#signal;
    if (this.#isDone) return { done: true, value: undefined };
    // Watched only during `next`: a consumer that stops without `return` leaves no listener on its signal.
    const stopWatching = signal && onAbort(signal, () => this.#stop.abort());
    try {
      if (signal?.aborted) throw abortError(signal);
      return await this.#batches.next();
    } catch (error) {
      const wasEnded = this.#isDone;
      await this.return();
      if (signal?.aborted) throw abortError(signal);
      if (wasEnded) return { done: true, value: undefined };
      throw error;
    } finally {
      stopWatching?.();
    }
  }

  /** Ends the iteration, and the request under way. */
  async return(): Promise<IteratorResult<FollowBatch, undefined>> {
    this.#isDone = true;
    this.#stop.abort();
    await this.#batches.return(undefined);
    return { done: true, value: undefined };
  }
}

async function* follows(
  transport: Transport,
  deviceid: string,
  options: FollowOptions,
  signal: AbortSignal,
): AsyncGenerator<FollowBatch, undefined, void> {
  return yield* new Follower(transport, deviceid, resolveSettings(options), signal).batches();
}

function resolveSettings(options: FollowOptions): FollowSettings {
  const { cursor, pollMs = {}, holeTimeoutMs = DEFAULT_HOLE_TIMEOUT_MS, onState } = options;
  if (onState !== undefined && typeof onState !== 'function') {
    throw new RufusConfigError('`onState` must be a function.');
  }
  return {
    onState,
    cursor: checkedCursor(cursor),
    pollMs: resolvePollMs(pollMs),
    holeTimeoutMs:
      holeTimeoutMs === Number.POSITIVE_INFINITY ? holeTimeoutMs : asInteger('holeTimeoutMs', holeTimeoutMs, 0),
  };
}

function abortError({ reason }: AbortSignal): RufusAbortError {
  return new RufusAbortError("passings.follow: aborted by the caller's signal.", {
    operation: 'passings.follow',
    cause: safeCause(reason, []),
  });
}
