import { list, queryString } from '../core/lists.js';
import { insertPassings, listPassingsByDevice, listPassingsBySession, pollPassings } from '../core/operations.js';
import { pathId } from '../core/path-id.js';
import type { CallInput, Transport } from '../core/transport.js';
import { checked } from '../core/validation/checked.js';
import { demand, demandNone } from '../core/validation/demand.js';
import { checkId } from '../core/validation/ids.js';
import { type WirePassing, wirePassings } from '../core/validation/passings.js';
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
import { NumbersSent } from './numbers-sent.js';

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
    return this.#transport.call(insertPassings, options, () => {
      demandNone(insertPassings.name, checkId('token_session', token_session));
      return insertion(token_session, demand(insertPassings.name, wirePassings(passings)));
    });
  }

  async insertMany(
    token_session: string,
    source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
    options: InsertManyOptions = {},
  ): Promise<InsertManyResult> {
    demandNone(INSERT_MANY, checkId('token_session', token_session));
    const numbers = new NumbersSent();
    return insertMany(source, options, async (batch, first, callOptions) => {
      let passings: readonly WirePassing[] = [];
      const receipt = await this.#transport.call(insertPassings, callOptions, () => {
        passings = demand(insertPassings.name, wirePassings(batch, first), first);
        demand(insertPassings.name, checked(passings, numbers.repeatedIn(passings, first)), first);
        return insertion(token_session, passings);
      });
      numbers.add(passings);
      return receipt;
    });
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

function insertion(token_session: string, passings_list: readonly WirePassing[]): CallInput {
  return { body: JSON.stringify({ token_session, passings_list }), secrets: [token_session] };
}
