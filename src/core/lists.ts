import type { RequestOptions } from '../types.js';
import { beyondFirstPage, type Operation } from './operations.js';
import { CALL_OPTIONS, checkedOptions } from './options.js';
import { ListPromise } from './pagination.js';
import type { Rows } from './reading.js';
import type { Transport } from './transport.js';
import { demand } from './validation/demand.js';
import { checkListQuery, type listQueries, type QueryParams } from './validation/queries.js';

/** A list operation as a method of a module: the arguments are checked and requests made once somebody asks. */
export function list<T>(
  transport: Transport,
  operation: Operation<Rows<T>>,
  queryName: keyof typeof listQueries,
  id: (() => string) | undefined,
  query: unknown,
  options: RequestOptions | undefined,
): ListPromise<T> {
  return new ListPromise<T>(() => {
    if (options !== undefined) checkedOptions('options', options, CALL_OPTIONS);
    const pathId = id?.();
    const { page: firstPage, prefetch, params } = demand(operation.name, checkListQuery(queryName, query));
    const following = beyondFirstPage(operation);
    return {
      operation: operation.name,
      firstPage,
      prefetch,
      signal: options?.signal,
      fetch: (page, walked, signal) =>
        transport
          .call(walked ? following : operation, { ...options, signal }, () => ({
            ...(pathId === undefined ? {} : { id: pathId }),
            query: queryString({ page, ...params }),
          }))
          .withResponse(),
    };
  });
}

/** Encoded, with its question mark; empty where there is nothing to ask for. */
export function queryString(params: QueryParams): string {
  const pairs = Object.entries(params).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
