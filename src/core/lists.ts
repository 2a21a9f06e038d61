import type { RequestOptions } from '../types.js';
import { ListPromise } from './list-promise.js';
import type { Operation } from './operation.js';
import { CALL_OPTIONS, checkedOptions } from './options.js';
import type { Rows } from './payload.js';
import type { Transport } from './transport.js';

/** A list operation as a method of a module: arguments are checked and requests made once somebody asks. */
export function list<Input extends { readonly query: unknown }, Item>(
  transport: Transport,
  operation: Operation<Input, Rows<Item>>,
  input: NoInfer<Input>,
  options: RequestOptions | undefined,
): ListPromise<Item> {
  return new ListPromise<Item>(() => {
    if (options !== undefined) checkedOptions('options', options, CALL_OPTIONS);
    // Lists have no body: no schema is needed.
    const { query = {}, ...rest } = operation.encode(input)();
    const { page: firstPage = 1, prefetch = 1, ...params } = query;
    const page: Operation<number, Rows<Item>> = {
      ...operation,
      encode: (number) => () => ({ ...rest, query: { page: number, ...params } }),
    };
    const laterPage = pastTheEnd(page);
    return {
      operation: operation.name,
      firstPage: Number(firstPage),
      prefetch: Number(prefetch),
      signal: options?.signal,
      fetch: (number, isLater, signal) =>
        transport.call(isLater ? laterPage : page, number, { ...options, signal }).withResponse(),
    };
  });
}

/** The same list, asked for a page that another page led to: a 404 of the API is its end. */
function pastTheEnd<Input, Item>(page: Operation<Input, Rows<Item>>): Operation<Input, Rows<Item>> {
  return {
    ...page,
    interpret: ({ status, isJson }) => (status === 404 && isJson ? { items: [], hasMore: false } : undefined),
  };
}
