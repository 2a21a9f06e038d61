import { list, queryString } from '../core/lists.js';
import { insertPassings, listPassingsByDevice, listPassingsBySession, pollPassings } from '../core/operations.js';
import { pathId } from '../core/path-id.js';
import type { CallInput, Transport } from '../core/transport.js';
import { demand, demandNone } from '../core/validation/demand.js';
import { checkId } from '../core/validation/ids.js';
import { wirePassings } from '../core/validation/passings.js';
import { checkPollQuery } from '../core/validation/queries.js';
import { follow } from '../live/follow.js';
import { followAll } from '../live/follow-all.js';
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
import { INSERT_MANY, type InsertManyOptions, insertMany } from './insert-many.js';

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
    return this.#transport.call(insertPassings, options, () => insertion(token_session, passings, 0));
  }

  async insertMany(
    token_session: string,
    source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
    options: InsertManyOptions = {},
  ): Promise<InsertManyResult> {
    demandNone(INSERT_MANY, checkId('token_session', token_session));
    return insertMany(source, options, (batch, first, callOptions) =>
      this.#transport.call(insertPassings, callOptions, () => insertion(token_session, batch, first)),
    );
  }

  listBySession(
    token_session: string,
    query?: PageQuery & { first?: number | undefined; last?: number | undefined },
    options?: RequestOptions,
  ): PagePromise<Passing> {
    const id = () => pathId(listPassingsBySession.name, 'token_session', token_session).id;
    return list(this.#transport, listPassingsBySession, 'passingsBySession', id, query, options);
  }

  listByDevice(
    deviceid: string,
    query?: PageQuery & { from?: string | Date | undefined; to?: string | Date | undefined },
    options?: RequestOptions,
  ): PagePromise<Passing> {
    const id = () => pathId(listPassingsByDevice.name, 'deviceid', deviceid).id;
    return list(this.#transport, listPassingsByDevice, 'passingsByDevice', id, query, options);
  }

  poll(
    deviceid: string,
    query?: Parameters<Passings['poll']>[1],
    options?: RequestOptions,
  ): ReturnType<Passings['poll']> {
    return this.#transport.call(pollPassings, options, () => {
      const { id } = pathId(pollPassings.name, 'deviceid', deviceid);
      const params = demand(pollPassings.name, checkPollQuery(query));
      const secrets = query?.token_session === undefined ? [] : [query.token_session];
      return { id, query: queryString(params), secrets };
    });
  }

  follow(deviceid: string, options?: FollowOptions): AsyncIterable<FollowBatch> {
    return follow(this.#transport, deviceid, options);
  }

  followAll(deviceids: readonly string[], options?: FollowAllOptions): AsyncIterable<FollowAllBatch> {
    return followAll(this.#transport, deviceids, options);
  }
}

/** `first`: the index of the first passing in what the caller handed over. */
function insertion(token_session: string, passings: readonly PassingInput[], first: number): CallInput {
  demandNone(insertPassings.name, checkId('token_session', token_session));
  const passings_list = demand(insertPassings.name, wirePassings(passings, first));
  return { body: JSON.stringify({ token_session, passings_list }), secrets: [token_session] };
}
