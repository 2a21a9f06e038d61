/** An iterator whose code its first step loads. */
export class LazyIterator<T> implements AsyncIterableIterator<T, undefined, void> {
  readonly #make: () => Promise<AsyncIterator<T, undefined, void>>;
  #made: Promise<AsyncIterator<T, undefined, void>> | undefined;

  constructor(make: () => Promise<AsyncIterator<T, undefined, void>>) {
    this.#make = make;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    this.#made ??= this.#make();
    return (await this.#made).next();
  }

  /** Before the first step there is nothing to load, and nothing to end. */
  async return(): Promise<IteratorResult<T, undefined>> {
    const begun = this.#made;
    this.#made = Promise.resolve(ended);
    await (await begun)?.return?.();
    return ended.next();
  }
}

const ended = { next: () => Promise.resolve({ done: true as const, value: undefined }) };
