import { onAbort } from '../core/abort.js';
import { RufusAbortError, RufusRequestValidationError } from '../core/errors.js';

type AnyIterator<T> = Iterator<T> | AsyncIterator<T>;

/** Reads a user's iterable, sync or async, in portions, and closes it. */
export class SourceReader<T> {
  /** What the source itself threw. */
  failure: unknown;
  readonly #iterator: AnyIterator<T>;
  readonly #signal: AbortSignal | undefined;
  readonly #operation: string;
  #ended = false;
  #stopWatching: (() => void) | undefined;

  constructor(source: Iterable<T> | AsyncIterable<T>, signal: AbortSignal | undefined, operation: string) {
    this.#iterator = iteratorOf(source, operation);
    this.#signal = signal;
    this.#operation = operation;
  }

  /** Adds items until there are `count` of them or the source has ended. */
  async fill(items: T[], count: number): Promise<void> {
    while (items.length < count && !this.#ended) {
      // A sync source is read without a turn of the event loop for each item.
      const next = this.#next();
      const result = next instanceof Promise ? await this.#orAborted(next) : next;
      if (result.done === true) this.#ended = true;
      else items.push(result.value);
    }
  }

  /** Lets the source clean up, unless it has ended by itself. What that throws is of no use to anybody. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWatching?.();
    try {
      const returned = this.#iterator.return?.();
      // A source that is stuck in `next` would never answer: it is told, not waited for.
      if (returned instanceof Promise) returned.catch(() => {});
    } catch {
      // The call's own outcome counts.
    }
  }

  #next(): IteratorResult<T> | Promise<IteratorResult<T>> {
    try {
      return this.#iterator.next();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #orAborted(next: Promise<IteratorResult<T>>): Promise<IteratorResult<T>> {
    return new Promise((resolve, reject) => {
      const signal = this.#signal;
      const stopWatching = signal && onAbort(signal, () => reject(this.#aborted(signal)));
      this.#stopWatching = stopWatching;
      next.then(resolve, (error) => reject(this.#failed(error))).finally(() => stopWatching?.());
      if (signal?.aborted) reject(this.#aborted(signal));
    });
  }

  #failed(error: unknown): unknown {
    this.failure = error;
    this.#ended = true;
    return error;
  }

  #aborted(signal: AbortSignal): RufusAbortError {
    return new RufusAbortError(`${this.#operation}: aborted by the caller's signal while waiting for the source.`, {
      operation: this.#operation,
      cause: signal.reason,
    });
  }
}

function iteratorOf<T>(source: Iterable<T> | AsyncIterable<T>, operation: string): AnyIterator<T> {
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return source[Symbol.iterator]();
  }
  throw new RufusRequestValidationError(
    `${operation}: nothing was sent. The passings must be an iterable or an async iterable.`,
    {
      operation,
      issues: [{ path: ['passings'], message: 'expected an iterable or an async iterable' }],
    },
  );
}
