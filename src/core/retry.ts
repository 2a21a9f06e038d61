import type { CallSettings } from './options.js';

/**
 * What a repeat of the call may do, which decides what is repeated:
 * - `read`: nothing.
 * - `insert`: nothing, the server counts duplicates; so even an answer that makes no sense is asked for again.
 * - `repeatable`: nothing that the second answer would not tell (a bind answers 409 with the deviceid).
 * - `settling`: nothing, but a 404 on the repeat means that the first one did it.
 * - `once`: the effect again.
 */
export type Repeat = 'read' | 'insert' | 'repeatable' | 'settling' | 'once';

/**
 * How an attempt failed:
 * - `unsent`: nothing left this machine.
 * - `declined`: the server said "later": 408, 425, 429, 503 with Retry-After.
 * - `broken`: 500, 502, 503, 504.
 * - `ambiguous`: reset, cut in the middle, no answer in time.
 * - `unreadable`: success, but not JSON (a captive portal).
 * - `misshapen`: success and JSON, but not what the API promises.
 * - `final`: an answer or an event that no repeat would change.
 */
export type Fate = 'unsent' | 'declined' | 'broken' | 'ambiguous' | 'unreadable' | 'misshapen' | 'final';

const ALL: readonly Repeat[] = ['read', 'insert', 'repeatable', 'settling', 'once'];
const HARMLESS: readonly Repeat[] = ['read', 'insert', 'repeatable', 'settling'];

const REPEATED: Readonly<Record<Fate, readonly Repeat[]>> = {
  unsent: ALL,
  declined: ALL,
  broken: HARMLESS,
  ambiguous: HARMLESS,
  unreadable: ['read', 'insert'],
  misshapen: ['insert'],
  final: [],
};

export function mayRepeat(fate: Fate, repeat: Repeat): boolean {
  return REPEATED[fate].includes(repeat);
}

/** The request may have taken effect although no proper answer says so. */
export function mayHaveTakenEffect(fate: Fate): boolean {
  return fate === 'broken' || fate === 'ambiguous' || fate === 'unreadable' || fate === 'misshapen';
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

// A repeat would fail alike: certificates, a mock without an answer, a dispatcher that its owner has closed.
const HOPELESS_CODES =
  /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|UND_MOCK_|UND_ERR_(CLOSED|DESTROYED|INVALID_ARG)$)/;

/** Reads the fate of a failed exchange off its error. `sent` is what the wire knows itself. */
export function fateOfNetworkError(cause: unknown, sent: boolean): Fate {
  const code = codeOf(cause);
  if (HOPELESS_CODES.test(code)) return 'final';
  if (!sent || UNSENT_CODES.has(code)) return 'unsent';
  const syscall = cause instanceof Error && 'syscall' in cause ? cause.syscall : undefined;
  return syscall === 'connect' || syscall === 'getaddrinfo' ? 'unsent' : 'ambiguous';
}

/** An error's `code`, its cause's where it has none itself. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error && error.cause !== error ? codeOf(error.cause) : '';
}

export function fateOfStatus(status: number, hasRetryAfter: boolean): Fate {
  if (status === 408 || status === 425 || status === 429) return 'declined';
  if (status === 503 && hasRetryAfter) return 'declined';
  return status === 500 || status === 502 || status === 503 || status === 504 ? 'broken' : 'final';
}

/** The pause before retry number `retry` (0-based): full jitter, but never shorter than the server asked for. */
export function pauseBefore(retry: number, settings: CallSettings['retry'], retryAfterMs: number | undefined): number {
  const ceiling = Math.min(settings.maxDelayMs, settings.baseDelayMs * 2 ** retry);
  return Math.max(Math.random() * ceiling, retryAfterMs ?? 0);
}
