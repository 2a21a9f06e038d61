/** What the client needs of an undici dispatcher. Structural: agents of undici 6, 7 and 8 all fit, and so does a fake. */
export interface DispatcherLike {
  /** One request, as `Dispatcher.request` of undici. Rejects where no answer came. */
  request(options: {
    origin: string;
    path: string;
    method: string;
    headers?: Record<string, string>;
    body?: string | Uint8Array | null;
    signal?: AbortSignal;
    headersTimeout?: number;
    bodyTimeout?: number;
  }): Promise<{
    statusCode: number;
    headers: Record<string, string | string[] | undefined>;
    body: AsyncIterable<Uint8Array> & { text(): Promise<string>; dump(options?: { limit: number }): Promise<void> };
  }>;
  /** Never called: a dispatcher of yours stays yours. */
  close?(): Promise<void>;
}

/** How much is logged: `warn` tells of drift in answers, `info` of each retry, `debug` of each attempt. */
export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';

/** `fields` is a flat object of an allow-list (operation, path, status, …); it never holds the key or a whole token. */
export type LogFn = (message: string, fields?: object) => void;

/** Where log lines go. `console` fits, and so do most loggers behind four one-line functions. */
export interface Logger {
  /** Lines of level `error`. */
  error: LogFn;
  /** Lines of level `warn`. */
  warn: LogFn;
  /** Lines of level `info`. */
  info: LogFn;
  /** Lines of level `debug`. */
  debug: LogFn;
}

/**
 * How strictly answers are read. Requests are strict in both modes, and unknown fields are welcome in both.
 *
 * - `tolerant` (default): drift is handed on as it came and logged once per operation and field, as long as what
 *   identifies the item (`num_passing`, `token_session`, `deviceid`, `event_token`) is usable.
 * - `strict`: any drift from the API description throws RufusResponseValidationError.
 */
export type ValidationMode = 'tolerant' | 'strict';

/** How failed attempts are repeated; which failures are is decided by the operation. `retry: false` is `maxRetries: 0`. */
export interface RetryOptions {
  /** Attempts after the first. An integer of at least 0. Default 2. */
  maxRetries?: number | undefined;
  /** Milliseconds, a whole number of at least 0. Before retry n (from 0) the pause is random up to `min(maxDelayMs, baseDelayMs * 2 ** n)`. Default 500. */
  baseDelayMs?: number | undefined;
  /** Milliseconds that no pause exceeds, but for `Retry-After`. A whole number of at least 0. Default 8_000. */
  maxDelayMs?: number | undefined;
  /** Milliseconds, a whole number of at least 0. `Retry-After` is a minimum of the pause; a longer one than this throws at once, with `retryAfterMs` on the error. Default 60_000. */
  maxRetryAfterMs?: number | undefined;
}

/** What each call takes, over the client's own options. `retry` and `headers` are merged field by field. */
export interface RequestOptions {
  /** Ends the call, in a request or in a pause, with RufusAbortError. One signal may serve any number of calls. */
  signal?: AbortSignal | undefined;
  /** Milliseconds of one attempt: connect, headers and the whole body. Up to 2_147_483_647, or Infinity. Default 30_000. Then RufusTimeoutError. */
  timeoutMs?: number | undefined;
  /** Milliseconds of the whole call, retries and back-off included. Default Infinity. Where a pause would outlast it, the last failure is thrown at once. */
  totalTimeoutMs?: number | undefined;
  /** Repeats of failed attempts; false for none. */
  retry?: RetryOptions | false | undefined;
  /** Extra headers; null removes a default one. */
  headers?: Record<string, string | null> | undefined;
  /** Default 'tolerant'. */
  validation?: ValidationMode | undefined;
}

/** One attempt, as middleware sees it. The API key joins the headers after the last middleware. */
export interface AttemptContext {
  /** Such as `'passings.insert'`. */
  readonly operation: string;
  /** Such as `'POST'`. */
  readonly method: string;
  /** With the base URL's path and the query; it may hold a token: do not log it. */
  readonly path: string;
  /** From 1. */
  readonly attempt: number;
  /** In lower case, without the API key. */
  readonly headers: Record<string, string>;
  /** Aborts when the attempt is out of time or the caller's signal aborts. */
  readonly signal: AbortSignal;
}

/** A complete answer of any status. */
export interface RawResponse {
  /** Of HTTP: 200 to 599. */
  readonly status: number;
  /** As they came. */
  readonly headers: Headers;
  /** For the vendor's support; undefined where the answer names none. */
  readonly requestId: string | undefined;
  /** The body, decompressed and decoded. */
  readonly text: string;
  /** Throws SyntaxError where the body is no JSON. */
  json(): unknown;
}

/**
 * Wraps one attempt, inside the retry loop. It may change the context, answer by itself, or call `next` again; it must
 * return an answer. An error of its own ends the call unchanged.
 *
 * @example
 * const timed: Middleware = async (context, next) => {
 *   const start = performance.now();
 *   try {
 *     return await next(context);
 *   } finally {
 *     histogram.observe({ operation: context.operation }, performance.now() - start);
 *   }
 * };
 */
export type Middleware = (
  context: AttemptContext,
  next: (context: AttemptContext) => Promise<RawResponse>,
) => Promise<RawResponse>;

/** The client's options. Each may be left out; `apiKey` then comes from the environment. */
export interface RufusClientOptions extends Omit<RequestOptions, 'signal'> {
  /** Default: env RUFUS_API_KEY. A function is called for each attempt. Missing or malformed: RufusConfigError. */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Which of the API's two equivalent headers carries the key. Default 'x-api-key': proxies such as nginx drop names with underscores. */
  authHeader?: 'x-api-key' | 'api_key' | undefined;
  /** Default: env RUFUS_BASE_URL, else https://api.runonrufus.com/v0. Plain http only towards loopback, unless `allowInsecure`. */
  baseUrl?: string | URL | undefined;
  /** Lets the API key travel over plain http to other machines. Default false. */
  allowInsecure?: boolean | undefined;
  /** Used as is and never closed by us. Default: an agent of our own, made on first use. */
  dispatcher?: DispatcherLike | undefined;
  /** An http:// or https:// proxy for our own agent, http where no scheme is named; 'env' reads HTTP_PROXY, HTTPS_PROXY, NO_PROXY, the lower-case names first. What is no URL: RufusConfigError, without its value. Default none. */
  proxy?: string | URL | 'env' | undefined;
  /** Sockets of our own agent, a whole number of at least 1. Default 16. */
  connections?: number | undefined;
  /** Bytes of one answer, decompressed; more throws RufusResponseValidationError. Default 67_108_864 (64 MiB). */
  maxResponseBytes?: number | undefined;
  /** Wrap each attempt, the first one outermost. Default none. */
  middleware?: readonly Middleware[] | undefined;
  /** Default: the console. */
  logger?: Logger | undefined;
  /** Default: env RUFUS_LOG, else 'warn'. */
  logLevel?: LogLevel | undefined;
  /** Named in the User-Agent header, so that the vendor can tell applications apart. */
  appInfo?:
    | {
        /** Of your application: printable ASCII, not empty. */
        name: string;
        /** Its version: printable ASCII. Default none. */
        version?: string | undefined;
      }
    | undefined;
}

/**
 * What subscribers of the tracing channel `rufus-client:call` are given: one object per call, however many attempts it makes.
 *
 * @example
 * tracingChannel<unknown, CallTrace>('rufus-client:call').asyncEnd.subscribe((message) => {
 *   const { operation, attempts } = message as CallTrace;
 *   metrics.count(operation, attempts);
 * });
 */
export interface CallTrace {
  /** Such as `passings.insert`. */
  operation: string;
  /** Of the request: `GET`, `POST`, … */
  method: string;
  /** The path with its token shortened. */
  path: string;
  /** Set when the call has ended. */
  attempts?: number;
  /** HTTP status of the answer; absent where the call failed. */
  status?: number | undefined;
  /** What the call was rejected with, never with a secret in it. */
  error?: unknown;
}
