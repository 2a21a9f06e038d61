import { describe, expect, it } from 'vitest';
import {
  apiError,
  RufusAbortError,
  RufusConfigError,
  RufusConnectionError,
  RufusRequestValidationError,
  RufusResponseValidationError,
  RufusTimeoutError,
} from '../../src/core/errors.js';
import {
  dispositionOfError,
  dispositionOfInsertError,
  dispositionOfReceipt,
  isUnsettled,
  localFailure,
} from '../../src/outbox/disposition.js';
import { TOKEN } from '../support/operations.js';

const failed = dispositionOfInsertError;
const receipt = (fields: object) =>
  dispositionOfReceipt(
    {
      token_session: TOKEN,
      description: '',
      inserted_count: undefined,
      duplicate_count: undefined,
      ...fields,
    },
    201,
    TOKEN,
    4,
  );
const refused = (status: number, body: unknown = { description: 'No' }, more: object = {}) =>
  failed(
    apiError(`answered ${status}`, {
      status,
      body,
      requestId: undefined,
      description: undefined,
      headers: new Headers(),
      ...more,
    }),
  );

describe('a receipt', () => {
  it.each([
    [{ inserted_count: 4, duplicate_count: 0 }, 4, 0],
    [{ inserted_count: 1, duplicate_count: 3 }, 1, 3],
    [{}, 4, 0],
    [{ inserted_count: 3 }, 3, 1],
    [{ duplicate_count: 4 }, 0, 4],
  ])('with %j advances', (fields, inserted, duplicates) => {
    expect(receipt(fields)).toEqual({ do: 'advance', inserted, duplicates });
  });

  it.each([
    ['another session', { token_session: 'F'.repeat(64), inserted_count: 4 }],
    ['too few', { inserted_count: 3, duplicate_count: 0 }],
    ['too many', { inserted_count: 4, duplicate_count: 1 }],
    ['more than were sent', { inserted_count: 5 }],
    ['less than nothing', { inserted_count: 5, duplicate_count: -1 }],
    ['less than nothing of the new ones', { inserted_count: -1, duplicate_count: 5 }],
    ['less than nothing, and the other count not', { inserted_count: -1 }],
    ['more duplicates than were sent', { duplicate_count: 5 }],
  ])('that names %s is no delivery', (_, fields) => {
    const disposition = receipt(fields);
    expect(disposition).toMatchObject({ do: 'again', maybeStored: true, halve: false });
    const { cause } = disposition as { cause: Error };
    expect(cause).toBeInstanceOf(RufusResponseValidationError);
    expect(cause.message).not.toContain(TOKEN);
    const field = 'token_session' in fields ? 'token_session' : 'inserted_count';
    const message = expect.stringMatching(
      field === 'token_session' ? /^expected 5F1D7A84…/ : /add up to the 4 passings/,
    );
    expect(cause).toMatchObject({
      message: expect.stringMatching(`^passings.insert: answered 201, but ${field}: expected `),
      operation: 'passings.insert',
      status: 201,
      attempts: 1,
      requestMaybeProcessed: true,
      issues: [{ path: [field], message }],
    });
  });
});

describe('no receipt', () => {
  it.each([
    ['not reached', new RufusConnectionError('', {}), false, false],
    ['reset', new RufusConnectionError('', { requestMaybeProcessed: true }), true, false],
    ['no answer in time', new RufusTimeoutError('', { timeoutMs: 1, requestMaybeProcessed: true }), true, true],
    ['not connected in time', new RufusTimeoutError('', { timeoutMs: 1 }), false, false],
    [
      'HTML',
      new RufusResponseValidationError('', { issues: [], status: 200, requestMaybeProcessed: true }),
      true,
      false,
    ],
  ])('%s: again', (_, error, maybeStored, halve) => {
    expect(failed(error)).toMatchObject({ do: 'again', cause: error, maybeStored, halve });
  });

  it.each([
    ['its key function', new RufusConfigError('', { code: 'api_key' })],
    ['being closed', new RufusConfigError('', { code: 'closed' })],
    ['its own validation', new RufusRequestValidationError('', { issues: [] })],
    ['a middleware', new TypeError('x is not a function')],
    ['a middleware that throws no error', 'no'],
  ])('the client refuses by %s: block', (_, error) => {
    expect(failed(error)).toEqual({ do: 'block', cause: error, maybeStored: false });
  });

  it('the client fails by itself after the request was sent: block, perhaps stored', () => {
    const error = new RufusConfigError('', { code: 'closed', requestMaybeProcessed: true });
    expect(failed(error)).toEqual({ do: 'block', cause: error, maybeStored: true });
  });

  it('a failure on our side of the wire: again, certainly not stored', () => {
    const cause = new Error('disk full');
    expect(localFailure(cause)).toEqual({
      do: 'again',
      cause,
      maybeStored: false,
      halve: false,
      retryAfterMs: undefined,
    });
  });

  it.each([true, false])('our own abort: stop, stored or not (%s)', (requestMaybeProcessed) => {
    expect(failed(new RufusAbortError('', { requestMaybeProcessed }))).toMatchObject({
      do: 'stop',
      maybeStored: requestMaybeProcessed,
    });
  });
});

describe('a rejection', () => {
  it.each([408, 425, 429, 500, 501, 502, 503, 504, 300, 301, 302, 307, 308, 402, 405, 406, 409, 410, 418])(
    '%i: again',
    (status) => {
      expect(refused(status)).toMatchObject({ do: 'again', halve: false });
    },
  );

  it.each([429, 503])('%i with Retry-After says how long', (status) => {
    expect(refused(status, null, { retryAfterMs: 7_000 })).toMatchObject({ do: 'again', retryAfterMs: 7_000 });
  });

  it.each([true, false])('a 502 may have been stored as the client says (%s)', (requestMaybeProcessed) => {
    expect(refused(502, null, { requestMaybeProcessed })).toMatchObject({ maybeStored: requestMaybeProcessed });
  });

  it.each([401, 403])('%i: block', (status) => {
    // An earlier attempt of the call is none of ours: each of them is judged by itself.
    expect(refused(status, undefined, { requestMaybeProcessed: true })).toEqual({
      do: 'block',
      cause: expect.objectContaining({ status }),
      maybeStored: false,
    });
  });

  it.each([400, 422])('%i: split', (status) => {
    expect(refused(status)).toMatchObject({ do: 'split', rejection: { status, response: '{"description":"No"}' } });
  });

  it('413: halve', () => {
    expect(refused(413, 'nginx')).toMatchObject({ do: 'halve', rejection: { status: 413, response: 'nginx' } });
  });

  it.each([
    { description: 'Session not found or closed' },
    { description: 'Session not found or closed', token_session: TOKEN },
    { description: 'session not found or closed.' },
    { message: 'Session not found or closed' },
    { description: '  Session not found or closed' },
  ])('404 with %j: leave', (body) => {
    expect(refused(404, body)).toMatchObject({ do: 'session-closed', rejection: { status: 404 } });
  });

  it.each([
    ['a path that is wrong', { description: 'Not Found' }],
    ['an unknown session', { description: 'Session not found' }],
    ['a gateway', '<html>Session not found or closed</html>'],
    ['text', 'Session not found or closed'],
    ['nothing', undefined],
    ['a gateway in other words', { description: 'Upstream: session not found or closed' }],
    ['a list', ['Session not found or closed']],
  ])('404 of %s: again', (_, body) => {
    expect(refused(404, body)).toMatchObject({ do: 'again' });
  });

  it('shows an operator what was said, cut, and without key or token', () => {
    const disposition = refused(400, { description: `ror-0123456789abcdef0123 ${TOKEN} ${'x'.repeat(5_000)}` });
    const { response } = (disposition as { rejection: { response: string } }).rejection;
    expect(response).toContain('"description":"ror-… 5F1D7A84…');
    expect(response).toHaveLength(2_048);
  });
});

describe('what was said that is no text', () => {
  it('is not shown where there is nothing', () => {
    expect(refused(400, null, { body: undefined })).toMatchObject({
      do: 'split',
      rejection: { status: 400, response: undefined },
    });
  });

  it('is not shown where it is nested deeper than the call stack', () => {
    let body: unknown = 'No';
    for (let depth = 0; depth < 200_000; depth++) body = [body];
    expect(refused(422, body)).toMatchObject({ do: 'split', rejection: { status: 422, response: undefined } });
  });
});

it('leaves all as it was: again, block and stop, and no other', () => {
  const found = [
    failed(new RufusConnectionError('', {})),
    failed(new TypeError()),
    failed(new RufusAbortError('', {})),
    refused(400),
    refused(413),
    refused(404, { description: 'Session not found or closed' }),
    receipt({}),
  ];
  expect(found.map((disposition) => [disposition.do, isUnsettled(disposition)])).toEqual([
    ['again', true],
    ['block', true],
    ['stop', true],
    ['split', false],
    ['halve', false],
    ['session-closed', false],
    ['advance', false],
  ]);
});

describe('calls beside the insert', () => {
  it('are told a block and a stop as they are, stored or not', () => {
    const closed = new RufusConfigError('', { code: 'closed', requestMaybeProcessed: true });
    expect(dispositionOfError(closed)).toEqual({ do: 'block', cause: closed, maybeStored: true });
    const aborted = new RufusAbortError('', { requestMaybeProcessed: true });
    expect(dispositionOfError(aborted)).toEqual({ do: 'stop', cause: aborted, maybeStored: true });
  });

  it.each([400, 404, 413, 422])('park nothing for a %i', (status) => {
    const error = apiError('', {
      status,
      body: { description: 'Session not found or closed' },
      requestId: undefined,
      description: undefined,
      headers: new Headers(),
    });
    expect(dispositionOfError(error)).toEqual({ do: 'block', cause: error, maybeStored: false });
  });

  it('are repeated where an insert is', () => {
    const error = new RufusConnectionError('', { requestMaybeProcessed: true });
    expect(dispositionOfError(error)).toMatchObject({ do: 'again', cause: error, maybeStored: true });
    expect(dispositionOfError(new RufusConnectionError('', {}))).toMatchObject({ do: 'again', maybeStored: false });
  });
});
