import { list } from '../core/lists.js';
import type { EncodedInput, Operation } from '../core/operation.js';
import { insertPassings, listPassingsByDevice, listPassingsBySession, pollPassings } from '../core/operations.js';
import type { Transport } from '../core/transport.js';
import { assertNoIssues, assertValid } from '../core/validation/assert-valid.js';
import { checkId } from '../core/validation/ids.js';
import { asValidated, wirePassings } from '../core/validation/passings.js';
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

/** The same request, its arguments checked and encoded beforehand. */
const insertEncoded: Operation<EncodedInput, InsertResult> = { ...insertPassings, encode: (input) => input };

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

  async insertMany(
    token_session: string,
    source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
    options: InsertManyOptions = {},
  ): Promise<InsertManyResult> {
    assertNoIssues(INSERT_MANY, checkId('token_session', token_session));
    const numbers = new NumbersSent();
    return insertMany(
      source,
      options,
      {
        validate(batch, first) {
          const passings = assertValid(insertPassings.name, wirePassings(batch, first), first);
          assertNoIssues(insertPassings.name, numbers.repeatedIn(passings, first), first);
          numbers.add(passings);
          return passings;
        },
        encode: (passings) => insertPassings.encode({ body: { token_session, passings: asValidated(passings) } }),
      },
      ({ input }, callOptions) => this.#transport.call(insertEncoded, input, callOptions),
    );
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
