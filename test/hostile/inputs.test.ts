// Whatever a caller without a compiler may hand over: refused before anything is sent, or sent as it was meant.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DispatcherLike, RufusClient } from '../../src/index.js';
import { json, text } from './arbitraries.js';
import { always, TEST_MS } from './cases.js';
import { outcomeOf, TOKEN } from './outcome.js';

type Sent = Parameters<DispatcherLike['request']>[0];

/** A value of any kind that JavaScript knows. */
const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true }),
  text,
  json,
  fc.constantFrom<unknown>(undefined, null, Number.NaN, Infinity, -1, 1.5, Symbol('s'), () => 1, new Date(Number.NaN)),
);

/** What is sent, if anything is. A teapot answers. */
async function sentBy(call: (client: RufusClient) => PromiseLike<unknown>): Promise<Sent | undefined> {
  let sent: Sent | undefined;
  const dispatcher: DispatcherLike = {
    async request(options) {
      sent = options;
      const body = { async *[Symbol.asyncIterator]() {}, text: async () => '', dump: async () => {} };
      return { statusCode: 418, headers: {}, body };
    },
  };
  const { error, value } = await outcomeOf({ dispatcher }, call);
  expect(value).toBeUndefined();
  expect(error?.code).toBe(sent === undefined ? 'invalid_request' : 'unexpected_status');
  return sent;
}

/** The path as a server reads it: decoded, step by step, once any dots are resolved. */
function stepsOf({ origin, path }: Sent): string[] {
  return new URL(origin + path).pathname.split('/').slice(2).map(decodeURIComponent);
}

const never = (value: unknown): never => value as never;

describe('ids', () => {
  const CALLS: readonly [string[], (client: RufusClient, id: never) => PromiseLike<unknown>][] = [
    [['devices'], (client, id) => client.devices.get(id)],
    [['devices'], (client, id) => client.devices.unbind(id)],
    [['sessions'], (client, id) => client.sessions.get(id)],
    [['sessions', 'close'], (client, id) => client.sessions.close(id)],
    [['sessions', 'device'], (client, id) => client.sessions.listByDevice(id)],
    [['passings', 'session'], (client, id) => client.passings.listBySession(id)],
    [['passings', 'device2'], (client, id) => client.passings.poll(id)],
  ];

  it('stay one step of the path', { timeout: TEST_MS }, async () => {
    await always(0.03, fc.tuple(fc.constantFrom(...CALLS), anything), async ([[steps, call], id]) => {
      const sent = await sentBy((client) => call(client, never(id)));
      if (sent !== undefined) expect(stepsOf(sent)).toEqual([...steps, id]);
    });
  });

  it('travel whole in a body and a query', { timeout: TEST_MS }, async () => {
    await always(0.02, anything, async (id) => {
      const inserted = await sentBy((client) =>
        client.passings.insert(never(id), [{ num_passing: 1, bib: '', timestamp: new Date(0) }]),
      );
      if (inserted !== undefined) expect(JSON.parse(String(inserted.body)).token_session).toBe(id);
      const created = await sentBy((client) => client.sessions.create({ deviceid: never(id) }));
      if (created !== undefined) expect(JSON.parse(String(created.body))).toEqual({ deviceid: id });
      const polled = await sentBy((client) => client.passings.poll('D', { token_session: never(id) }));
      if (polled !== undefined && id !== undefined) {
        expect(new URL(polled.origin + polled.path).searchParams.get('token_session')).toBe(id);
      }
    });
  });
});

describe('queries', () => {
  const query = fc.record(
    {
      page: anything,
      prefetch: anything,
      limit: anything,
      first: anything,
      last: anything,
      from: anything,
      to: anything,
    },
    { requiredKeys: [] },
  );
  const LISTS: readonly ((client: RufusClient, query: never) => PromiseLike<unknown>)[] = [
    (client, given) => client.devices.list(given),
    (client, given) => client.events.list(given),
    (client, given) => client.passings.listBySession('S', given),
    (client, given) => client.passings.listByDevice('D', given),
    (client, given) => client.passings.poll('D', given),
  ];
  const NUMBER = /^(0|[1-9]\d*)$/;
  const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

  it('of any shape', { timeout: TEST_MS }, async () => {
    const given = fc.oneof({ weight: 4, arbitrary: query }, { weight: 1, arbitrary: anything });
    await always(0.03, fc.tuple(fc.constantFrom(...LISTS), given), async ([list, some]) => {
      const sent = await sentBy((client) => list(client, never(some)));
      if (sent === undefined) return;
      for (const [name, value] of new URL(sent.origin + sent.path).searchParams) {
        expect(value).toMatch(name === 'from' || name === 'to' ? INSTANT : NUMBER);
      }
    });
  });
});

describe('what is sent', () => {
  const FIELDS = ['participant_id', 'chip', 'latitude', 'longitude', 'status', 'timezone', 'gender'] as const;
  const isWire = (row: Record<string, unknown>): boolean =>
    Object.keys(row).every((name) => ['timestamp', 'num_passing', 'bib', ...FIELDS].includes(name)) &&
    new Date(String(row.timestamp)).toISOString() === row.timestamp &&
    Number.isSafeInteger(row.num_passing) &&
    Number(row.num_passing) >= 0 &&
    typeof row.bib === 'string' &&
    FIELDS.every((name) => {
      const kind = name === 'latitude' || name === 'longitude' ? 'number' : 'string';
      return row[name] === undefined || row[name] === null || typeof row[name] === kind;
    });

  const timestamp = fc.oneof(
    anything,
    fc.date(),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString().replace('Z', '123456+05:30')),
  );
  const passing = fc.record(
    {
      timestamp,
      num_passing: fc.oneof(fc.nat(), anything),
      bib: fc.oneof(fc.string(), anything),
      chip: fc.oneof(fc.string(), anything),
      latitude: fc.oneof(fc.double(), anything),
      chips: anything,
    },
    { requiredKeys: ['timestamp', 'num_passing', 'bib'] },
  );

  it('are passings of the wire', { timeout: TEST_MS }, async () => {
    const list = fc.oneof({ weight: 4, arbitrary: fc.array(passing, { maxLength: 3 }) }, anything);
    await always(0.04, list, async (passings) => {
      const sent = await sentBy((client) => client.passings.insert(TOKEN, never(passings)));
      if (sent === undefined) return;
      const { passings_list } = JSON.parse(String(sent.body));
      expect(passings_list).toHaveLength((passings as unknown[]).length);
      expect(passings_list.every(isWire)).toBe(true);
    });
  });

  it('is the millisecond that a text names, never a later one', { timeout: TEST_MS }, async () => {
    const digits = fc.nat({ max: 999_999_999 }).map((n) => String(n).padStart(9, '0'));
    const date = fc.date({
      min: new Date('0001-01-02T00:00:00Z'),
      max: new Date('9999-12-30T00:00:00Z'),
      noInvalidDate: true,
    });
    const zone = fc.constantFrom('Z', 'z', '+00:00', '-00:00', '+14:00', '-12:00', '+05:45', '+0130', '-09');
    await always(0.03, fc.tuple(date, digits, zone), async ([day, fraction, offset]) => {
      const given = `${day.toISOString().slice(0, 19)}.${fraction}${offset}`;
      const sent = await sentBy((client) =>
        client.passings.insert(TOKEN, [{ timestamp: given, num_passing: 1, bib: '7' }]),
      );
      const [, sign = '+', hours = '0', minutes = '0'] = /([+-])(\d\d):?(\d\d)?$/.exec(offset) ?? [];
      const ahead = (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000 * (sign === '+' ? 1 : -1);
      const expected = Math.floor(day.getTime() / 1_000) * 1_000 + Number(fraction.slice(0, 3)) - ahead;
      expect(JSON.parse(String(sent?.body)).passings_list[0].timestamp).toBe(new Date(expected).toISOString());
    });
  });

  it('is a device of the wire', { timeout: TEST_MS }, async () => {
    const field = fc.oneof(fc.string(), anything);
    const device = fc.record(
      { type: field, model: field, serial_number: field, alias: field, colour: field },
      { requiredKeys: ['type', 'model', 'serial_number'] },
    );
    await always(0.02, fc.oneof({ weight: 4, arbitrary: device }, anything), async (given) => {
      const sent = await sentBy((client) => client.devices.bind(never(given)));
      if (sent === undefined) return;
      const wire = JSON.parse(String(sent.body));
      for (const [name, value] of Object.entries(wire)) {
        expect(['type', 'model', 'serial_number', 'alias', 'firmware']).toContain(name);
        expect(typeof value).toBe('string');
      }
    });
  });
});

describe('request()', () => {
  it('of any method, path, query and body', { timeout: TEST_MS }, async () => {
    const step = fc.oneof(
      text,
      fc.constantFrom('..', '.', '%2e%2e', '%2E.', '', '\\', '{id}', '@evil.test', ':80', ';a', '%'),
    );
    const path = fc.oneof(
      fc.array(step, { maxLength: 4 }).map((steps) => `/${steps.join('/')}`),
      anything,
    );
    const method = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('GET', 'POST', 'PATCH') }, anything);
    const query = fc.oneof(fc.dictionary(text, fc.oneof(text, fc.double(), anything), { maxKeys: 3 }), anything);
    const options = fc.record({ query, body: anything, repeatable: anything }, { requiredKeys: [] });
    await always(0.04, fc.tuple(method, path, options), async ([verb, where, given]) => {
      const sent = await sentBy((client) => client.request(never(verb), never(where), never(given)));
      if (sent === undefined) return;
      const url = new URL(sent.origin + sent.path);
      expect(url.host).toBe('api.example.test');
      expect(url.pathname.startsWith('/v0/')).toBe(true);
      expect(sent.path.split('?')[0]).toBe(`/v0${where}`);
      expect(url.hash).toBe('');
      if (sent.body !== null && sent.body !== undefined) JSON.parse(String(sent.body));
    });
  });
});
