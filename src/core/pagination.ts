import type { Page, PagePromise, ResponseMeta } from '../types.js';
import { onAbort } from './abort.js';
import { RufusConfigError, RufusResponseValidationError } from './errors.js';
import { loopTurn } from './loop-turn.js';
import { checkedOptions } from './options.js';
import type { Rows } from './payload.js';
import type { Finished } from './promises.js';
import { isSameJson } from './same-json.js';

/** One list: where it starts, how far to look ahead, and how to get a page of it. */
export interface ListPlan<T> {
  readonly operation: string;
  readonly firstPage: number;
  readonly prefetch: number;
  readonly signal: AbortSignal | undefined;
  /** Fetches a page by its number, from 1. `isLater`: one that another page led to, where a 404 is the end. */
  readonly fetch: (page: number, isLater: boolean, signal: AbortSignal | undefined) => Promise<Finished<Rows<T>>>;
}

/** A list nobody has asked for yet: `await` gives one page, `for await` every item of every page. */
export class ListPromise<T> extends Promise<Page<T>> implements PagePromise<T> {
  readonly #plan: () => ListPlan<T>;
  #first: Promise<ListPage<T>> | undefined;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** `plan` checks the arguments; what it throws rejects the promise or ends the iteration. */
  constructor(plan: () => ListPlan<T>) {
    // Settled at once and never looked at: nothing is requested before `then` or an iterator asks.
    super((resolve) => resolve(undefined as unknown as Page<T>));
    this.#plan = plan;
  }

  override then<A = Page<T>, B = never>(
    onFulfilled?: ((value: Page<T>) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#first ??= this.#fetchFirst();
    return this.#first.then(onFulfilled, onRejected);
  }

  pages(): AsyncIterableIterator<Page<T>> {
    return new PageWalk(() => this.#plan());
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new ItemWalk(this.pages());
  }

  async toArray(options: { limit: number }): Promise<T[]> {
    const { limit } = checkedOptions('options', options, { limit: true });
    if (!Number.isSafeInteger(limit) || limit < 0) {
      throw new RufusConfigError('toArray: `limit` must be a whole number of at least 0.');
    }
    const items: T[] = [];
    if (limit === 0) {
      this.#plan();
      return items;
    }
    for await (const item of this) {
      items.push(item);
      if (items.length >= limit) break;
    }
    return items;
  }

  async #fetchFirst(): Promise<ListPage<T>> {
    const plan = this.#plan();
    return fetchPage(plan, plan.firstPage, false, plan.signal);
  }
}

class ListPage<T> implements Page<T> {
  readonly items: readonly T[];
  readonly page: number;
  readonly response: ResponseMeta;
  readonly #plan: ListPlan<T>;
  readonly #hasMore: boolean | undefined;

  constructor(plan: ListPlan<T>, page: number, rows: Rows<T>, response: ResponseMeta) {
    this.items = rows.items;
    this.page = page;
    this.response = response;
    this.#plan = plan;
    this.#hasMore = rows.hasMore;
  }

  /** The number of items does not decide: "up to 5000" may mean fewer. */
  hasNextPage(): boolean {
    return this.#hasMore ?? this.items.length > 0;
  }

  async getNextPage(): Promise<Page<T>> {
    if (!this.hasNextPage())
      throw new RufusConfigError(`${this.#plan.operation}: page ${this.page} is the last; ask hasNextPage() first.`);
    const next = await fetchPage(this.#plan, this.page + 1, true, this.#plan.signal);
    refuseRepeated(this.#plan, this, next);
    return next;
  }
}

async function fetchPage<T>(
  plan: ListPlan<T>,
  page: number,
  isLater: boolean,
  signal: AbortSignal | undefined,
): Promise<ListPage<T>> {
  const { data, response } = await plan.fetch(page, isLater, signal);
  return new ListPage(plan, page, data, response);
}

/** A server that ignores `page` would be read for ever. */
function refuseRepeated<T>(plan: ListPlan<T>, previous: ListPage<T>, page: ListPage<T>): void {
  const isRepeat =
    page.items.length === previous.items.length &&
    page.items.every((item, index) => isSameJson(item, previous.items[index]));
  if (!page.hasNextPage() || !isRepeat) return;
  throw new RufusResponseValidationError(
    `${plan.operation}: page ${page.page} repeats page ${previous.page}. The list was not read to its end.`,
    {
      operation: plan.operation,
      attempts: page.response.attempts,
      issues: [{ path: ['page'], message: 'expected another page, got the one before it again' }],
      status: page.response.status,
    },
  );
}

/** Walks the pages in order, with up to `prefetch` requests ahead of the consumer. */
class PageWalk<T> implements AsyncIterableIterator<Page<T>> {
  readonly #makePlan: () => ListPlan<T>;
  readonly #cancel = new AbortController();
  #plan: ListPlan<T> | undefined;
  #stopWatching: (() => void) | undefined;
  /** The pages after the one in hand, in order; from the start on, the first is one of them. */
  #ahead: Promise<ListPage<T>>[] = [];
  #nextNumber = 0;
  #previous: ListPage<T> | undefined;
  #done = false;
  /** Calls of `next` without waiting are served in order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(makePlan: () => ListPlan<T>) {
    this.#makePlan = makePlan;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Page<T>, undefined>> {
    const result = this.#turn.then(() => this.#step());
    this.#turn = result.catch(() => {});
    return result;
  }

  async return(): Promise<IteratorResult<Page<T>, undefined>> {
    this.#finish();
    return { done: true, value: undefined };
  }

  async #step(): Promise<IteratorResult<Page<T>, undefined>> {
    if (this.#done) return { done: true, value: undefined };
    try {
      const plan = this.#plan ?? this.#begin();
      const page = await (this.#ahead.shift() ?? this.#request(plan));
      if (this.#previous !== undefined) refuseRepeated(plan, this.#previous, page);
      if (page.hasNextPage() && !this.#done) {
        if (this.#askAhead(plan)) await loopTurn();
      } else {
        this.#finish();
        if (page.items.length === 0) return { done: true, value: undefined };
      }
      this.#previous = page;
      return { done: false, value: page };
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  #begin(): ListPlan<T> {
    const plan = this.#makePlan();
    const { signal } = plan;
    this.#plan = plan;
    this.#nextNumber = plan.firstPage;
    if (signal?.aborted) this.#cancel.abort(signal.reason);
    else if (signal !== undefined) this.#stopWatching = onAbort(signal, () => this.#cancel.abort(signal.reason));
    this.#askAhead(plan);
    return plan;
  }

  /**
   * True if there was anything to ask for. A request on a socket that was used before leaves this machine one turn of the
   * event loop later: a consumer that got the page before that would hold it up for as long as the page keeps it busy.
   */
  #askAhead(plan: ListPlan<T>): boolean {
    const before = this.#ahead.length;
    while (this.#ahead.length < plan.prefetch) this.#ahead.push(this.#request(plan));
    return this.#ahead.length > before;
  }

  #request(plan: ListPlan<T>): Promise<ListPage<T>> {
    const page = this.#nextNumber++;
    const request = fetchPage(plan, page, page > plan.firstPage, this.#cancel.signal);
    // Its failure counts when its turn comes; until then it is nobody's unhandled rejection.
    request.catch(() => {});
    return request;
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#stopWatching?.();
    this.#ahead = [];
    this.#cancel.abort(new Error('the list is not read any further'));
  }
}

/** The items of the pages. Not a generator: that would cost several promises an item. */
class ItemWalk<T> implements AsyncIterableIterator<T> {
  readonly #pages: AsyncIterableIterator<Page<T>>;
  #items: readonly T[] = [];
  #index = 0;
  #turn: Promise<unknown> | undefined;

  constructor(pages: AsyncIterableIterator<Page<T>>) {
    this.#pages = pages;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#turn === undefined && this.#index < this.#items.length) {
      return Promise.resolve({ done: false, value: this.#items[this.#index++] as T });
    }
    const result = (this.#turn ?? Promise.resolve()).then(() => this.#fromNextPage());
    const turn = result
      .catch(() => {})
      .then(() => {
        if (this.#turn === turn) this.#turn = undefined;
      });
    this.#turn = turn;
    return result;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#pages.return?.();
    this.#items = [];
    return { done: true, value: undefined };
  }

  async #fromNextPage(): Promise<IteratorResult<T, undefined>> {
    while (this.#index >= this.#items.length) {
      const page = await this.#pages.next();
      if (page.done === true) return { done: true, value: undefined };
      this.#items = page.value.items;
      this.#index = 0;
    }
    return { done: false, value: this.#items[this.#index++] as T };
  }
}
