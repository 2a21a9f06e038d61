// The public types. Wire names stay as the API has them (snake_case); options are camelCase with the unit in the name.

/** What the transport needs of undici. Structural on purpose: agents of undici 6, 7 and 8 all fit, and so does a fake. */
export interface DispatcherLike {
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
  close?(): Promise<void>;
}

export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';
export type LogFn = (message: string, fields?: object) => void;
export interface Logger {
  error: LogFn;
  warn: LogFn;
  info: LogFn;
  debug: LogFn;
}

/** `tolerant` (default): drift in a response is handed on and logged once per field, as long as what identifies the item is usable.
 *  `strict`: any drift from the OpenAPI document throws. Requests are strict in both. */
export type ValidationMode = 'tolerant' | 'strict';

export interface RetryOptions {
  /** Default 2. */
  maxRetries?: number | undefined;
  /** Default 500. Full jitter over min(maxDelayMs, baseDelayMs * 2^n), from the first retry on. */
  baseDelayMs?: number | undefined;
  /** Default 8_000. */
  maxDelayMs?: number | undefined;
  /** Default 60_000. A longer Retry-After throws at once, with `retryAfterMs` on the error. */
  maxRetryAfterMs?: number | undefined;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** One attempt: connect, headers and the whole body. Default 30_000. */
  timeoutMs?: number | undefined;
  /** The whole call, retries and back-off included. Default none. */
  totalTimeoutMs?: number | undefined;
  retry?: RetryOptions | false | undefined;
  /** Extra headers; null removes a default one. */
  headers?: Record<string, string | null> | undefined;
  validation?: ValidationMode | undefined;
}

export interface AttemptContext {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly attempt: number;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
}
export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly requestId: string | undefined;
  readonly text: string;
  json(): unknown;
}
/** Wraps one attempt, inside the retry loop. */
export type Middleware = (
  context: AttemptContext,
  next: (context: AttemptContext) => Promise<RawResponse>,
) => Promise<RawResponse>;

export interface RufusClientOptions extends Omit<RequestOptions, 'signal'> {
  /** Default: env RUFUS_API_KEY. A function is called for each attempt. Missing or malformed: RufusConfigError. */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Which of the API's two equivalent headers carries the key. Default 'x-api-key': proxies such as nginx drop names with underscores. */
  authHeader?: 'x-api-key' | 'api_key' | undefined;
  /** Default: env RUFUS_BASE_URL, else https://api.runonrufus.com/v0. Plain http only towards loopback, unless `allowInsecure`. */
  baseUrl?: string | URL | undefined;
  allowInsecure?: boolean | undefined;
  /** Used as is and never closed by us. Default: an agent of our own, made on first use. */
  dispatcher?: DispatcherLike | undefined;
  /** 'env' reads HTTP_PROXY, HTTPS_PROXY, NO_PROXY. */
  proxy?: string | URL | 'env' | undefined;
  /** Sockets of our own agent. Default 16. */
  connections?: number | undefined;
  /** Default 64 MiB. */
  maxResponseBytes?: number | undefined;
  middleware?: readonly Middleware[] | undefined;
  logger?: Logger | undefined;
  /** Default: env RUFUS_LOG, else 'warn'. */
  logLevel?: LogLevel | undefined;
  appInfo?: { name: string; version?: string | undefined } | undefined;
}

export interface ResponseMeta {
  readonly status: number;
  readonly headers: Headers;
  readonly requestId: string | undefined;
  readonly attempts: number;
  readonly durationMs: number;
  readonly description: string | undefined;
}
export interface RequestPromise<T> extends Promise<T> {
  withResponse(): Promise<{ data: T; response: ResponseMeta }>;
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly page: number;
  readonly response: ResponseMeta;
  hasNextPage(): boolean;
  getNextPage(): Promise<Page<T>>;
}
/** `await` gives one page; `for await` gives every item of every page. */
export interface PagePromise<T> extends Promise<Page<T>>, AsyncIterable<T> {
  pages(): AsyncIterable<Page<T>>;
  /** At most `limit` items. */
  toArray(options: { limit: number }): Promise<T[]>;
}
export interface PageQuery {
  page?: number | undefined;
  /** Pages fetched ahead of the consumer while iterating, in order. Default 1. */
  prefetch?: number | undefined;
}

export interface Device {
  deviceid: string;
  type?: string | null;
  model?: string | null;
  alias?: string | null;
  firmware?: string | null;
  serial_number?: string | null;
  creation_date?: string | null;
  last_login?: string | null;
  last_seen?: string | null;
  sessions?: number | null;
  passings?: number | null;
  device_status?: string | null;
  battery_percentage?: number | null;
  charging?: boolean | null;
  last_telemetry_at?: string | null;
}
export interface Session {
  token_session: string;
  alias?: string | null;
  creation_date?: string | null;
  active: boolean;
  passings?: number | null;
  duration?: string | null;
  first?: string | null;
  last?: string | null;
}
export interface Passing {
  timestamp: string;
  num_passing: number;
  bib: string;
  participant_id?: string | null;
  chip?: string | null;
  latitude?: number | null;
  longitude?: number | null;
  status?: string | null;
  timezone?: string | null;
  gender?: string | null;
  token_session?: string;
  deviceid?: string;
}
export interface PassingInput {
  /** A Date, or ISO 8601 with Z or an offset: sent as YYYY-MM-DDTHH:mm:ss.sssZ, finer digits cut off, never rounded. A text without a zone is refused. */
  timestamp: string | Date;
  num_passing: number;
  bib: string;
  participant_id?: string | null | undefined;
  chip?: string | null | undefined;
  latitude?: number | null | undefined;
  longitude?: number | null | undefined;
  status?: string | null | undefined;
  timezone?: string | null | undefined;
  gender?: string | null | undefined;
}
export interface BindDeviceInput {
  type: string;
  model: string;
  serial_number: string;
  alias?: string | undefined;
  firmware?: string | undefined;
}
export interface InsertResult {
  token_session: string;
  inserted_count: number | undefined;
  duplicate_count: number | undefined;
  description: string;
}
export interface InsertManyResult {
  inserted_count: number;
  duplicate_count: number;
  sent: number;
  requests: number;
}
export interface RaceEvent {
  event_token: string;
  name?: string | null;
  edition?: string | null;
  location?: string | null;
  start_date?: string | null;
  end_date?: string | null;
  status?: string | null;
}

export interface Devices {
  list(query?: PageQuery & { limit?: number | undefined }, options?: RequestOptions): PagePromise<Device>;
  get(deviceid: string, options?: RequestOptions): RequestPromise<Device>;
  /** 409 throws ConflictError, whose `deviceid` is set where the answer has one. */
  bind(device: BindDeviceInput, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }>;
  /** Like bind, but an "already bound" answer that carries the deviceid resolves. Safe at every start of a device. */
  ensureBound(
    device: BindDeviceInput,
    options?: RequestOptions,
  ): RequestPromise<{ deviceid: string; created: boolean }>;
  /** Also deletes the device's sessions and passings on the server. */
  unbind(deviceid: string, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }>;
}
export interface Sessions {
  /** Closes the device's active session, if any. Never repeated after an ambiguous failure. */
  create(
    session: { deviceid: string; alias?: string | undefined },
    options?: RequestOptions,
  ): RequestPromise<{ token_session: string; description: string }>;
  get(token_session: string, options?: RequestOptions): RequestPromise<Session>;
  /** null where the API answers 404 (no active session, or no such device: the API does not tell which). */
  getActive(deviceid: string, options?: RequestOptions): RequestPromise<Session | null>;
  /** [] where the API answers 404 "Sessions not found". */
  listByDevice(deviceid: string, options?: RequestOptions): RequestPromise<Session[]>;
  close(
    token_session: string,
    options?: RequestOptions,
  ): RequestPromise<{ token_session: string; description: string }>;
}
/** Where a follower stands: the last passing it has delivered. Plain JSON, for the user to store. */
export interface FollowCursor {
  token_session: string;
  last: number;
  holes?: readonly (readonly [number, number])[];
}
export interface FollowOptions {
  /** Resume after this. Default: from the first passing of the newest session. */
  cursor?: FollowCursor | null | undefined;
  signal?: AbortSignal | undefined;
  /** Pause after an empty poll: grows from min to max while nothing comes. Default { min: 500, max: 5_000 }. */
  pollMs?: { min?: number | undefined; max?: number | undefined } | undefined;
  /** How long a missing num_passing is looked for before it is given up. Default 120_000. */
  holeTimeoutMs?: number | undefined;
}
export interface FollowBatch {
  passings: readonly Passing[];
  token_session: string;
  session_alias: string | null;
  /** These fill holes: they came after higher numbers of the same session. */
  late: boolean;
  /** Store it once the batch is processed; pass it back as `cursor` after a restart. */
  cursor: FollowCursor;
}
export interface Passings {
  /** One request. `num_passing` must be unique in the session: the server counts a repeat as a duplicate and drops it. */
  insert(
    token_session: string,
    passings: readonly PassingInput[],
    options?: RequestOptions,
  ): RequestPromise<InsertResult>;
  /** Any number of passings, in batches (default 500), in order, one request in flight; a 413 halves the batch, one passing that is still too large throws.
   *  When it throws, the error's `progress` (InsertManyResult) says what the server has confirmed; sending all of it again is safe. */
  insertMany(
    token_session: string,
    source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
    options?: RequestOptions & {
      batchSize?: number | undefined;
      onProgress?: ((sofar: InsertManyResult) => void) | undefined;
    },
  ): Promise<InsertManyResult>;
  listBySession(
    token_session: string,
    query?: PageQuery & { first?: number | undefined; last?: number | undefined },
    options?: RequestOptions,
  ): PagePromise<Passing>;
  listByDevice(
    deviceid: string,
    query?: PageQuery & { from?: string | Date | undefined; to?: string | Date | undefined },
    options?: RequestOptions,
  ): PagePromise<Passing>;
  /** One continuous-query request (GET /passings/device2). */
  poll(
    deviceid: string,
    query?: {
      token_session?: string | undefined;
      last?: number | undefined;
      from?: string | Date | undefined;
      to?: string | Date | undefined;
      page?: number | undefined;
    },
    options?: RequestOptions,
  ): RequestPromise<{
    passings: Passing[];
    session_used: string | null;
    session_label: string | null;
    resumed_from: number | null;
  }>;
}
export interface Events {
  list(query?: PageQuery & { limit?: number | undefined }, options?: RequestOptions): PagePromise<RaceEvent>;
}

export interface Issue {
  path: readonly (string | number)[];
  message: string;
}
