import { RufusConfigError } from './errors.js';

/**
 * A part of the library that is loaded when it is first needed. It is kept: what uses it later reads no file.
 *
 * Its `import()` is written where the instance is made, for bundlers to see.
 */
export class Lazy<T> {
  /** Undefined until it was loaded. */
  loaded: T | undefined;
  readonly #import: () => Promise<T>;
  #loading: Promise<T> | undefined;

  constructor(load: () => Promise<T>) {
    this.#import = load;
  }

  /** A load that failed is tried again by the next one. @throws {RufusConfigError} code `'not_loaded'` */
  load(): Promise<T> {
    this.#loading ??= this.#import().then(
      (module) => {
        this.loaded = module;
        return module;
      },
      (cause: unknown) => {
        this.#loading = undefined;
        throw notLoaded(cause);
      },
    );
    return this.#loading;
  }
}

function notLoaded(cause: unknown): unknown {
  // One lazy part may load another.
  if (cause instanceof RufusConfigError) return cause;
  // Of CommonJS the list of who required it follows.
  const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
  return new RufusConfigError(
    `A part of rufus-client that is loaded when it is first needed cannot be loaded: ${reason}. ` +
      'Install rufus-client and its dependencies again, and restart the process: they must stay as they are while it runs.',
    { code: 'not_loaded', cause },
  );
}

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
