import type { RequestOptions, RequestPromise, ResponseMeta } from '../types.js';
import type { Connections } from './connections.js';
import { RufusConfigError } from './errors.js';
import type { Executor } from './executor.js';
import { Lazy } from './lazy.js';
import { pagination } from './list-promise.js';
import { Log } from './log.js';
import type { Finished, Operation } from './operation.js';
import { callSettings, type Settings } from './options.js';
import { schemas } from './validation/schemas.js';

/** All that calls need, their failures, the schemas and lists included: once one was made, none waits for a file. */
const execution = new Lazy(async () => {
  const [executor] = await Promise.all([import('./executor.js'), schemas.load(), pagination.load()]);
  return executor;
});

/** Takes calls: reads their arguments at once, and has them executed. */
export class Transport {
  readonly #settings: Settings;
  readonly #connections: Connections;
  /** Also for what runs on top of single calls and has something to tell. */
  readonly log: Log;
  #executor: Executor | undefined;
  #closed = false;
  #underWay = 0;
  #whenIdle: (() => void) | undefined;

  constructor(settings: Settings, connections: Connections) {
    this.#settings = settings;
    this.#connections = connections;
    this.log = new Log(settings.logger, settings.logLevel);
  }

  /** Where the operation refuses the input, the promise is rejected and nothing is sent. */
  call<Input, Output>(
    operation: Operation<Input, Output>,
    input: NoInfer<Input>,
    options: RequestOptions | undefined,
  ): CallPromise<Output> {
    return new CallPromise(this.#run(operation, input, options));
  }

  /** Loads what the first call would load. */
  async warmUp(): Promise<void> {
    await execution.load();
  }

  /** Refuses further calls and resolves when those under way have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      const earlier = this.#whenIdle;
      this.#whenIdle = () => {
        earlier?.();
        resolve();
      };
    });
  }

  async #run<Input, Output>(
    operation: Operation<Input, Output>,
    input: Input,
    options: RequestOptions | undefined,
  ): Promise<Finished<Output>> {
    if (this.#closed || this.#connections.closed) throw closedError(operation.name);
    const settings = options === undefined ? this.#settings.call : callSettings(this.#settings.call, options);
    const signal = options?.signal;
    const encode = operation.encode(input);
    const startedAt = performance.now();
    this.#underWay++;
    try {
      // No `await` where there is nothing to load: calls leave in the order in which they are made.
      if (execution.loaded === undefined) await execution.load();
      this.#executor ??= this.#start(operation.name);
      return await this.#executor.run(operation, { input: encode(), settings, signal, startedAt });
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#whenIdle?.();
    }
  }

  #start(operation: string): Executor {
    // A client that shares its connections may have been closed while the parts were loaded.
    if (this.#connections.closed) throw closedError(operation);
    const { Executor } = execution.loaded!;
    return new Executor(this.#settings, this.#connections, this.log);
  }
}

function closedError(operation: string): RufusConfigError {
  return new RufusConfigError(`${operation}: this client is closed. Make a new one.`, { code: 'closed', operation });
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
