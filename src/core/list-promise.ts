import type { Page, PagePromise } from '../types.js';
import { RufusConfigError } from './errors.js';
import { Lazy, LazyIterator } from './lazy.js';
import type { Finished } from './operation.js';
import { checkedOptions } from './options.js';
import type { Rows } from './payload.js';

/** How pages follow each other. */
export const pagination = new Lazy(() => import('./pagination.js'));

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
  #first: Promise<Page<T>> | undefined;

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
    const { loaded } = pagination;
    if (loaded !== undefined) return new loaded.PageWalk(this.#plan);
    return new LazyIterator(async () => {
      const plan = planned(this.#plan);
      const { PageWalk } = await pagination.load();
      return new PageWalk(plan);
    });
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

  async #fetchFirst(): Promise<Page<T>> {
    const plan = this.#plan();
    // Under way at once: a client that is closed now waits for it.
    const [{ data, response }, { ListPage }] = await Promise.all([
      plan.fetch(plan.firstPage, false, plan.signal),
      pagination.loaded ?? pagination.load(),
    ]);
    return new ListPage(plan, plan.firstPage, data, response);
  }
}

/** The plan as it is now: loading takes time, in which the caller may change the arguments. */
function planned<T>(plan: () => ListPlan<T>): () => ListPlan<T> {
  try {
    const made = plan();
    return () => made;
  } catch (error) {
    return () => {
      throw error;
    };
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
