// The operation table, row by row: what goes out, what an answer comes to, and what may be repeated.
import { describe, expect, test } from 'vitest';
import type { EncodedInput } from '../../src/core/operation.js';
import * as table from '../../src/core/operations.js';
import { SchemaMismatch } from '../../src/core/payload.js';
import { readContext } from '../../src/core/validation/responses.js';
import { schemas } from '../../src/core/validation/schemas.js';
import { RufusRequestValidationError } from '../../src/index.js';
import { DEVICE, device, passing, session, TOKEN } from '../support/operations.js';

await schemas.load();

const READ = 'READ or READ_WRITE access';
const WRITE = 'WRITE or READ_WRITE access';
const UNBIND = 'the "unbind device" permission';

const { shapes: _, ...operations } = table;
const bound = { type: 'READER', model: 'RTL', serial_number: 'SN-1' };

test.each([
  ['listDevices', 'devices.list', 'GET /devices', 'read', READ],
  ['getDevice', 'devices.get', 'GET /devices/{deviceid}', 'read', READ],
  ['bindDevice', 'devices.bind', 'POST /devices', 'repeatable', WRITE],
  ['ensureDevice', 'devices.ensureBound', 'POST /devices', 'repeatable', WRITE],
  ['unbindDevice', 'devices.unbind', 'DELETE /devices/{deviceid}', 'ending', UNBIND],
  ['createSession', 'sessions.create', 'POST /sessions', 'once', WRITE],
  ['closeSession', 'sessions.close', 'PATCH /sessions/close/{token_session}', 'ending', WRITE],
  ['getSession', 'sessions.get', 'GET /sessions/{token_session}', 'read', READ],
  ['getActiveSession', 'sessions.getActive', 'GET /sessions/device/{deviceid}/active', 'read', READ],
  ['listSessions', 'sessions.listByDevice', 'GET /sessions/device/{deviceid}', 'read', READ],
  ['insertPassings', 'passings.insert', 'POST /passings', 'insert', WRITE],
  ['listPassingsBySession', 'passings.listBySession', 'GET /passings/session/{token_session}', 'read', READ],
  ['listPassingsByDevice', 'passings.listByDevice', 'GET /passings/device/{deviceid}', 'read', READ],
  ['pollPassings', 'passings.poll', 'GET /passings/device2/{deviceid}', 'read', READ],
  ['listEvents', 'events.list', 'GET /events', 'read', READ],
] as const)('%s', (row, name, endpoint, repeat, access) => {
  const { method, path } = operations[row];
  expect(`${method} ${path}`).toBe(endpoint);
  expect(operations[row]).toMatchObject({ name, repeat, access });
});

test('the rows above are all of them', () => {
  expect(Object.keys(operations)).toHaveLength(15);
});

describe('what goes out', () => {
  const nothing = { id: undefined, query: undefined, body: undefined, secrets: [] };

  test.each([
    ['an id in the path', table.getDevice.encode({ deviceid: 'a/b' }), { id: 'a/b' }],
    ['no field at all', table.listEvents.encode({ query: undefined }), { query: {} }],
    [
      'fields in the order of the table',
      table.listEvents.encode({ query: { page: 2, limit: 5 } }),
      { query: { limit: 5, page: 2 } },
    ],
    ['a body', table.bindDevice.encode({ body: bound }), { body: JSON.stringify(bound) }],
    [
      'a deviceid in a body is no secret',
      table.createSession.encode({ body: { deviceid: 'D' } }),
      { body: '{"deviceid":"D"}' },
    ],
    [
      'a token in a query is a secret',
      table.pollPassings.encode({ deviceid: 'D', query: { token_session: 'T', last: 0, page: 1 } }),
      { id: 'D', query: { token_session: 'T', last: 0, page: 1 }, secrets: ['T'] },
    ],
    [
      'a token in a body is a secret',
      table.insertPassings.encode({ body: { token_session: 'T', passings: [passing(1)] } }),
      { body: JSON.stringify({ token_session: 'T', passings_list: [passing(1)] }), secrets: ['T'] },
    ],
  ])('%s', (_name, given, expected) => {
    const encoded: EncodedInput = given();
    expect(encoded).toStrictEqual({ ...nothing, ...expected });
    expect(Object.keys(encoded.query ?? {})).toEqual(Object.keys(('query' in expected && expected.query) || {}));
  });

  test.each([
    [
      'passings.listBySession: nothing was sent. token_session: expected text',
      () => table.listPassingsBySession.encode({ token_session: 5 as never, query: null as never }),
    ],
    [
      'devices.get: nothing was sent. deviceid: expected text that is not empty',
      () => table.getDevice.encode({ deviceid: '' }),
    ],
    [
      'events.list: nothing was sent. query: expected an object',
      () => table.listEvents.encode({ query: null as never }),
    ],
    [
      'devices.ensureBound: nothing was sent. type: missing',
      () => table.ensureDevice.encode({ body: { ...bound, type: undefined as never } }),
    ],
    [
      'sessions.create: nothing was sent. deviceid: expected an id',
      () => table.createSession.encode({ body: { deviceid: '..' } }),
    ],
    [
      'passings.insert: nothing was sent. token_session: expected text',
      () => table.insertPassings.encode({ body: { token_session: 5 as never, passings: [] } }),
    ],
    [
      'passings.insert: nothing was sent. passings: expected at least one item',
      () => table.insertPassings.encode({ body: { token_session: 'T', passings: [] } }),
    ],
  ])('%s', (message, encode) => {
    expect(() => encode()()).toThrow(RufusRequestValidationError);
    expect(() => encode()()).toThrow(message);
  });
});

describe('what an answer comes to', () => {
  const drift: string[] = [];
  const strict = readContext('strict', (field) => void drift.push(field));
  const tolerant = readContext('tolerant', (field) => void drift.push(field));
  const mismatch = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      if (error instanceof SchemaMismatch)
        return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      throw error;
    }
  };
  const pagination = { page: 1, limit: 5, total: 1, has_more: false };
  const event = { event_token: 'E' };

  test.each([
    [
      'devices.list',
      () => table.listDevices.read({ description: 'ok', pagination, result: [device()] }, strict),
      { items: [device()], hasMore: false },
    ],
    [
      'events.list',
      () => table.listEvents.read({ description: 'ok', pagination, result: [event] }, strict),
      { items: [event], hasMore: false },
    ],
    [
      'passings.listBySession',
      () => table.listPassingsBySession.read({ description: 'ok', result: [passing(1)] }, strict),
      { items: [passing(1)], hasMore: undefined },
    ],
    [
      'passings.listBySession, under its other name',
      () => table.listPassingsBySession.read({ description: 'ok', passings: [passing(1)] }, strict),
      { items: [passing(1)], hasMore: undefined },
    ],
    [
      'passings.listByDevice, without rows',
      () => table.listPassingsByDevice.read({ description: 'ok' }, strict),
      { items: [], hasMore: undefined },
    ],
    [
      'passings.listByDevice, of something else',
      () => table.listPassingsByDevice.read({ description: 'ok', result: {} }, strict),
      ['result: expected a list'],
    ],
    ['devices.get', () => table.getDevice.read({ result: device() }, strict), device()],
    [
      'devices.get, of nothing',
      () => table.getDevice.read({ result: [] }, strict),
      ['result: expected one device, got none'],
    ],
    [
      'devices.get, of two',
      () => table.getDevice.read({ result: [device(), device()] }, strict),
      ['result: expected one device, got 2'],
    ],
    ['sessions.get', () => table.getSession.read({ result: [session()] }, strict), session()],
    [
      'sessions.get, of nothing',
      () => table.getSession.read({ result: [] }, strict),
      ['result: expected one session, got none'],
    ],
    ['sessions.getActive, of nothing', () => table.getActiveSession.read({ result: [] }, strict), null],
    ['sessions.listByDevice', () => table.listSessions.read({ result: [session()] }, strict), [session()]],
    [
      'devices.bind',
      () => table.bindDevice.read({ description: 'ok', deviceid: 'D' }, strict),
      { description: 'ok', deviceid: 'D' },
    ],
    [
      'devices.ensureBound',
      () => table.ensureDevice.read({ description: 'ok', deviceid: 'D' }, strict),
      { deviceid: 'D', created: true },
    ],
    [
      'passings.insert, its counts null',
      () =>
        table.insertPassings.read(
          { description: 'ok', token_session: 'T', inserted_count: null, duplicate_count: 2 },
          strict,
        ),
      { description: 'ok', token_session: 'T', inserted_count: undefined, duplicate_count: 2 },
    ],
    [
      'passings.poll',
      () =>
        table.pollPassings.read(
          { session_used: 'T', session_label: 'L', resumed_from: 0, passings: [passing(1)] },
          strict,
        ),
      { passings: [passing(1)], session_used: 'T', session_label: 'L', resumed_from: 0 },
    ],
    [
      'passings.poll, known by its device alone',
      () => table.pollPassings.read({ deviceid: 'D' }, strict),
      { passings: [], session_used: null, session_label: null, resumed_from: null },
    ],
    [
      'passings.poll, known by its session alone',
      () => table.pollPassings.read({ session_used: 'T' }, strict),
      { passings: [], session_used: 'T', session_label: null, resumed_from: null },
    ],
    [
      'passings.poll, known by its words alone',
      () => table.pollPassings.read({ description: 'ok' }, strict),
      { passings: [], session_used: null, session_label: null, resumed_from: null },
    ],
    ['passings.poll, known by nothing', () => table.pollPassings.read({}, strict), ['passings: expected a list']],
    [
      'passings.poll, under its other name',
      () => table.pollPassings.read({ description: 'ok', result: [passing(1)] }, strict),
      expect.objectContaining({ passings: [passing(1)] }),
    ],
    [
      'passings.poll, of no session',
      () => table.pollPassings.read({ session_used: 5, passings: [] }, tolerant),
      ['session_used: expected text or null'],
    ],
    [
      'passings.poll, resumed from nowhere',
      () => table.pollPassings.read({ resumed_from: 'x', passings: [] }, tolerant),
      ['resumed_from: expected an integer or null'],
    ],
  ])('%s', (_name, read, expected) => {
    expect(mismatch(read)).toStrictEqual(expected);
    expect(drift).toEqual([]);
  });

  const answer = { status: 404, body: undefined as unknown, isJson: true, id: TOKEN, maybeProcessed: false };
  const notFound = { ...answer, body: { description: 'Sessions not found. ' } };
  const bound409 = { ...answer, status: 409, body: { deviceid: DEVICE } };

  test.each([
    ['sessions.getActive, of none', table.getActiveSession.interpret?.(notFound), null],
    ['sessions.listByDevice, of none', table.listSessions.interpret?.(notFound), []],
    [
      'words at another place',
      table.listSessions.interpret?.({ ...notFound, body: { description: 'not found, or so' } }),
      undefined,
    ],
    ['words that end so', table.listSessions.interpret?.({ ...notFound, body: { description: 'Not found' } }), []],
    ['another status', table.listSessions.interpret?.({ ...notFound, status: 400 }), undefined],
    ["a gateway's 404", table.listSessions.interpret?.({ ...notFound, body: { message: 'not found' } }), undefined],
    ['a 404 in HTML', table.getActiveSession.interpret?.({ ...notFound, body: 'not found', isJson: false }), undefined],
    [
      'devices.ensureBound, bound already',
      table.ensureDevice.interpret?.(bound409),
      { deviceid: DEVICE, created: false },
    ],
    [
      'devices.ensureBound, by whom not said',
      table.ensureDevice.interpret?.({ ...bound409, body: { deviceid: '' } }),
      undefined,
    ],
    ['devices.ensureBound, of text', table.ensureDevice.interpret?.({ ...bound409, body: 'bound' }), undefined],
    ['devices.ensureBound, another status', table.ensureDevice.interpret?.({ ...bound409, status: 400 }), undefined],
    ['devices.bind is strict', table.bindDevice.interpret, undefined],
    [
      'sessions.close, done before',
      table.closeSession.interpret?.({ ...answer, maybeProcessed: true }),
      { token_session: TOKEN, description: 'Closed by an earlier attempt of this call' },
    ],
    [
      'devices.unbind, done before',
      table.unbindDevice.interpret?.({ ...answer, maybeProcessed: true }),
      { deviceid: TOKEN, description: 'Unbound by an earlier attempt of this call' },
    ],
    ['sessions.close, at the first attempt', table.closeSession.interpret?.(answer), undefined],
    [
      'sessions.close, not of the API',
      table.closeSession.interpret?.({ ...answer, maybeProcessed: true, isJson: false }),
      undefined,
    ],
    [
      'sessions.close, another status',
      table.closeSession.interpret?.({ ...answer, maybeProcessed: true, status: 409 }),
      undefined,
    ],
  ])('%s', (_name, meaning, expected) => {
    expect(meaning).toEqual(expected);
  });
});
