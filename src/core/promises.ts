import type { RequestPromise, ResponseMeta } from '../types.js';

/** What a finished call has to give. */
export interface Finished<T> {
  readonly data: T;
  readonly response: ResponseMeta;
}

/** A promise of the data that can also be asked for the response around it. */
export class CallPromise<T> extends Promise<T> implements RequestPromise<T> {
  readonly #finished: Promise<Finished<T>>;

  /** Derived promises (`then`, `finally`) are plain ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor(finished: Promise<Finished<T>>) {
    // The superclass is settled at once and never looked at: every reaction goes through `then` below.
    super((resolve) => resolve(undefined as T));
    this.#finished = finished;
  }

  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#finished.then(
      onFulfilled ? ({ data }) => onFulfilled(data) : ({ data }) => data as unknown as A,
      onRejected,
    );
  }

  override catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.then(undefined, onRejected);
  }

  override finally(onFinally?: (() => void) | null): Promise<T> {
    return this.#finished.finally(onFinally).then(({ data }) => data);
  }

  withResponse(): Promise<{ data: T; response: ResponseMeta }> {
    return this.#finished;
  }
}
