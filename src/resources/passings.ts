import { list } from '../core/lists.js';
import { insertPassings, listPassingsByDevice, listPassingsBySession, pollPassings } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
import { follow, followAll } from '../live/follow.js';
import type {
  FollowAllBatch,
  FollowAllOptions,
  FollowBatch,
  FollowOptions,
  InsertManyResult,
  InsertResult,
  PagePromise,
  PageQuery,
  Passing,
  PassingInput,
  Passings,
  RequestOptions,
  RequestPromise,
} from '../types.js';
import { type InsertManyOptions, insertMany } from './insert-many.js';

export class PassingsModule implements Passings {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  insert(
    token_session: string,
    passings: readonly PassingInput[],
    options?: RequestOptions,
  ): RequestPromise<InsertResult> {
    return this.#transport.call(insertPassings, { body: { token_session, passings } }, options);
  }

  insertMany(
    token_session: string,
    source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
    options: InsertManyOptions = {},
  ): Promise<InsertManyResult> {
    return insertMany(this.#transport, token_session, source, options);
  }

  listBySession(
    token_session: string,
    query?: PageQuery & { first?: number | undefined; last?: number | undefined },
    options?: RequestOptions,
  ): PagePromise<Passing> {
    return list(this.#transport, listPassingsBySession, { token_session, query }, options);
  }

  listByDevice(
    deviceid: string,
    query?: PageQuery & { from?: string | Date | undefined; to?: string | Date | undefined },
    options?: RequestOptions,
  ): PagePromise<Passing> {
    return list(this.#transport, listPassingsByDevice, { deviceid, query }, options);
  }

  poll(
    deviceid: string,
    query?: Parameters<Passings['poll']>[1],
    options?: RequestOptions,
  ): ReturnType<Passings['poll']> {
    return this.#transport.call(pollPassings, { deviceid, query }, options);
  }

  follow(deviceid: string, options?: FollowOptions): AsyncIterable<FollowBatch> {
    return follow(this.#transport, deviceid, options);
  }

  followAll(deviceids: readonly string[], options?: FollowAllOptions): AsyncIterable<FollowAllBatch> {
    return followAll(this.#transport, deviceids, options);
  }
}
