import { Lazy, LazyIterator } from '../core/lazy.js';
import { isRecord } from '../core/payload.js';
import type { Transport } from '../core/transport.js';
import type { FollowAllBatch, FollowAllOptions, FollowBatch, FollowOptions } from '../types.js';

/** Everything that follows devices; loaded by the first step of an iteration. */
export const following = new Lazy(() => import('./iterators.js'));

/** See {@link Passings.follow}. Nothing is checked or requested before the first iteration; each iteration begins at the cursor. */
export function follow(
  transport: Transport,
  deviceid: string,
  options: FollowOptions = {},
): AsyncIterable<FollowBatch> {
  return {
    [Symbol.asyncIterator]() {
      const given = copied(options);
      return new LazyIterator(async () => {
        const { FollowIterator } = await following.load();
        return new FollowIterator(transport, deviceid, given);
      });
    },
  };
}

/** See {@link Passings.followAll}. Nothing is checked or requested before the first iteration; each iteration begins at the cursor. */
export function followAll(
  transport: Transport,
  deviceids: readonly string[],
  options: FollowAllOptions = {},
): AsyncIterable<FollowAllBatch> {
  return {
    [Symbol.asyncIterator]() {
      const given = copied(options);
      const ids = Array.isArray(deviceids) ? [...deviceids] : deviceids;
      return new LazyIterator(async () => {
        const { FollowAllIterator } = await following.load();
        return new FollowAllIterator(transport, ids, given);
      });
    },
  };
}

/** As the options are now: loading takes time, in which the caller may change them. What is no object is refused later. */
const copied = <T extends object>(options: T): T => (isRecord(options) ? { ...options } : options);
