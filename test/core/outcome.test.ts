// What an answer, or the lack of one, comes to: to the word, without a socket.
import { describe, expect, test } from 'vitest';
import { type CallState, failureOf } from '../../src/core/failure.js';
import type { Operation } from '../../src/core/operation.js';
import { bindDevice, ensureDevice, getActiveSession, getDevice, insertPassings } from '../../src/core/operations.js';
import { outcomeOf } from '../../src/core/outcome.js';
import { readContext } from '../../src/core/validation/responses.js';
import { schemas } from '../../src/core/validation/schemas.js';
import { Answer } from '../../src/core/wire/answer.js';
import { TunnelError } from '../../src/core/wire/connect.js';
import { TransportFailure } from '../../src/core/wire/flight.js';
import type { RufusError } from '../../src/index.js';
import { DEVICE, device, TOKEN } from '../support/operations.js';

await schemas.load();

type AnyOperation = Operation<never, unknown>;
const callOf = (operation: AnyOperation, more: Partial<CallState> = {}): CallState => ({
  operation,
  id: 'D',
  shownPath: '/shown',
  origin: 'https://api.example.test',
  settings: {
    timeoutMs: 30,
    totalTimeoutMs: 90,
    retry: { maxRetries: 0, baseDelayMs: 0, maxDelayMs: 0, maxRetryAfterMs: 0 },
    headers: {},
    validation: 'strict',
  },
  maxResponseBytes: 7,
  signal: undefined,
  secrets: ['very secret'],
  attempt: 1,
  maybeProcessed: false,
  ...more,
});

function outcome(operation: AnyOperation, status: number, body: unknown, headers = {}, more: Partial<CallState> = {}) {
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
  const result = outcomeOf(
    operation,
    new Answer(status, headers, text),
    readContext('strict', () => {}),
    callOf(operation, more),
  );
  if ('data' in result) return result;
  const { error, ...rest } = result;
  const { message, code, attempts, requestMaybeProcessed } = error as RufusError;
  return { message, code, attempts, maybe: requestMaybeProcessed, ...rest };
}

describe('an answer', () => {
  test.each([200, 299])('%i is data', (status) => {
    expect(outcome(getDevice, status, { description: 'Found', result: device() })).toEqual({
      data: device(),
      description: 'Found',
    });
    expect(outcome(getDevice, status, { body: { result: device() } })).toEqual({
      data: device(),
      description: undefined,
    });
  });

  test.each([199, 300])('%i is none', (status) => {
    expect(outcome(getDevice, status, { result: device() })).not.toHaveProperty('data');
  });

  test('may be empty where the operation says so, and only then', () => {
    const raw: AnyOperation = { ...getDevice, mayBeEmpty: true, read: (payload) => ({ payload }) };
    expect(outcome(raw, 204, undefined)).toEqual({ data: { payload: undefined }, description: undefined });
    expect(outcome(raw, 200, { description: 'x' })).toEqual({
      data: { payload: { description: 'x' } },
      description: 'x',
    });
    expect(outcome(getDevice, 204, undefined)).toMatchObject({ kind: 'unreadable' });
  });

  test('outside 2xx may be a result, with its words', () => {
    expect(outcome(getActiveSession, 404, { description: 'Sessions not found' })).toEqual({
      data: null,
      description: 'Sessions not found',
    });
    expect(outcome(ensureDevice, 409, { body: { deviceid: DEVICE } })).toEqual({
      data: { deviceid: DEVICE, created: false },
      description: undefined,
    });
  });

  test('of another error passes through', () => {
    const broken: AnyOperation = {
      ...getDevice,
      read: () => {
        throw new RangeError('ours');
      },
    };
    expect(() => outcome(broken, 200, {})).toThrow(RangeError);
  });

  const PORTAL = 'A captive portal, a proxy or a wrong base URL may have answered in place of the API.';
  const CHANGED = 'The base URL may be wrong, or the API has changed.';
  test.each([
    ['nothing', ' ', 'unreadable', `expected JSON, got an empty body. ${PORTAL}`],
    ['HTML', ' <html>', 'unreadable', `expected JSON, got HTML. ${PORTAL}`],
    ['text', 'a < b', 'unreadable', `expected JSON, got something else. ${PORTAL}`],
    ['another shape', {}, 'mismatch', `expected an object (device). ${CHANGED}`],
  ])('that is %s', (_name, body, kind, message) => {
    const prefix = kind === 'mismatch' ? 'result: ' : '';
    expect(outcome(getDevice, 200, body, { 'x-request-id': 'r very secret' })).toEqual({
      message: `devices.get: GET /shown answered 200, but not as the API does: ${prefix}${message.replace('. ', ' (request id r very sec…). ')}`,
      code: 'invalid_response',
      attempts: 1,
      maybe: false,
      kind,
      tookEffect: true,
      retryAfterMs: undefined,
    });
  });

  test('that makes no sense may have been one to a write', () => {
    expect(outcome(insertPassings, 200, {})).toMatchObject({
      message: expect.stringContaining('. The request may have been processed. The base URL may be wrong'),
      maybe: true,
    });
  });

  test('that is no JSON is quoted by no cause', () => {
    const of = (body: string) => {
      const result = outcomeOf(
        getDevice,
        new Answer(200, {}, body),
        readContext('strict', () => {}),
        callOf(getDevice),
      );
      return (result as { error: RufusError }).error;
    };
    expect(of('<very secret>').cause).toEqual(new Error('JSON.parse failed'));
    expect(of('{}').cause).toBeUndefined();
    expect(of('<very secret>')).toMatchObject({
      status: 200,
      issues: [{ path: [], message: 'expected JSON, got HTML' }],
    });
  });
});

describe('an error answer', () => {
  const READ_KEY = 'The API does not know the key, or the key may not do this: it takes READ or READ_WRITE access.';
  const UNKNOWN_KEY = 'The API does not know the key: check `apiKey`, or RUFUS_API_KEY.';
  const REDIRECT = 'Redirects are not followed, the key would travel: check the base URL.';
  const NAMELESS =
    'The device is bound already, but the answer does not name it: look for its serial_number in devices.list.';
  test.each<[AnyOperation, number, unknown, object, string, string, boolean]>([
    [getDevice, 404, { description: 'Device not found' }, {}, '404 "Device not found".', 'final', false],
    [getDevice, 404, 'nothing here', {}, '404. This is no answer of the API: check the base URL.', 'final', false],
    [getDevice, 404, undefined, {}, '404.', 'final', false],
    [getDevice, 403, { description: 'No' }, {}, `403 "No". ${READ_KEY}`, 'final', false],
    [getDevice, 403, undefined, {}, `403. ${READ_KEY}`, 'final', false],
    [
      getDevice,
      403,
      { description: 'The api key is UNKNOWN' },
      {},
      `403 "The api key is UNKNOWN". ${UNKNOWN_KEY}`,
      'final',
      false,
    ],
    [getDevice, 403, { message: 'missing' }, {}, `403 "missing". ${UNKNOWN_KEY}`, 'final', false],
    [getDevice, 403, { message: 'invalid' }, {}, `403 "invalid". ${UNKNOWN_KEY}`, 'final', false],
    [getDevice, 401, undefined, {}, `401. ${UNKNOWN_KEY}`, 'final', false],
    // Of who stands between: a fleet's gateway, say.
    [
      insertPassings,
      403,
      { description: 'No', advice: 'Ask for very secret, or ror-0123456789abcdef.' },
      {},
      '403 "No". Ask for very sec…, or ror-….',
      'final',
      false,
    ],
    [getDevice, 404, { advice: 5 }, {}, '404.', 'final', false],
    [getDevice, 300, undefined, {}, `300. ${REDIRECT}`, 'final', false],
    [getDevice, 399, undefined, {}, `399. ${REDIRECT}`, 'final', false],
    [getDevice, 299 - 100, undefined, {}, '199.', 'final', false],
    [getDevice, 400, undefined, {}, '400.', 'final', false],
    [getDevice, 400, 'no JSON', {}, '400.', 'final', false],
    [getDevice, 409, {}, {}, `409. ${NAMELESS}`, 'final', false],
    [bindDevice, 409, { deviceid: '' }, {}, `409. ${NAMELESS}`, 'final', false],
    [bindDevice, 409, 'text', {}, `409. ${NAMELESS}`, 'final', false],
    [
      bindDevice,
      409,
      { deviceid: DEVICE },
      {},
      `409. The device is bound already, as ${DEVICE}: use devices.ensureBound, which takes that for an answer.`,
      'final',
      false,
    ],
    [
      bindDevice,
      409,
      { deviceid: 'é'.repeat(200) },
      {},
      `409. The device is bound already, as ${'é'.repeat(128)}: use devices.ensureBound, which takes that for an answer.`,
      'final',
      false,
    ],
    [insertPassings, 409, { deviceid: DEVICE }, {}, '409.', 'final', false],
    [
      insertPassings,
      413,
      undefined,
      {},
      '413. Send fewer passings at once; insertMany finds a size that fits.',
      'final',
      false,
    ],
    [insertPassings, 429, undefined, { 'retry-after': '1.2' }, '429. The server asks to wait 2 s.', 'declined', false],
    [insertPassings, 503, undefined, { 'retry-after': '0' }, '503. The server asks to wait 0 s.', 'declined', false],
    [insertPassings, 503, undefined, {}, '503. The request may have been processed.', 'broken', true],
    [insertPassings, 501, undefined, {}, '501. The request may have been processed.', 'final', true],
    [
      insertPassings,
      500,
      { description: 'very secret' },
      {},
      '500 "very sec…". The request may have been processed.',
      'broken',
      true,
    ],
    [insertPassings, 499, undefined, {}, '499.', 'final', false],
    [getDevice, 500, undefined, {}, '500.', 'broken', true],
  ])('%o %i %j', (operation, status, body, headers, message, kind, tookEffect) => {
    const { name, method, repeat } = operation;
    expect(outcome(operation, status, body, headers)).toMatchObject({
      message: `${name}: ${method} /shown answered ${message}`,
      kind,
      tookEffect,
      maybe: tookEffect && repeat !== 'read',
    });
  });

  test('carries what came with it', () => {
    const answer = new Answer(429, { 'retry-after': '3', 'x-request-id': 'r-1' }, '{"body":{"description":"Slow"}}');
    const result = outcomeOf(
      insertPassings,
      answer,
      readContext('strict', () => {}),
      callOf(insertPassings, { attempt: 2, maybeProcessed: true }),
    );
    expect(result).toMatchObject({ retryAfterMs: 3_000 });
    const { error } = result as { error: RufusError };
    expect(error).toMatchObject({
      status: 429,
      requestId: 'r-1',
      description: 'Slow',
      body: { description: 'Slow' },
      retryAfterMs: 3_000,
      operation: 'passings.insert',
      attempts: 2,
      requestMaybeProcessed: true,
    });
    expect(error.message).toBe(
      'passings.insert: POST /shown answered 429 "Slow" (after 2 attempts, request id r-1). The request may have been processed. The server asks to wait 3 s.',
    );
  });
});

describe('no answer', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const tls = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' });
  const POST = 'passings.insert: POST /shown';
  const MAYBE = ' The request may have been processed.';
  type Why = TransportFailure['why'];
  test.each<[Why, boolean, unknown, string, string, string, boolean]>([
    [
      'timeout',
      true,
      undefined,
      `gave no complete answer within 30 ms (timeoutMs).${MAYBE}`,
      'timeout',
      'ambiguous',
      true,
    ],
    ['timeout', false, undefined, 'gave no complete answer within 30 ms (timeoutMs).', 'timeout', 'unsent', false],
    [
      'budget',
      true,
      undefined,
      `gave no complete answer within 90 ms (totalTimeoutMs).${MAYBE}`,
      'timeout',
      'final',
      true,
    ],
    ['budget', false, undefined, 'gave no complete answer within 90 ms (totalTimeoutMs).', 'timeout', 'final', false],
    ['abort', true, undefined, `was aborted by the caller's signal.${MAYBE}`, 'aborted', 'final', true],
    ['abort', false, undefined, "was aborted by the caller's signal.", 'aborted', 'final', false],
    [
      'too-large',
      true,
      undefined,
      `answered with more than 7 bytes.${MAYBE} Raise \`maxResponseBytes\`, or ask for less.`,
      'invalid_response',
      'final',
      true,
    ],
    [
      'key',
      true,
      new Error('no key'),
      'was not sent: the `apiKey` function failed. See `cause`.',
      'api_key',
      'final',
      false,
    ],
    [
      'no-answer',
      true,
      undefined,
      `has no answer: a middleware gave none.${MAYBE} It must return what \`next\` resolves with, or \`status\`, \`headers\`, \`text\` and \`json()\` like it.`,
      'config',
      'final',
      true,
    ],
    [
      'no-answer',
      false,
      undefined,
      'has no answer: a middleware gave none. It must return what `next` resolves with, or `status`, `headers`, `text` and `json()` like it.',
      'config',
      'final',
      false,
    ],
    [
      'network',
      true,
      reset,
      `got no complete answer from https://api.example.test: ECONNRESET.${MAYBE}`,
      'connection',
      'ambiguous',
      true,
    ],
    [
      'network',
      false,
      reset,
      'got no complete answer from https://api.example.test: ECONNRESET.',
      'connection',
      'unsent',
      false,
    ],
    [
      'network',
      true,
      refused,
      'got no complete answer from https://api.example.test: ECONNREFUSED. Nothing listens there: check the base URL and the port.',
      'connection',
      'unsent',
      false,
    ],
    [
      'network',
      true,
      tls,
      'got no complete answer from https://api.example.test: CERT_HAS_EXPIRED.',
      'connection',
      'final',
      false,
    ],
  ])('%s, sent: %s', (why, sent, cause, message, code, kind, tookEffect) => {
    const { error, ...rest } = failureOf(new TransportFailure(why, sent, cause, 200), callOf(insertPassings));
    expect(error).toMatchObject({ message: `${POST} ${message}`, code, requestMaybeProcessed: tookEffect });
    expect(rest).toEqual({ kind, tookEffect, retryAfterMs: undefined });
    if (why === 'key') expect((error as Error).cause).toBe(cause);
    if (why === 'too-large')
      expect(error).toMatchObject({ status: 200, issues: [{ path: [], message: 'expected at most 7 bytes' }] });
  });

  test.each([true, false])("a middleware's own error ends the call unchanged, sent: %s", (sent) => {
    const own = new Error(TOKEN);
    const failure = failureOf(new TransportFailure('thrown', sent, own), callOf(insertPassings));
    expect(failure).toEqual({ error: own, kind: 'final', tookEffect: false, retryAfterMs: undefined });
  });

  const coded = (code: string) => Object.assign(new Error('x'), { code });
  const OWNER = ' The dispatcher was closed by its owner.';
  const connecting = (port: number) =>
    Object.assign(new Error('x'), { code: 'ECONNREFUSED', syscall: 'connect', port });
  const LISTENS = ' Nothing listens there: check the base URL and the port.';
  const PROXY = ' The connection failed on the way there, at a proxy perhaps: see `cause`, and check the dispatcher.';
  test.each<[string, unknown, string, string]>([
    ['https://a.test', new Error('odd'), 'https://a.test: odd.', ''],
    ['https://a.test', new Error(''), 'https://a.test: connection lost.', ''],
    ['https://a.test', 'text', 'https://a.test: connection lost.', ''],
    ['https://a.test', coded('ECONNRESET'), 'https://a.test: ECONNRESET.', ''],
    [
      'https://a.test',
      coded('ENOTFOUND'),
      'https://a.test: ENOTFOUND.',
      ' The name does not resolve: check the base URL and the network.',
    ],
    [
      'https://a.test',
      coded('EAI_AGAIN'),
      'https://a.test: EAI_AGAIN.',
      ' The name server did not answer: check the network.',
    ],
    [
      'https://a.test',
      coded('UND_ERR_CONNECT_TIMEOUT'),
      'https://a.test: UND_ERR_CONNECT_TIMEOUT.',
      ' The server could not be reached in time: check the network.',
    ],
    ['https://a.test', coded('UND_ERR_CLOSED'), 'https://a.test: UND_ERR_CLOSED.', OWNER],
    ['https://a.test', coded('UND_ERR_DESTROYED'), 'https://a.test: UND_ERR_DESTROYED.', OWNER],
    ['https://a.test', connecting(443), 'https://a.test: ECONNREFUSED.', LISTENS],
    ['http://a.test', connecting(80), 'http://a.test: ECONNREFUSED.', LISTENS],
    ['https://a.test:8443', connecting(8443), 'https://a.test:8443: ECONNREFUSED.', LISTENS],
    ['https://a.test', connecting(80), 'https://a.test: ECONNREFUSED.', PROXY],
    ['http://a.test', connecting(443), 'http://a.test: ECONNREFUSED.', PROXY],
    ['http://a.test:8443', connecting(3128), 'http://a.test:8443: ECONNREFUSED.', PROXY],
    ['https://a.test', { syscall: 'connect', port: 1, code: 'ECONNREFUSED' }, 'https://a.test: ECONNREFUSED.', LISTENS],
    ['https://a.test', Object.assign(connecting(1), { syscall: 'read' }), 'https://a.test: ECONNREFUSED.', LISTENS],
  ])('of %s: %o', (origin, cause, message, hint) => {
    const { error } = failureOf(new TransportFailure('network', false, cause), callOf(insertPassings, { origin }));
    expect(error).toMatchObject({
      message: `${POST} got no complete answer from ${message}${hint}`,
      code: 'connection',
    });
    expect((error as Error).cause).toBe(cause);
  });

  test('of a proxy: its own words and advice', () => {
    const cause = new TunnelError('the proxy answered 407', 'PROXY_REFUSED', 'It wants a password.');
    const { error } = failureOf(new TransportFailure('network', true, cause), callOf(insertPassings));
    expect(error).toMatchObject({
      message: `${POST} was not sent: the proxy answered 407. It wants a password.`,
      cause,
    });
  });
});
