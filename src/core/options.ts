import type {
  Logger,
  LogLevel,
  Middleware,
  RequestOptions,
  RetryOptions,
  RufusClientOptions,
  ValidationMode,
} from '../types.js';
import { checkSignal } from './abort.js';
import { RufusConfigError } from './errors.js';
import { type Known, refuseUnknown } from './option-names.js';
import { redact } from './redact.js';

const DEFAULT_BASE_URL = 'https://api.runonrufus.com/v0';
const LOG_LEVELS: readonly LogLevel[] = ['off', 'error', 'warn', 'info', 'debug'];
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The client's options, checked, with every default filled in. */
export interface Settings {
  readonly apiKey: string | (() => string | Promise<string>);
  readonly authHeader: 'x-api-key' | 'api_key';
  readonly origin: string;
  /** The base URL's path, without a slash at its end. */
  readonly basePath: string;
  readonly maxResponseBytes: number;
  readonly middleware: readonly Middleware[];
  readonly logger: Logger | undefined;
  readonly logLevel: LogLevel;
  readonly userAgent: string;
  readonly call: CallSettings;
}

/** What a single call may override. */
export interface CallSettings {
  readonly timeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly retry: Required<{ [K in keyof RetryOptions]: number }>;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly validation: ValidationMode;
}

const RETRY_OPTIONS: Known<RetryOptions> = {
  maxRetries: true,
  baseDelayMs: true,
  maxDelayMs: true,
  maxRetryAfterMs: true,
};
export const CALL_OPTIONS: Known<RequestOptions> = {
  signal: true,
  timeoutMs: true,
  totalTimeoutMs: true,
  retry: true,
  headers: true,
  validation: true,
};
const { signal: _, ...SHARED_OPTIONS } = CALL_OPTIONS;
const CLIENT_OPTIONS: Known<RufusClientOptions> = {
  ...SHARED_OPTIONS,
  apiKey: true,
  authHeader: true,
  baseUrl: true,
  allowInsecure: true,
  dispatcher: true,
  proxy: true,
  connections: true,
  maxResponseBytes: true,
  middleware: true,
  logger: true,
  logLevel: true,
  appInfo: true,
};

const DEFAULT_CALL: CallSettings = {
  timeoutMs: 30_000,
  totalTimeoutMs: Number.POSITIVE_INFINITY,
  retry: { maxRetries: 2, baseDelayMs: 500, maxDelayMs: 8_000, maxRetryAfterMs: 60_000 },
  headers: {},
  validation: 'tolerant',
};

/** Checks and completes what the user gave. Reads the environment, as nothing else does but `proxy: 'env'`. */
export function resolveOptions(options: RufusClientOptions, version: string): Settings {
  checkedOptions('options', options, CLIENT_OPTIONS);
  const url = baseUrlOf(options);
  return {
    apiKey: apiKeyOf(options),
    authHeader: oneOf('authHeader', options.authHeader ?? 'x-api-key', ['x-api-key', 'api_key']),
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    maxResponseBytes: asInteger('maxResponseBytes', options.maxResponseBytes ?? 64 * 1024 * 1024, 1),
    middleware: middlewareOf(options),
    logger: loggerOf(options),
    logLevel: oneOf('logLevel', options.logLevel ?? environment('RUFUS_LOG') ?? 'warn', LOG_LEVELS),
    userAgent: userAgentOf(options.appInfo, version),
    call: overlaid(DEFAULT_CALL, options),
  };
}

/** The defaults with a call's own options laid over them, `retry` field by field. */
export function callSettings(defaults: CallSettings, options: RequestOptions): CallSettings {
  checkedOptions('options', options, CALL_OPTIONS);
  return overlaid(defaults, options);
}

function overlaid(defaults: CallSettings, options: RequestOptions): CallSettings {
  const { signal, timeoutMs, totalTimeoutMs, retry, headers, validation } = options;
  checkSignal(signal);
  return {
    timeoutMs: timeoutMs === undefined ? defaults.timeoutMs : duration('timeoutMs', timeoutMs),
    totalTimeoutMs: totalTimeoutMs === undefined ? defaults.totalTimeoutMs : duration('totalTimeoutMs', totalTimeoutMs),
    retry: retry === undefined ? defaults.retry : retrySettings(defaults.retry, retry),
    headers: headers === undefined ? defaults.headers : { ...defaults.headers, ...headerOptions(headers) },
    validation:
      validation === undefined ? defaults.validation : oneOf('validation', validation, ['tolerant', 'strict']),
  };
}

function retrySettings(defaults: CallSettings['retry'], retry: RetryOptions | false): CallSettings['retry'] {
  if (retry === false) return { ...defaults, maxRetries: 0 };
  checkedOptions('retry', retry, RETRY_OPTIONS);
  const pick = (name: keyof RetryOptions): number =>
    retry[name] === undefined ? defaults[name] : asInteger(`retry.${name}`, retry[name], 0);
  return {
    maxRetries: pick('maxRetries'),
    baseDelayMs: pick('baseDelayMs'),
    maxDelayMs: pick('maxDelayMs'),
    maxRetryAfterMs: pick('maxRetryAfterMs'),
  };
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Names in lower case. */
export function headerOptions(headers: Record<string, string | null>): Record<string, string | null> {
  // Of a Headers or a Map, Object.entries would see nothing.
  if (Symbol.iterator in asObject('headers', headers)) throw new RufusConfigError('`headers` must be a plain object.');
  const checked: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name)) throw new RufusConfigError('`headers` holds a name that HTTP does not allow.');
    if (value !== null && (typeof value !== 'string' || !HEADER_VALUE.test(value))) {
      throw new RufusConfigError(
        `The value of header \`${redact(name)}\` must be a text without line breaks, or null to remove it.`,
      );
    }
    checked[name.toLowerCase()] = value;
  }
  return checked;
}

/** A key that HTTP cannot carry is refused here, by a message that does not quote it. */
export function checkedKey(key: unknown): string {
  if (key === undefined || key === null || key === '') {
    throw new RufusConfigError('The API key is missing: pass `apiKey` or set RUFUS_API_KEY.');
  }
  if (typeof key !== 'string') throw new RufusConfigError('The API key must be text: pass `apiKey` as a string.');
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new RufusConfigError(
      'The API key is malformed: it holds a blank, a line break or a character outside ASCII. Keys look like `ror-` and 20 hex digits.',
    );
  }
  return key;
}

function apiKeyOf(options: RufusClientOptions): Settings['apiKey'] {
  const { apiKey } = options;
  return typeof apiKey === 'function' ? apiKey : checkedKey(apiKey ?? environment('RUFUS_API_KEY'));
}

function baseUrlOf(options: RufusClientOptions): URL {
  const given = options.baseUrl ?? environment('RUFUS_BASE_URL') ?? DEFAULT_BASE_URL;
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw new RufusConfigError('`baseUrl` is no URL. It looks like https://api.runonrufus.com/v0.');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new RufusConfigError('`baseUrl` must begin with https:// (or http:// towards this machine).');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new RufusConfigError('`baseUrl` must have no user, password, query or fragment.');
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && options.allowInsecure !== true) {
    throw new RufusConfigError(
      `Plain http would send the API key readable over the network to ${url.host}. Use https, or pass \`allowInsecure: true\`.`,
    );
  }
  return url;
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}

function middlewareOf({ middleware = [] }: RufusClientOptions): readonly Middleware[] {
  if (Array.isArray(middleware) && middleware.every((each) => typeof each === 'function')) return middleware;
  throw new RufusConfigError('`middleware` must be a list of functions.');
}

/** One without all four would lose lines, silently. */
function loggerOf({ logger }: RufusClientOptions): Logger | undefined {
  if (logger === undefined || logger === null) return undefined;
  const missing = (['error', 'warn', 'info', 'debug'] as const).find((level) => typeof logger[level] !== 'function');
  if (missing === undefined) return logger;
  throw new RufusConfigError(`\`logger\` must have the functions error, warn, info and debug: \`${missing}\` is none.`);
}

function userAgentOf(appInfo: RufusClientOptions['appInfo'], version: string): string {
  const own = `rufus-client/${version} node/${process.versions.node}`;
  if (appInfo === undefined) return own;
  const { name, version: appVersion = '' } = checkedOptions('appInfo', appInfo, { name: true, version: true });
  const isText = typeof name === 'string' && name !== '' && typeof appVersion === 'string';
  const app = isText && appVersion !== '' ? `${name}/${appVersion}` : name;
  if (!isText || !/^[\x20-\x7e]+$/.test(app)) {
    throw new RufusConfigError('`appInfo` must have a `name`, and only printable ASCII in `name` and `version`.');
  }
  return `${own} (${app})`;
}

/** A variable's value; undefined where it is blank. */
export function environment(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** One of a few words. */
export function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new RufusConfigError(`\`${name}\` must be one of: ${allowed.join(', ')}.`);
  return found;
}

/** An option that has fields of its own. Callers without a compiler pass null, or a text. */
export function asObject<T extends object>(name: string, value: T): T {
  if (typeof value === 'object' && value !== null) return value;
  throw new RufusConfigError(`\`${name}\` must be an object.`);
}

/** The same, with no field but those that are known. */
export function checkedOptions<T extends object>(name: string, value: T, known: Known<T>): T {
  refuseUnknown(name === 'options' ? '' : name, asObject(name, value), known);
  return value;
}

/** An integer option. */
export function asInteger(name: string, value: number, min: number): number {
  if (!Number.isSafeInteger(value) || value < min) {
    throw new RufusConfigError(`\`${name}\` must be a whole number of at least ${min}.`);
  }
  return value;
}

/** A time span in milliseconds; `Infinity` means no limit. */
export function duration(name: string, value: number): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  if (typeof value !== 'number' || !(value > 0) || value > MAX_TIMER_MS) {
    throw new RufusConfigError(
      `\`${name}\` must be a number of milliseconds above 0 and up to ${MAX_TIMER_MS}, or Infinity.`,
    );
  }
  return value;
}
