import { checkSignal, onAbort } from '../core/abort.js';
import { RufusAbortError, RufusConfigError } from '../core/errors.js';
import { safeCause } from '../core/redact.js';
import type { Transport } from '../core/transport.js';
import type {
  FollowAllBatch,
  FollowAllCursor,
  FollowAllOptions,
  FollowBatch,
  FollowCursor,
  FollowOptions,
} from '../types.js';
import { Follower } from './follower.js';
import { followAllSettings, followSettings, knownOptions } from './options.js';

/** One iteration of {@link Passings.follow}. */
export class FollowIterator implements AsyncIterator<FollowBatch, undefined, void> {
  readonly #signal: AbortSignal | undefined;
  readonly #stop = new AbortController();
  readonly #batches: AsyncGenerator<FollowBatch, undefined, void>;
  #isDone = false;

  constructor(transport: Transport, deviceid: string, options: FollowOptions) {
    checkSignal(knownOptions(options).signal);
    this.#signal = options.signal;
    // Watched for as long as it lives: otherwise each request and each pause would add a listener to it and take it away again.
    onAbort(this.#stop.signal, () => {});
    const stop = this.#stop.signal;
    // The first step checks the options: of several devices, one with a damaged cursor ends alone.
    this.#batches = (async function* () {
      return yield* new Follower(transport, deviceid, followSettings(options), stop).batches();
    })();
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

function abortError({ reason }: AbortSignal): RufusAbortError {
  return new RufusAbortError("passings.follow: aborted by the caller's signal.", {
    operation: 'passings.follow',
    cause: safeCause(reason, []),
  });
}

type Arrival = { readonly deviceid: string } & ({ readonly batch: FollowBatch } | { readonly error: unknown });

/** One iteration of {@link Passings.followAll}. */
export class FollowAllIterator implements AsyncIterator<FollowAllBatch, undefined, void> {
  readonly #options: FollowAllOptions;
  readonly #followers: ReadonlyMap<string, AsyncIterator<FollowBatch>>;
  /** At most one batch per device: the next one is requested when the consumer has taken the one before. */
  readonly #arrived: Arrival[] = [];
  readonly #cursors: Cursors;
  /** Devices whose next batch is to be requested; all of them at first. */
  #asking: string[];
  #following: number;
  #wake: () => void = () => {};
  #isDone = false;

  constructor(transport: Transport, deviceids: readonly string[], options: FollowAllOptions) {
    const { cursor, onState, onEnd: _, ...rest } = followAllSettings(options);
    if (!Array.isArray(deviceids)) throw new RufusConfigError('passings.followAll: expected a list of deviceids.');
    this.#options = options;
    const followerOf = (deviceid: string) => {
      const own = { cursor: cursor[deviceid], ...(onState && { onState: onState.bind(undefined, deviceid) }) };
      return new FollowIterator(transport, deviceid, { ...rest, ...own });
    };
    this.#asking = [...new Set(deviceids as readonly string[])];
    this.#following = this.#asking.length;
    this.#cursors = new Cursors(cursor, this.#following);
    this.#followers = new Map(this.#asking.map((deviceid) => [deviceid, followerOf(deviceid)]));
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
    this.#asking.push(deviceid);
    const cursorOfAll = this.#cursors.after(deviceid, batch.cursor);
    let assigned: FollowAllCursor | undefined;
    return {
      ...batch,
      deviceid,
      get cursor() {
        return assigned ?? cursorOfAll();
      },
      set cursor(cursor) {
        assigned = cursor;
      },
    };
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

/** The cursor of all devices after each batch, made when somebody asks for it: with many devices a copy of all costs more than the batch. */
class Cursors {
  #base: FollowAllCursor;
  /** What the batches since have changed. Only added to: batches that the caller still has share it. */
  #changes: [deviceid: string, FollowCursor][] = [];
  readonly #mostChanges: number;

  constructor(base: FollowAllCursor, mostChanges: number) {
    this.#base = base;
    this.#mostChanges = mostChanges;
  }

  after(deviceid: string, cursor: FollowCursor): () => FollowAllCursor {
    const base = this.#base;
    const changes = this.#changes;
    const count = changes.push([deviceid, cursor]);
    let made: FollowAllCursor | undefined;
    const make = (): FollowAllCursor => {
      if (made !== undefined) return made;
      made = { ...base, ...Object.fromEntries(changes.slice(0, count)) };
      if (changes.length === count) {
        this.#base = made;
        this.#changes = [];
      }
      return made;
    };
    // So that neither the changes nor what a batch keeps alive grow without limit.
    if (count >= this.#mostChanges) make();
    return make;
  }
}
