/** What came with the data. */
export interface ResponseMeta {
  /** Of HTTP: 200 to 299. */
  readonly status: number;
  /** As they came with the last attempt. */
  readonly headers: Headers;
  /** For the vendor's support: the first of x-amzn-requestid, x-request-id, x-amz-request-id, apigw-requestid, cf-ray. */
  readonly requestId: string | undefined;
  /** Attempts made, from 1. */
  readonly attempts: number;
  /** Milliseconds of the whole call. */
  readonly durationMs: number;
  /** What the server said in words. */
  readonly description: string | undefined;
}

/**
 * A promise of the data. The call has begun already.
 *
 * @example
 * const { data, response } = await client.devices.get(deviceid).withResponse();
 * console.log(response.requestId, response.attempts);
 */
export interface RequestPromise<T> extends Promise<T> {
  /** The data together with status, headers, request id, attempts and duration. Rejects as the promise itself does. */
  withResponse(): Promise<{ data: T; response: ResponseMeta }>;
}

/** One page of a list. */
export interface Page<T> {
  /** In the server's order; empty past the end. */
  readonly items: readonly T[];
  /** From 1. */
  readonly page: number;
  /** Of the request that brought this page. */
  readonly response: ResponseMeta;
  /** True unless the API says that this is the last, or the page is empty: a short page is not the end. */
  hasNextPage(): boolean;
  /** Throws RufusConfigError on the last page, and whatever a call throws. */
  getNextPage(): Promise<Page<T>>;
}

/**
 * A list nobody has asked for yet. `await` gives one page; `for await` gives every item of every page, fetching ahead;
 * breaking out of the loop cancels what was fetched ahead.
 *
 * @example
 * for await (const passing of client.passings.listBySession(token_session, { prefetch: 4 })) board.show(passing);
 */
export interface PagePromise<T> extends Promise<Page<T>>, AsyncIterable<T> {
  /** Every page, in order, fetching ahead. A failure is thrown where the loop reaches it. */
  pages(): AsyncIterable<Page<T>>;
  /** The first items, in memory. */
  toArray(options: {
    /** How many at most, a whole number of at least 0. Nothing is fetched beyond it. */
    limit: number;
  }): Promise<T[]>;
}

/** Where a list begins. */
export interface PageQuery {
  /** The first page, an integer of at least 1. Default 1. */
  page?: number | undefined;
  /**
   * Pages fetched ahead of the one in hand while iterating, in order: 0 to 64, so many requests in flight. At the start the
   * first page is one of them: from 2 on, the second is asked for before it is known whether there is one. Default 1.
   */
  prefetch?: number | undefined;
}

/** One fault: where, and what was expected. Never the value itself. */
export interface Issue {
  /** From the argument or the body down to the field: `['passings', 3, 'bib']`. */
  path: readonly (string | number)[];
  /** What was expected. */
  message: string;
}
