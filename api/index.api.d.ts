// Made by `npm run api` from the built declarations. A change here is a change of the public surface.

export interface AttemptContext {
    readonly operation: string;
    readonly method: string;
    readonly path: string;
    readonly attempt: number;
    readonly headers: Record<string, string>;
    readonly signal: AbortSignal;
}

export declare class AuthenticationError extends RufusAPIError {
}

export declare class BadRequestError extends RufusAPIError {
}

export interface BindDeviceInput {
    type: string;
    model: string;
    serial_number: string;
    alias?: string | undefined;
    firmware?: string | undefined;
}

export interface CallTrace {
    operation: string;
    method: string;
    path: string;
    attempts?: number;
    status?: number | undefined;
    error?: unknown;
}

export declare class ConflictError extends RufusAPIError {
    readonly deviceid: string | undefined;
    constructor(message: string, code: string, facts: AnswerFacts);
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

export interface Devices {
    list(query?: PageQuery & {
        limit?: number | undefined;
    }, options?: RequestOptions): PagePromise<Device>;
    get(deviceid: string, options?: RequestOptions): RequestPromise<Device>;
    bind(device: BindDeviceInput, options?: RequestOptions): RequestPromise<{
        deviceid: string;
        description: string;
    }>;
    ensureBound(device: BindDeviceInput, options?: RequestOptions): RequestPromise<{
        deviceid: string;
        created: boolean;
    }>;
    unbind(deviceid: string, options?: RequestOptions): RequestPromise<{
        deviceid: string;
        description: string;
    }>;
}

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
        body: AsyncIterable<Uint8Array> & {
            text(): Promise<string>;
            dump(options?: {
                limit: number;
            }): Promise<void>;
        };
    }>;
    close?(): Promise<void>;
}

export interface Events {
    list(query?: PageQuery & {
        limit?: number | undefined;
    }, options?: RequestOptions): PagePromise<RaceEvent>;
}

export interface FollowAllBatch extends Omit<FollowBatch, 'cursor'> {
    deviceid: string;
    cursor: FollowAllCursor;
}

export type FollowAllCursor = Readonly<Record<string, FollowCursor>>;

export interface FollowAllOptions extends Omit<FollowOptions, 'cursor' | 'onState'> {
    cursor?: FollowAllCursor | null | undefined;
    onState?: ((deviceid: string, state: FollowState) => void) | undefined;
    onEnd?: ((deviceid: string, error: RufusError) => void) | undefined;
}

export interface FollowBatch {
    passings: readonly Passing[];
    token_session: string;
    session_alias: string | null;
    late: boolean;
    cursor: FollowCursor;
}

export interface FollowCursor {
    token_session: string;
    last: number;
    holes?: readonly (readonly [
        number,
        number
    ])[];
}

export interface FollowOptions {
    cursor?: FollowCursor | null | undefined;
    signal?: AbortSignal | undefined;
    pollMs?: {
        min?: number | undefined;
        max?: number | undefined;
    } | undefined;
    holeTimeoutMs?: number | undefined;
    onState?: ((state: FollowState) => void) | undefined;
}

export interface FollowState {
    readonly state: 'live' | 'outage';
    readonly since: Date;
    readonly cause: RufusError | null;
}

export interface InsertManyResult {
    inserted_count: number;
    duplicate_count: number;
    sent: number;
    requests: number;
}

export interface InsertResult {
    token_session: string;
    inserted_count: number | undefined;
    duplicate_count: number | undefined;
    description: string;
}

export interface Issue {
    path: readonly (string | number)[];
    message: string;
}

export type LogFn = (message: string, fields?: object) => void;

export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';

export interface Logger {
    error: LogFn;
    warn: LogFn;
    info: LogFn;
    debug: LogFn;
}

export type Middleware = (context: AttemptContext, next: (context: AttemptContext) => Promise<RawResponse>) => Promise<RawResponse>;

export declare class NotFoundError extends RufusAPIError {
}

export interface Page<T> {
    readonly items: readonly T[];
    readonly page: number;
    readonly response: ResponseMeta;
    hasNextPage(): boolean;
    getNextPage(): Promise<Page<T>>;
}

export interface PagePromise<T> extends Promise<Page<T>>, AsyncIterable<T> {
    pages(): AsyncIterable<Page<T>>;
    toArray(options: {
        limit: number;
    }): Promise<T[]>;
}

export interface PageQuery {
    page?: number | undefined;
    prefetch?: number | undefined;
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

export interface Passings {
    insert(token_session: string, passings: readonly PassingInput[], options?: RequestOptions): RequestPromise<InsertResult>;
    insertMany(token_session: string, source: Iterable<PassingInput> | AsyncIterable<PassingInput>, options?: RequestOptions & {
        batchSize?: number | undefined;
        onProgress?: ((sofar: InsertManyResult) => void) | undefined;
    }): Promise<InsertManyResult>;
    listBySession(token_session: string, query?: PageQuery & {
        first?: number | undefined;
        last?: number | undefined;
    }, options?: RequestOptions): PagePromise<Passing>;
    listByDevice(deviceid: string, query?: PageQuery & {
        from?: string | Date | undefined;
        to?: string | Date | undefined;
    }, options?: RequestOptions): PagePromise<Passing>;
    poll(deviceid: string, query?: {
        token_session?: string | undefined;
        last?: number | undefined;
        from?: string | Date | undefined;
        to?: string | Date | undefined;
        page?: number | undefined;
    }, options?: RequestOptions): RequestPromise<{
        passings: Passing[];
        session_used: string | null;
        session_label: string | null;
        resumed_from: number | null;
    }>;
    follow(deviceid: string, options?: FollowOptions): AsyncIterable<FollowBatch>;
    followAll(deviceids: readonly string[], options?: FollowAllOptions): AsyncIterable<FollowAllBatch>;
}

export declare class PayloadTooLargeError extends RufusAPIError {
}

export declare class PermissionDeniedError extends RufusAPIError {
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

export declare class RateLimitError extends RufusAPIError {
}

export interface RawRequestOptions extends RequestOptions {
    query?: Record<string, string | number | undefined>;
    body?: unknown;
    repeatable?: boolean;
}

export interface RawResponse {
    readonly status: number;
    readonly headers: Headers;
    readonly requestId: string | undefined;
    readonly text: string;
    json(): unknown;
}

export interface RequestOptions {
    signal?: AbortSignal | undefined;
    timeoutMs?: number | undefined;
    totalTimeoutMs?: number | undefined;
    retry?: RetryOptions | false | undefined;
    headers?: Record<string, string | null> | undefined;
    validation?: ValidationMode | undefined;
}

export interface RequestPromise<T> extends Promise<T> {
    withResponse(): Promise<{
        data: T;
        response: ResponseMeta;
    }>;
}

export interface ResponseMeta {
    readonly status: number;
    readonly headers: Headers;
    readonly requestId: string | undefined;
    readonly attempts: number;
    readonly durationMs: number;
    readonly description: string | undefined;
}

export interface RetryOptions {
    maxRetries?: number | undefined;
    baseDelayMs?: number | undefined;
    maxDelayMs?: number | undefined;
    maxRetryAfterMs?: number | undefined;
}

export declare class RufusAPIError extends RufusError {
    #private;
    readonly status: number;
    readonly requestId: string | undefined;
    readonly description: string | undefined;
    readonly retryAfterMs: number | undefined;
    constructor(message: string, code: string, facts: AnswerFacts);
    get body(): unknown;
    get headers(): Headers;
}

export declare class RufusAbortError extends RufusError {
    constructor(message: string, facts?: ErrorFacts);
}

export declare class RufusClient implements AsyncDisposable {
    #private;
    readonly devices: Devices;
    readonly sessions: Sessions;
    readonly passings: Passings;
    readonly events: Events;
    constructor(options?: RufusClientOptions);
    withOptions(overrides: Partial<RufusClientOptions>): RufusClient;
    request(method: string, path: string, options?: RawRequestOptions): RequestPromise<unknown>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export interface RufusClientOptions extends Omit<RequestOptions, 'signal'> {
    apiKey?: string | (() => string | Promise<string>) | undefined;
    authHeader?: 'x-api-key' | 'api_key' | undefined;
    baseUrl?: string | URL | undefined;
    allowInsecure?: boolean | undefined;
    dispatcher?: DispatcherLike | undefined;
    proxy?: string | URL | 'env' | undefined;
    connections?: number | undefined;
    maxResponseBytes?: number | undefined;
    middleware?: readonly Middleware[] | undefined;
    logger?: Logger | undefined;
    logLevel?: LogLevel | undefined;
    appInfo?: {
        name: string;
        version?: string | undefined;
    } | undefined;
}

export declare class RufusConfigError extends RufusError {
    constructor(message: string, facts?: ErrorFacts & {
        code?: string;
    });
}

export declare class RufusConnectionError extends RufusError {
    constructor(message: string, facts?: ErrorFacts & {
        code?: string;
    });
}

export declare class RufusError extends Error {
    readonly code: string;
    readonly operation: string | undefined;
    readonly attempts: number;
    readonly requestMaybeProcessed: boolean;
    readonly progress: InsertManyResult | undefined;
    constructor(message: string, code: string, facts?: ErrorFacts);
    toJSON(): object;
}

export declare class RufusRequestValidationError extends RufusError {
    readonly issues: readonly Issue[];
    constructor(message: string, facts: ErrorFacts & {
        issues: readonly Issue[];
    });
}

export declare class RufusResponseValidationError extends RufusError {
    readonly issues: readonly Issue[];
    readonly status: number;
    constructor(message: string, facts: ErrorFacts & {
        issues: readonly Issue[];
        status: number;
    });
}

export declare class RufusTimeoutError extends RufusConnectionError {
    readonly timeoutMs: number;
    constructor(message: string, facts: ErrorFacts & {
        timeoutMs: number;
    });
}

export declare class ServerError extends RufusAPIError {
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

export interface Sessions {
    create(session: {
        deviceid: string;
        alias?: string | undefined;
    }, options?: RequestOptions): RequestPromise<{
        token_session: string;
        description: string;
    }>;
    get(token_session: string, options?: RequestOptions): RequestPromise<Session>;
    getActive(deviceid: string, options?: RequestOptions): RequestPromise<Session | null>;
    listByDevice(deviceid: string, options?: RequestOptions): RequestPromise<Session[]>;
    close(token_session: string, options?: RequestOptions): RequestPromise<{
        token_session: string;
        description: string;
    }>;
}

export declare const VERSION = "0.1.0";

export type ValidationMode = 'tolerant' | 'strict';

export declare function passingTime(passing: Pick<Passing, 'timestamp'>): Date;

// Spoken of, but not exported:

interface AnswerFacts extends ErrorFacts {
    status: number;
    requestId: string | undefined;
    description: string | undefined;
    body: unknown;
    headers: Headers;
    retryAfterMs?: number | undefined;
}

interface ErrorFacts {
    operation?: string | undefined;
    attempts?: number | undefined;
    requestMaybeProcessed?: boolean | undefined;
    cause?: unknown;
}
