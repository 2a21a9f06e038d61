import { RufusConfigError } from '../core/errors.js';
import type { Known } from '../core/known.js';
import { checkedOptions } from '../core/options.js';
import { isRecord } from '../core/payload.js';
import type { Transport } from '../core/transport.js';
import type { FollowAllBatch, FollowAllCursor, FollowAllOptions, FollowBatch } from '../types.js';
import { FollowIterator } from './follow.js';

export { FollowIterator };

const OPTIONS: Known<FollowAllOptions> = {
  cursor: true,
  signal: true,
  pollMs: true,
  holeTimeoutMs: true,
  onState: true,
  onEnd: true,
};

type Arrival = { readonly deviceid: string } & ({ readonly batch: FollowBatch } | { readonly error: unknown });

/** One iteration of {@link Passings.followAll}. */
export class FollowAllIterator implements AsyncIterableIterator<FollowAllBatch, undefined, void> {
  readonly #options: FollowAllOptions;
  readonly #followers: ReadonlyMap<string, AsyncIterator<FollowBatch>>;
  /** At most one batch per device: the next one is requested when the consumer has taken the one before. */
  readonly #arrived: Arrival[] = [];
  #cursor: FollowAllCursor;
  /** Devices whose next batch is to be requested; all of them at first. */
  #asking: string[];
  #following: number;
  #wake: () => void = () => {};
  #isDone = false;

  constructor(transport: Transport, deviceids: readonly string[], options: FollowAllOptions) {
    const { cursor, onState, onEnd, ...rest } = checkedOptions('options', options, OPTIONS);
    this.#options = options;
    this.#cursor = checkedCursors(cursor);
    if (!Array.isArray(deviceids)) throw new RufusConfigError('passings.followAll: expected a list of deviceids.');
    if (onEnd !== undefined && typeof onEnd !== 'function') throw new RufusConfigError('`onEnd` must be a function.');
    if (onState !== undefined && typeof onState !== 'function') {
      throw new RufusConfigError('`onState` must be a function.');
    }
    const followerOf = (deviceid: string) => {
      const own = { cursor: this.#cursor[deviceid], ...(onState && { onState: onState.bind(undefined, deviceid) }) };
      return new FollowIterator(transport, deviceid, { ...rest, ...own });
    };
    this.#asking = [...new Set(deviceids as readonly string[])];
    this.#following = this.#asking.length;
    this.#followers = new Map(this.#asking.map((deviceid) => [deviceid, followerOf(deviceid)]));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<FollowAllBatch, undefined>> {
    for (const deviceid of this.#asking.splice(0)) void this.#ask(deviceid);
    while (!this.#isDone && this.#following > 0) {
      const arrival = this.#arrived.shift();
      if (arrival === undefined) await this.#news();
      else if ('batch' in arrival) return { done: false, value: this.#deliver(arrival.deviceid, arrival.batch) };
      else await this.#end(arrival.deviceid, arrival.error);
    }
    return { done: true, value: undefined };
  }

  /** Ends all iterations, and their requests under way. */
  async return(): Promise<IteratorResult<FollowAllBatch, undefined>> {
    this.#isDone = true;
    await Promise.all([...this.#followers.values()].map((follower) => follower.return?.()));
    return { done: true, value: undefined };
  }

  // Not by Promise.race: each race would add reactions to the promise of a device that is silent for hours.
  async #ask(deviceid: string): Promise<void> {
    try {
      const { done, value } = await this.#followers.get(deviceid)!.next();
      if (!done) this.#arrived.push({ deviceid, batch: value });
    } catch (error) {
      this.#arrived.push({ deviceid, error });
    }
    this.#wake();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #deliver(deviceid: string, batch: FollowBatch): FollowAllBatch {
    this.#cursor = { ...this.#cursor, [deviceid]: batch.cursor };
    this.#asking.push(deviceid);
    return { ...batch, deviceid, cursor: this.#cursor };
  }

  /** A device must not end unnoticed: without `onEnd`, its end is the end of all. */
  async #end(deviceid: string, error: unknown): Promise<void> {
    const { signal, onEnd } = this.#options;
    if (signal?.aborted || onEnd === undefined) {
      await this.return();
      throw error;
    }
    this.#following--;
    onEnd(deviceid, error as Parameters<typeof onEnd>[1]);
  }
}

function checkedCursors(cursor: unknown): FollowAllCursor {
  if (cursor === undefined || cursor === null) return {};
  if (isRecord(cursor)) return cursor as FollowAllCursor;
  throw new RufusConfigError(
    'passings.followAll: the cursor is damaged: expected an object with a cursor for each deviceid. Pass one exactly as a batch carried it.',
    { operation: 'passings.followAll' },
  );
}
