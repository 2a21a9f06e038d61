import { type InspectOptions, inspect } from 'node:util';
import type { InsertManyResult, Issue } from '../types.js';

/** What every error of this library carries; see {@link RufusError}. */
export interface ErrorFacts {
  operation?: string | undefined;
  attempts?: number | undefined;
  requestMaybeProcessed?: boolean | undefined;
  cause?: unknown;
}

/** What an answer of the API said, apart from its status. */
export interface AnswerFacts extends ErrorFacts {
  status: number;
  requestId: string | undefined;
  description: string | undefined;
  body: unknown;
  headers: Headers;
  retryAfterMs?: number | undefined;
}

// The ESM and the CJS build are two copies of these classes in one process. Each class marks its instances under a
// registered symbol, and `instanceof` asks for that mark, so that either copy knows the other's errors.
const brandOf = (name: string): symbol => Symbol.for(`rufus-client.${name}`);

/**
 * Makes `instanceof` hold for this class across copies of the library. Called once in each class body, with `this`: a class that
 * refers to itself by its name is renamed by the bundler.
 */
export function brand(errorClass: { readonly name: string; readonly prototype: object }, name: string): void {
  const mark = brandOf(name);
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(errorClass.prototype, mark, { value: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // A user's own subclass inherits this method but not the mark's meaning: its prototype decides.
      if (this !== errorClass) return Function.prototype[Symbol.hasInstance].call(this, value);
      return typeof value === 'object' && value !== null && mark in value;
    },
  });
}

/** Shows an error as it is, but calls none of its getters: what they give may hold a token or personal data. */
function withoutGetters(this: unknown, depth: number, options: InspectOptions): unknown {
  return options.getters ? inspect(this, { ...options, depth, getters: false, customInspect: false }) : this;
}

/** Sets what there is, so that a printed error is not full of `undefined`. */
function present<T extends object>(target: T, properties: Partial<T>): void {
  for (const [key, value] of Object.entries(properties))
    if (value !== undefined) Object.assign(target, { [key]: value });
}

/**
 * The base of every error this library throws. `message` says what happened, to which call, and what to do.
 *
 * @example
 * try {
 *   await client.passings.insert(token, passings);
 * } catch (error) {
 *   if (error instanceof RufusError && error.requestMaybeProcessed) console.warn('may have been stored');
 *   throw error;
 * }
 */
export class RufusError extends Error {
  /** Stable, for programs: `'not_found'`, `'timeout'`, … */
  readonly code: string;
  /** The call, such as `'passings.insert'`; undefined where no call was involved. */
  declare readonly operation: string | undefined;
  /** Attempts made, the first included; 0 where nothing was sent. */
  readonly attempts: number;
  /** The request may have reached the server and taken effect, so that repeating it by hand may repeat that effect. */
  readonly requestMaybeProcessed: boolean;
  /** Set by `insertMany`: what the server had confirmed when it failed. */
  declare readonly progress: InsertManyResult | undefined;

  constructor(message: string, code: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    present<RufusError>(this, { operation: facts.operation });
    this.attempts = facts.attempts ?? 0;
    this.requestMaybeProcessed = facts.requestMaybeProcessed ?? false;
  }

  /** For logs: everything but what may hold a token or personal data. */
  toJSON(): object {
    return { ...this, name: this.name, message: this.message };
  }

  static {
    brand(this, 'RufusError');
  }
}

/**
 * An option is missing or wrong, the client is closed (code `'closed'`), or a part of the package, or undici or zod, cannot be loaded (code
 * `'not_loaded'`). Nothing was sent, unless a middleware gave no answer.
 */
export class RufusConfigError extends RufusError {
  constructor(message: string, facts: ErrorFacts & { code?: string } = {}) {
    super(message, facts.code ?? 'config', facts);
  }
  static {
    brand(this, 'RufusConfigError');
  }
}

/** The caller's `signal` was aborted; `cause` is its reason. */
export class RufusAbortError extends RufusError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, 'aborted', facts);
  }
  static {
    brand(this, 'RufusAbortError');
  }
}

/** No complete answer came: refused, reset, unreachable, DNS, or cut in the middle. `cause` is the network's own error. */
export class RufusConnectionError extends RufusError {
  constructor(message: string, facts: ErrorFacts & { code?: string } = {}) {
    super(message, facts.code ?? 'connection', facts);
  }
  static {
    brand(this, 'RufusConnectionError');
  }
}

/** No complete answer came in time: `timeoutMs` of one attempt, or `totalTimeoutMs` of the call. */
export class RufusTimeoutError extends RufusConnectionError {
  /** The limit that ran out, in milliseconds. */
  readonly timeoutMs: number;
  constructor(message: string, facts: ErrorFacts & { timeoutMs: number }) {
    super(message, { ...facts, code: 'timeout' });
    this.timeoutMs = facts.timeoutMs;
  }
  static {
    brand(this, 'RufusTimeoutError');
  }
}

/** What you passed in is wrong, and nothing was sent. `issues` has a path and an expectation for each fault. */
export class RufusRequestValidationError extends RufusError {
  /** At least one. They name fields, never values. */
  readonly issues: readonly Issue[];
  constructor(message: string, facts: ErrorFacts & { issues: readonly Issue[] }) {
    super(message, 'invalid_request', facts);
    this.issues = facts.issues;
  }
  static {
    brand(this, 'RufusRequestValidationError');
  }
}

/** The server answered with success but not with what the API promises: HTML of a captive portal, half a JSON, another shape. */
export class RufusResponseValidationError extends RufusError {
  /** At least one. They name fields, never values. */
  readonly issues: readonly Issue[];
  /** Of HTTP: 200 to 299. */
  readonly status: number;
  constructor(message: string, facts: ErrorFacts & { issues: readonly Issue[]; status: number }) {
    super(message, 'invalid_response', facts);
    this.issues = facts.issues;
    this.status = facts.status;
  }
  static {
    brand(this, 'RufusResponseValidationError');
  }
}

/** The server refused: any answer outside 2xx. A class per status below. */
export class RufusAPIError extends RufusError {
  /** Of HTTP. */
  readonly status: number;
  /** For the vendor's support; undefined where the answer names none. */
  declare readonly requestId: string | undefined;
  /** What the server said, tokens shortened. */
  declare readonly description: string | undefined;
  /** What `Retry-After` asked for, in milliseconds. */
  declare readonly retryAfterMs: number | undefined;
  // Behind getters: there for those who ask, but no log, `inspect` or JSON shows what may hold a token or personal data.
  readonly #body: unknown;
  readonly #headers: Headers;

  constructor(message: string, code: string, facts: AnswerFacts) {
    super(message, code, facts);
    this.status = facts.status;
    const { requestId, description, retryAfterMs } = facts;
    present<RufusAPIError>(this, { requestId, description, retryAfterMs });
    this.#body = facts.body;
    this.#headers = facts.headers;
  }

  /** The parsed body without its envelope, or the text where it is no JSON. Not shown by `inspect` or JSON. */
  get body(): unknown {
    return this.#body;
  }

  /** The response headers. Not shown by `inspect` or JSON. */
  get headers(): Headers {
    return this.#headers;
  }

  static {
    brand(this, 'RufusAPIError');
    Object.defineProperty(this.prototype, inspect.custom, { value: withoutGetters });
  }
}

/** 400: the server found the request wrong. */
export class BadRequestError extends RufusAPIError {
  static {
    brand(this, 'BadRequestError');
  }
}
/** 401: the key is missing or unknown. Whether the API answers such a key with this or with 403 is not documented. */
export class AuthenticationError extends RufusAPIError {
  static {
    brand(this, 'AuthenticationError');
  }
}
/** 403: the key may not do this, or is missing or unknown: the API's documentation lists no 401. */
export class PermissionDeniedError extends RufusAPIError {
  static {
    brand(this, 'PermissionDeniedError');
  }
}
/** 404: no such device or session, or the session is closed; or the base URL is wrong. */
export class NotFoundError extends RufusAPIError {
  static {
    brand(this, 'NotFoundError');
  }
}
/** 409: the device is bound already. */
export class ConflictError extends RufusAPIError {
  /** The bound device, where the answer names it. */
  declare readonly deviceid: string | undefined;

  constructor(message: string, code: string, facts: AnswerFacts) {
    super(message, code, facts);
    const { body } = facts;
    const deviceid = typeof body === 'object' && body !== null && 'deviceid' in body ? body.deviceid : undefined;
    present<ConflictError>(this, { deviceid: typeof deviceid === 'string' && deviceid !== '' ? deviceid : undefined });
  }
  static {
    brand(this, 'ConflictError');
  }
}
/** 413: send fewer passings at once; `insertMany` does so by itself. */
export class PayloadTooLargeError extends RufusAPIError {
  static {
    brand(this, 'PayloadTooLargeError');
  }
}
/** 429: too many requests; `retryAfterMs` says how long to wait where the server does. */
export class RateLimitError extends RufusAPIError {
  static {
    brand(this, 'RateLimitError');
  }
}
/** 5xx: the server failed. */
export class ServerError extends RufusAPIError {
  static {
    brand(this, 'ServerError');
  }
}

type APIErrorClass = new (message: string, code: string, facts: AnswerFacts) => RufusAPIError;

const BY_STATUS: Readonly<Record<number, readonly [APIErrorClass, string]>> = {
  400: [BadRequestError, 'bad_request'],
  401: [AuthenticationError, 'unauthenticated'],
  403: [PermissionDeniedError, 'permission_denied'],
  404: [NotFoundError, 'not_found'],
  409: [ConflictError, 'conflict'],
  413: [PayloadTooLargeError, 'payload_too_large'],
  429: [RateLimitError, 'rate_limited'],
};

/** The error class that fits the status. */
export function apiError(message: string, facts: AnswerFacts): RufusAPIError {
  const [errorClass, code] =
    BY_STATUS[facts.status] ??
    (facts.status >= 500 ? [ServerError, 'server_error'] : [RufusAPIError, 'unexpected_status']);
  return new errorClass(message, code, facts);
}
