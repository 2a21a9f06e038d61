// The parts of the retry table that no socket can bring about at will. The table itself: retry-table.test.ts.
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  codeOf,
  type FailureKind,
  isDeclined,
  kindOfNetworkError,
  kindOfStatus,
  mayHaveTakenEffect,
  mayRepeat,
  pauseBefore,
  type Repeat,
  wasSent,
} from '../../src/core/retry.js';

const REPEATS: readonly Repeat[] = ['read', 'insert', 'repeatable', 'ending', 'once'];

test.each<[FailureKind, readonly Repeat[], boolean]>([
  ['unsent', REPEATS, false],
  ['declined', REPEATS, false],
  ['broken', ['read', 'insert', 'repeatable', 'ending'], true],
  ['ambiguous', ['read', 'insert', 'repeatable', 'ending'], true],
  ['unreadable', ['read', 'insert'], true],
  ['mismatch', ['insert'], true],
  ['final', [], false],
])('after %s: %j', (kind, repeated, tookEffect) => {
  expect(REPEATS.filter((repeat) => mayRepeat(kind, repeat))).toEqual(repeated);
  expect(mayHaveTakenEffect(kind)).toBe(tookEffect);
});

test('statuses', () => {
  const statuses = [200, 400, 404, 407, 408, 409, 424, 425, 426, 428, 429, 430, 499, 500, 501, 502, 503, 504, 505];
  const of = (kind: FailureKind, hasRetryAfter: boolean) =>
    statuses.filter((status) => kindOfStatus(status, hasRetryAfter) === kind);
  expect(statuses.filter(isDeclined)).toEqual([408, 425, 429]);
  expect(of('declined', false)).toEqual([408, 425, 429]);
  expect(of('declined', true)).toEqual([408, 425, 429, 503]);
  expect(of('broken', false)).toEqual([500, 502, 503, 504]);
  expect(of('broken', true)).toEqual([500, 502, 504]);
  expect(of('final', false)).toEqual([200, 400, 404, 407, 409, 424, 426, 428, 430, 499, 501, 505]);
});

const failed = (code: string | undefined, more: object = {}) =>
  Object.assign(new Error('it failed'), code === undefined ? more : { code, ...more });

describe('whether a request was sent, and what its failure is', () => {
  const CODES: [string, boolean, FailureKind][] = [
    ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'].map(
      (code): [string, boolean, FailureKind] => [code, false, 'unsent'],
    ),
    ['UND_ERR_CONNECT_TIMEOUT', false, 'unsent'],
    ['ECONNRESET', true, 'ambiguous'],
    ['UND_ERR_SOCKET', true, 'ambiguous'],
    ['UND_ERR_DESTROYED', true, 'final'],
    ['UND_ERR_CLOSED', false, 'final'],
    ['UND_ERR_INVALID_ARG', false, 'final'],
    ['UND_MOCK_ERR_MOCK_NOT_MATCHED', false, 'final'],
    ['PROXY_REFUSED', false, 'final'],
    ['PROXY_FAILED', true, 'ambiguous'],
    ['CERT_HAS_EXPIRED', false, 'final'],
    ['CRL_HAS_EXPIRED', false, 'final'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', false, 'final'],
    ['SELF_SIGNED_CERT_IN_CHAIN', false, 'final'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', false, 'final'],
    ['INVALID_CA', false, 'final'],
    ['INVALID_PURPOSE', false, 'final'],
    ['HOSTNAME_MISMATCH', false, 'final'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', false, 'final'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', false, 'final'],
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', true, 'final'],
    ['ERR_SSL_UNEXPECTED_EOF_WHILE_READING', true, 'final'],
    // Only as a whole, or only at the beginning.
    ['INVALID_CA_FILE', true, 'ambiguous'],
    ['INVALID_PURPOSE_X', true, 'ambiguous'],
    ['HOSTNAME_MISMATCHED', true, 'ambiguous'],
    ['X_CERT_HAS_EXPIRED', true, 'ambiguous'],
    ['UND_ERR_CLOSED_X', true, 'ambiguous'],
    ['UND_ERR_INVALID_ARGS', true, 'ambiguous'],
    ['X_PROXY_REFUSED', true, 'ambiguous'],
    ['PROXY_REFUSED_X', true, 'ambiguous'],
    ['X_UND_MOCK_', true, 'ambiguous'],
  ];

  test.each(CODES)('%s', (code, sent, kind) => {
    expect(wasSent(failed(code), true)).toBe(sent);
    expect(wasSent(failed(code), false)).toBe(false);
    expect(kindOfNetworkError(failed(code), true)).toBe(kind);
    expect(kindOfNetworkError(failed(code), false)).toBe(kind === 'ambiguous' ? 'unsent' : kind);
  });

  test.each([
    ['while connecting', failed('ETIMEDOUT', { syscall: 'connect' }), false],
    ['while resolving the name', failed('EINVAL', { syscall: 'getaddrinfo' }), false],
    ['while reading', failed('ETIMEDOUT', { syscall: 'read' }), true],
    [
      'in the TLS handshake',
      Object.assign(new Error('Client network socket disconnected before secure TLS connection was established'), {
        code: 'ECONNRESET',
      }),
      false,
    ],
    ['without a code', failed(undefined), true],
    ['with what is no error', 'lost', true],
    [
      'with the like of an error',
      { code: 'ETIMEDOUT', syscall: 'connect', message: 'before secure TLS connection was established' },
      true,
    ],
  ])('%s', (_name, cause, sent) => {
    expect(wasSent(cause, true)).toBe(sent);
  });

  test('the code may be that of a cause', () => {
    expect(codeOf(failed(undefined, { cause: failed('ENOTFOUND') }))).toBe('ENOTFOUND');
    expect(codeOf(failed('OUTER', { cause: failed('INNER') }))).toBe('OUTER');
    expect(codeOf(Object.assign(new Error('x'), { code: 5, cause: failed('ENOTFOUND') }))).toBe('ENOTFOUND');
    const circular: { cause?: unknown } = {};
    circular.cause = circular;
    for (const none of [circular, failed(undefined), null, undefined, 'ENOTFOUND', {}]) expect(codeOf(none)).toBe('');
  });
});

describe('the pause before a retry', () => {
  afterEach(() => vi.restoreAllMocks());
  const settings = { maxRetries: 9, baseDelayMs: 500, maxDelayMs: 8_000, maxRetryAfterMs: 60_000 };

  test.each([
    [0, 500],
    [1, 1_000],
    [4, 8_000],
    [5, 8_000],
    [5_000, 8_000],
  ])('number %i is anything up to %i ms', (retry, ceiling) => {
    const random = vi.spyOn(Math, 'random');
    for (const part of [0, 0.25, 1]) {
      random.mockReturnValue(part);
      expect(pauseBefore(retry, settings, undefined)).toBe(ceiling * part);
    }
  });

  test('is never shorter than the server asks for, and never no number', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    expect(pauseBefore(0, settings, 10_000)).toBe(10_000);
    expect(pauseBefore(0, settings, 100)).toBe(250);
    expect(pauseBefore(5_000, { ...settings, baseDelayMs: 0 }, undefined)).toBe(0);
  });
});
