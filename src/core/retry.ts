import type { CallSettings } from './options.js';

/**
 * How safe it is to repeat the call, which decides what is repeated:
 * - `read`: changes nothing.
 * - `insert`: idempotent, the server counts duplicates; repeated even after an answer that makes no sense.
 * - `repeatable`: has its effect once; the repeat is answered with what it did (a bind: 409 with the deviceid).
 * - `ending`: has its effect once; a 404 on the repeat means that an earlier attempt has done it.
 * - `once`: not idempotent, a repeat would have its effect again.
 */
export type Repeat = 'read' | 'insert' | 'repeatable' | 'ending' | 'once';

/**
 * How an attempt failed:
 * - `unsent`: nothing left this machine.
 * - `declined`: the server said "later": 408, 425, 429, 503 with Retry-After.
 * - `broken`: 500, 502, 503, 504.
 * - `ambiguous`: reset, cut in the middle, no answer in time.
 * - `unreadable`: success, but not JSON (a captive portal).
 * - `mismatch`: success and JSON, but not what the API promises.
 * - `final`: an answer or an event that no repeat would change.
 */
export type FailureKind = 'unsent' | 'declined' | 'broken' | 'ambiguous' | 'unreadable' | 'mismatch' | 'final';

const ALL: readonly Repeat[] = ['read', 'insert', 'repeatable', 'ending', 'once'];
const HARMLESS: readonly Repeat[] = ['read', 'insert', 'repeatable', 'ending'];

const REPEATED: Readonly<Record<FailureKind, readonly Repeat[]>> = {
  unsent: ALL,
  declined: ALL,
  broken: HARMLESS,
  ambiguous: HARMLESS,
  unreadable: ['read', 'insert'],
  mismatch: ['insert'],
  final: [],
};

export function mayRepeat(kind: FailureKind, repeat: Repeat): boolean {
  return REPEATED[kind].includes(repeat);
}

/** The request may have taken effect although no proper answer says so. */
export function mayHaveTakenEffect(kind: FailureKind): boolean {
  return kind === 'broken' || kind === 'ambiguous' || kind === 'unreadable' || kind === 'mismatch';
}

const UNSENT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Errors of certificates, as Node names what OpenSSL reports, and of the TLS handshake: a repeat would fail alike. */
const TLS =
  /^(CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_(CA|PURPOSE)$|HOSTNAME_MISMATCH$|ERR_TLS_|ERR_SSL_)/;
/** A mock without an answer, a dispatcher that its owner has closed, a request that undici refuses, a proxy that refuses: a repeat would fail alike. */
const NOT_SENDABLE = /^(UND_MOCK_|UND_ERR_(CLOSED|INVALID_ARG)$|PROXY_REFUSED$)/;
const DESTROYED = 'UND_ERR_DESTROYED';

/** TLS errors of a connection that had been there already. */
const ESTABLISHED = /BAD_RECORD_MAC|DECRYPTION_FAILED|UNEXPECTED_EOF/;

/**
 * Whether the request can have left this machine. `sent` is what the wire knows. A caller's dispatcher does not tell: whether it had a
 * connection at all is read off the error.
 */
export function wasSent(cause: unknown, sent: boolean): boolean {
  const code = codeOf(cause);
  if (!sent || UNSENT_CODES.has(code) || NOT_SENDABLE.test(code)) return false;
  if (TLS.test(code)) return ESTABLISHED.test(code);
  if (!(cause instanceof Error)) return true;
  if ('syscall' in cause && (cause.syscall === 'connect' || cause.syscall === 'getaddrinfo')) return false;
  // A connection that ended in the TLS handshake: in code a reset like any other.
  return !cause.message.includes('before secure TLS connection was established');
}

/** How an exchange has failed, by its error. */
export function kindOfNetworkError(cause: unknown, sent: boolean): FailureKind {
  const code = codeOf(cause);
  if (TLS.test(code) || NOT_SENDABLE.test(code) || code === DESTROYED) return 'final';
  return wasSent(cause, sent) ? 'ambiguous' : 'unsent';
}

/** An error's `code`, its cause's where it has none itself. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error && error.cause !== error ? codeOf(error.cause) : '';
}

/** The statuses by which a server, or a proxy, declines for now. */
export function isDeclined(status: number): boolean {
  return status === 408 || status === 425 || status === 429;
}

export function kindOfStatus(status: number, hasRetryAfter: boolean): FailureKind {
  if (isDeclined(status)) return 'declined';
  if (status === 503 && hasRetryAfter) return 'declined';
  return status === 500 || status === 502 || status === 503 || status === 504 ? 'broken' : 'final';
}

/** The pause before retry number `retry` (0-based): full jitter, but never shorter than the server asked for. */
export function pauseBefore(retry: number, settings: CallSettings['retry'], retryAfterMs: number | undefined): number {
  const ceiling = exponentialDelay(settings.baseDelayMs, settings.maxDelayMs, retry);
  return Math.max(jittered(ceiling, 0), retryAfterMs ?? 0);
}

/** A delay in milliseconds that doubles from `baseMs` up to `maxMs`. */
export function exponentialDelay(baseMs: number, maxMs: number, doublings: number): number {
  // 0 * Infinity would be no number.
  return Math.min(maxMs, baseMs * 2 ** Math.min(doublings, 64));
}

/** A random delay from `least` of it (0 to 1) to all of it, so that many clients do not come back at the same moment. */
export function jittered(delayMs: number, least: number, random: () => number = Math.random): number {
  return delayMs * (least + random() * (1 - least));
}

/**
 * `Retry-After` in milliseconds: a number of seconds or an HTTP date; 0 for a date in the past. undefined where the
 * header is absent or makes no sense.
 */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return Math.ceil(Number(text) * 1000);
  // The three forms of RFC 9110. Date.parse alone would take "2" or "May" for a date, and the last form for local time.
  const date = IMF_DATE.test(text) || RFC850_DATE.test(text) ? text : ASCTIME_DATE.test(text) ? `${text} GMT` : '';
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? undefined : Math.max(0, ms - nowMs);
}

const IMF_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC850_DATE = /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;
