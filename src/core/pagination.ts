import type { Page, ResponseMeta } from '../types.js';
import { loopTurn, onAbort } from './abort.js';
import { RufusConfigError, RufusResponseValidationError } from './errors.js';
import type { ListPlan } from './list-promise.js';
import type { Rows } from './payload.js';

export class ListPage<T> implements Page<T> {
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
export class PageWalk<T> implements AsyncIterableIterator<Page<T>> {
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

/**
 * Whether two parsed JSON values hold the same. With a stack of its own: JSON.parse reads any depth, while a comparison
 * that calls itself ends where the call stack does.
 */
export function isSameJson(one: unknown, other: unknown): boolean {
  const left = [one];
  const right = [other];
  while (left.length > 0) {
    const a = left.pop();
    const b = right.pop();
    if (a === b) continue;
    if (!isContainer(a) || !isContainer(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false;
      left.push(a[key]);
      right.push(b[key]);
    }
  }
  return true;
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
