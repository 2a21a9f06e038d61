import { describe, expect, test } from 'vitest';
import {
  listDevices,
  listEvents,
  listPassingsByDevice,
  listPassingsBySession,
  pollPassings,
} from '../../../src/core/operations.js';
import { RufusRequestValidationError } from '../../../src/index.js';

const listQueries = {
  devices: (query: never) => listDevices.encode({ query })(),
  events: (query: never) => listEvents.encode({ query })(),
  passingsBySession: (query: never) => listPassingsBySession.encode({ token_session: 'S', query })(),
  passingsByDevice: (query: never) => listPassingsByDevice.encode({ deviceid: 'D', query })(),
};
type List = keyof typeof listQueries;
const lists = Object.keys(listQueries) as List[];

function checked<T>(run: () => T) {
  try {
    return { ok: true as const, value: run() };
  } catch (error) {
    if (error instanceof RufusRequestValidationError) return { ok: false as const, issues: error.issues };
    throw error;
  }
}
const checkListQuery = (list: List, given: unknown) =>
  checked(() => {
    const { page = 1, prefetch = 1, ...params } = listQueries[list](given as never).query ?? {};
    return { page, prefetch, params };
  });
const checkPollQuery = (query: unknown) =>
  checked(() => pollPassings.encode({ deviceid: 'D', query: query as never })().query);

/** Paths of what is wrong with the query. */
function faults(check: { ok: true } | { ok: false; issues: readonly { path: readonly unknown[] }[] }): string[] {
  return check.ok ? [] : check.issues.map(({ path }) => path.join('.'));
}

describe('the query of a list', () => {
  test.each(lists)('of %s asks for page 1 and sends no default', (list) => {
    for (const query of [undefined, {}, { page: undefined, prefetch: undefined }]) {
      expect(checkListQuery(list, query)).toEqual({ ok: true, value: { page: 1, prefetch: 1, params: {} } });
    }
  });

  test.each(lists)('of %s refuses pages, prefetches and fields that cannot be', (list) => {
    for (const page of [0, -1, 1.5, '1', null, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(faults(checkListQuery(list, { page }))).toEqual(['page']);
    }
    for (const prefetch of [-1, 0.5, 65, '1', null])
      expect(faults(checkListQuery(list, { prefetch }))).toEqual(['prefetch']);
    expect(faults(checkListQuery(list, { pages: 1, size: undefined }))).toEqual(['pages', 'size']);
    for (const query of [null, 'page=1', 5, [1]]) expect(faults(checkListQuery(list, query))).toEqual(['query']);
  });

  test('takes the bounds', () => {
    expect(checkListQuery('devices', { page: 1, prefetch: 0, limit: 5000 })).toEqual({
      ok: true,
      value: { page: 1, prefetch: 0, params: { limit: 5000 } },
    });
    expect(checkListQuery('events', { page: 7, prefetch: 64, limit: 1 })).toEqual({
      ok: true,
      value: { page: 7, prefetch: 64, params: { limit: 1 } },
    });
    expect(faults(checkListQuery('devices', { limit: 5001 }))).toEqual(['limit']);
    expect(faults(checkListQuery('devices', { limit: 0 }))).toEqual(['limit']);
    expect(faults(checkListQuery('events', { limit: 1001 }))).toEqual(['limit']);
    expect(faults(checkListQuery('passingsBySession', { limit: 10 }))).toEqual(['limit']);
  });

  test('sends a range of num_passing, 0 included', () => {
    expect(checkListQuery('passingsBySession', { first: 0, last: 0 })).toEqual({
      ok: true,
      value: { page: 1, prefetch: 1, params: { first: 0, last: 0 } },
    });
    expect(faults(checkListQuery('passingsBySession', { first: -1, last: 1.5 }))).toEqual(['first', 'last']);
    expect(faults(checkListQuery('passingsByDevice', { first: 0 }))).toEqual(['first']);
  });

  test('sends a range of instants in the wire form', () => {
    const query = { from: new Date(0), to: '2024-04-21T11:30:00+02:00' };
    expect(checkListQuery('passingsByDevice', query)).toEqual({
      ok: true,
      value: { page: 1, prefetch: 1, params: { from: '1970-01-01T00:00:00.000Z', to: '2024-04-21T09:30:00.000Z' } },
    });
    expect(faults(checkListQuery('passingsByDevice', { from: '2024-04-21', to: new Date(Number.NaN) }))).toEqual([
      'from',
      'to',
    ]);
  });
});

describe('the continuous query', () => {
  test('sends what it is given, and no page of its own', () => {
    expect(checkPollQuery(undefined)).toEqual({ ok: true, value: {} });
    expect(checkPollQuery({ token_session: 'A', last: 0, page: 0, from: undefined })).toEqual({
      ok: true,
      value: { token_session: 'A', last: 0, page: 0 },
    });
  });

  test('refuses what cannot be', () => {
    expect(faults(checkPollQuery({ token_session: '', last: -1, from: '2024', to: 5, page: -1, prefetch: 1 }))).toEqual(
      ['token_session', 'last', 'from', 'to', 'page', 'prefetch'],
    );
    for (const token_session of ['.', '..', 5, null, '\ud800']) {
      expect(faults(checkPollQuery({ token_session }))).toEqual(['token_session']);
    }
  });

  test('never repeats the token in what it says', () => {
    const check = checkPollQuery({ token_session: ['SECRET'], last: 'SECRET' });
    expect(check.ok).toBe(false);
    expect(JSON.stringify(check)).not.toContain('SECRET');
  });
});
