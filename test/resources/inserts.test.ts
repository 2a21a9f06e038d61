import { describe, expect, it } from 'vitest';
import {
  BadRequestError,
  type InsertManyResult,
  type PassingInput,
  PayloadTooLargeError,
  RufusConnectionError,
  RufusError,
  RufusRequestValidationError,
  RufusResponseValidationError,
  ServerError,
} from '../../src/index.js';
import { empty, enveloped, halfJson, html, json, reset } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { input, passing, TOKEN } from '../support/operations.js';
import { type Behaviour, type ScriptedServer, startServer } from '../support/server.js';

type Sent = { token_session: string; passings_list: (PassingInput & { num_passing: number })[] };
const sentBy = (server: ScriptedServer) => server.requests.map((seen) => seen.json() as Sent);
const batches = (server: ScriptedServer) =>
  sentBy(server).map(({ passings_list }) => passings_list.map(({ num_passing }) => num_passing));
const upTo = (n: number, from = 1) => Array.from({ length: n }, (_, i) => input(from + i));

/** Takes up to `most` passings at once; every tenth is a duplicate. */
const storing =
  (most = Number.POSITIVE_INFINITY): Behaviour =>
  (exchange) => {
    const { token_session, passings_list } = exchange.seen.json() as Sent;
    if (passings_list.length > most) return html(413)(exchange);
    const duplicate_count = passings_list.filter(({ num_passing }) => num_passing % 10 === 0).length;
    const inserted_count = passings_list.length - duplicate_count;
    return enveloped(201, { description: 'ok', token_session, inserted_count, duplicate_count })(exchange);
  };

describe('insert', () => {
  it('is one request of the documented shape', async () => {
    const server = await startServer();
    server.always(storing());
    const rich = {
      ...input(2),
      chip: 'E200',
      latitude: 42.35,
      longitude: null,
      gender: undefined,
      participant_id: null,
    };
    await expect(clientOf(server).passings.insert(TOKEN, [input(1), rich])).resolves.toMatchObject({
      token_session: TOKEN,
      inserted_count: 2,
      duplicate_count: 0,
      description: 'ok',
    });
    const { gender: _, ...expected } = rich;
    expect(sentBy(server)).toEqual([{ token_session: TOKEN, passings_list: [input(1), expected] }]);
  });

  it.each([
    ['2013-04-15T14:02:11.2509Z', '2013-04-15T14:02:11.250Z'],
    ['2013-04-15T14:02:11.999999999Z', '2013-04-15T14:02:11.999Z'],
    ['2013-04-15T14:02:11Z', '2013-04-15T14:02:11.000Z'],
    ['2013-04-15T14:02:11.5Z', '2013-04-15T14:02:11.500Z'],
    ['2013-04-15T10:02:11.250-04:00', '2013-04-15T14:02:11.250Z'],
    ['2013-04-16T00:02:11+10:00', '2013-04-15T14:02:11.000Z'],
    [new Date('2013-04-15T14:02:11.250Z'), '2013-04-15T14:02:11.250Z'],
  ])('sends %s as %s', async (timestamp, sent) => {
    const server = await startServer();
    server.always(storing());
    const given = { ...input(1), timestamp };
    await clientOf(server).passings.insert(TOKEN, [given]);
    expect(sentBy(server)[0]?.passings_list[0]?.timestamp).toBe(sent);
    expect(given.timestamp).toBe(timestamp);
  });

  it('counts that the server leaves out are undefined', async () => {
    const server = await startServer();
    server.always(json(201, { description: 'ok', token_session: TOKEN }));
    const result = await clientOf(server).passings.insert(TOKEN, [input(1)]);
    expect(result.inserted_count).toBeUndefined();
    expect(result.duplicate_count).toBeUndefined();
  });
});

describe('bad input never leaves the process', () => {
  const BAD: { name: string; more: object; path: string }[] = [
    { name: 'chips instead of chip', more: { chips: 'E200' }, path: 'chips' },
    { name: 'a number as bib', more: { bib: 17 }, path: 'bib' },
    { name: 'no bib', more: { bib: undefined }, path: 'bib' },
    { name: 'a null bib', more: { bib: null }, path: 'bib' },
    { name: 'a fractional num_passing', more: { num_passing: 1.5 }, path: 'num_passing' },
    { name: 'a negative num_passing', more: { num_passing: -1 }, path: 'num_passing' },
    { name: 'a text as num_passing', more: { num_passing: '1' }, path: 'num_passing' },
    { name: 'NaN as num_passing', more: { num_passing: Number.NaN }, path: 'num_passing' },
    { name: 'a timestamp without a zone', more: { timestamp: '2013-04-15T14:02:11.250' }, path: 'timestamp' },
    { name: 'a date alone', more: { timestamp: '2013-04-15' }, path: 'timestamp' },
    { name: 'a timestamp with a blank', more: { timestamp: '2013-04-15 14:02:11' }, path: 'timestamp' },
    { name: 'a timestamp in words', more: { timestamp: 'Mon, 15 Apr 2013 14:02:11 GMT' }, path: 'timestamp' },
    { name: 'the 30th of February', more: { timestamp: '2013-02-30T14:02:11Z' }, path: 'timestamp' },
    { name: 'a 13th month', more: { timestamp: '2013-13-01T14:02:11Z' }, path: 'timestamp' },
    { name: 'a 61st minute', more: { timestamp: '2013-04-15T14:61:11Z' }, path: 'timestamp' },
    { name: 'milliseconds as timestamp', more: { timestamp: 1366034531250 }, path: 'timestamp' },
    { name: 'an invalid Date', more: { timestamp: new Date(Number.NaN) }, path: 'timestamp' },
    { name: 'no timestamp', more: { timestamp: undefined }, path: 'timestamp' },
    { name: 'NaN as latitude', more: { latitude: Number.NaN }, path: 'latitude' },
    { name: 'Infinity as longitude', more: { longitude: Number.POSITIVE_INFINITY }, path: 'longitude' },
    { name: 'a text as latitude', more: { latitude: '42.35' }, path: 'latitude' },
    { name: 'a number as chip', more: { chip: 123 }, path: 'chip' },
  ];

  it.each(BAD)('$name', async ({ more, path }) => {
    const server = await startServer();
    const client = clientOf(server);
    const list = [...upTo(17), passing(18, more) as PassingInput, input(19)];
    const thrown = await rejection(RufusRequestValidationError, client.passings.insert(TOKEN, list));
    expect(thrown.message).toContain(`passings[17].${path}`);
    expect(thrown.issues.map((issue) => issue.path)).toContainEqual(['passings', 17, path]);
    for (const issue of thrown.issues) expect(issue.message.length).toBeGreaterThan(3);
    expect(thrown).toMatchObject({ code: 'invalid_request', attempts: 0, requestMaybeProcessed: false });
    const many = await rejection(RufusRequestValidationError, client.passings.insertMany(TOKEN, list));
    expect(many.message).toContain(`passings[17].${path}`);
    expect(server.requests).toHaveLength(0);
  });

  it('an empty list, something else than a list, something else than passings', async () => {
    const server = await startServer();
    const client = clientOf(server);
    for (const list of [[], null, undefined, 'passings', {}, [null], [7], [[]], [undefined]]) {
      const call = (async () => client.passings.insert(TOKEN, list as never))();
      expect((await rejection(RufusRequestValidationError, call)).message).toContain('passings');
    }
    for (const token of ['', '.', '..', null, 7]) {
      const call = (async () => client.passings.insert(token as never, [input(1)]))();
      expect((await rejection(RufusRequestValidationError, call)).message).toContain('token_session');
    }
    expect(server.requests).toHaveLength(0);
  });

  it('devices and sessions', async () => {
    const server = await startServer();
    const client = clientOf(server);
    const good = { type: 'READER', model: 'RTL', serial_number: 'SN-1' };
    const calls: [string, () => PromiseLike<unknown>][] = [
      ['serial_number', () => client.devices.bind({ type: 'READER', model: 'RTL' } as never)],
      ['model', () => client.devices.bind({ ...good, model: 7 as never })],
      ['colour', () => client.devices.ensureBound({ ...good, colour: 'red' } as never)],
      ['deviceid', () => client.sessions.create({} as never)],
      ['alias', () => client.sessions.create({ deviceid: 'D1', alias: 7 as never })],
    ];
    for (const [path, call] of calls) {
      expect((await rejection(RufusRequestValidationError, (async () => call())())).message).toContain(path);
    }
    expect(server.requests).toHaveLength(0);
  });
});

describe('insertMany', () => {
  it('sends batches in order, one in flight', async () => {
    const server = await startServer();
    server.always(storing());
    const progress: InsertManyResult[] = [];
    const result = await clientOf(server).passings.insertMany(TOKEN, upTo(1_201), {
      onProgress: (sofar) => progress.push({ ...sofar }),
    });
    expect(result).toEqual({ inserted_count: 1_081, duplicate_count: 120, sent: 1_201, requests: 3 });
    expect(batches(server).map((batch) => batch.length)).toEqual([500, 500, 201]);
    expect(batches(server).flat()).toEqual(upTo(1_201).map(({ num_passing }) => num_passing));
    expect(server.peak).toBe(1);
    expect(progress.map(({ sent }) => sent)).toEqual([500, 1_000, 1_201]);
    expect(progress.at(-1)).toEqual(result);
  });

  it('takes any iterable, and reads no further than it must', async () => {
    const server = await startServer();
    server.always(storing());
    const client = clientOf(server);
    let given = 0;
    const readAt: number[] = [];
    async function* slowly() {
      for (const one of upTo(7)) {
        await Promise.resolve();
        given++;
        yield one;
      }
    }
    const onProgress = () => readAt.push(given);
    const fromAsync = await client.passings.insertMany(TOKEN, slowly(), { batchSize: 2, onProgress });
    expect(fromAsync).toMatchObject({ sent: 7, requests: 4 });
    for (const [i, read] of readAt.entries()) expect(read).toBeLessThanOrEqual(2 * (i + 1) + 2);
    const fromSet = await client.passings.insertMany(TOKEN, new Set(upTo(3)), { batchSize: 2 });
    expect(fromSet).toMatchObject({ sent: 3, requests: 2 });
    expect(batches(server)).toEqual([[1, 2], [3, 4], [5, 6], [7], [1, 2], [3]]);
  });

  it('an empty source is no request', async () => {
    const server = await startServer();
    await expect(clientOf(server).passings.insertMany(TOKEN, [])).resolves.toEqual({
      inserted_count: 0,
      duplicate_count: 0,
      sent: 0,
      requests: 0,
    });
    expect(server.requests).toHaveLength(0);
  });

  it.each([0, -1, 1.5, Number.NaN])('a batchSize of %s is refused', async (batchSize) => {
    const server = await startServer();
    const call = clientOf(server).passings.insertMany(TOKEN, upTo(2), { batchSize });
    await expect(call).rejects.toBeInstanceOf(RufusError);
    expect(server.requests).toHaveLength(0);
  });

  it('halves what is too large, and keeps the order', async () => {
    const server = await startServer();
    server.always(storing(3));
    const result = await clientOf(server).passings.insertMany(TOKEN, upTo(20), { batchSize: 10 });
    expect(result).toMatchObject({ sent: 20, inserted_count: 18, duplicate_count: 2 });
    const sizes = batches(server).map((batch) => batch.length);
    expect(sizes).toEqual([10, 5, 3, 3, 3, 3, 3, 3, 2]);
    const stored = batches(server).filter((batch) => batch.length <= 3);
    expect(stored.flat()).toEqual(upTo(20).map(({ num_passing }) => num_passing));
    expect(server.peak).toBe(1);
  });

  it('one passing that is still too large throws, with what was confirmed before it', async () => {
    const server = await startServer();
    server.always((exchange) => {
      const fits = !(exchange.seen.json() as Sent).passings_list.some(({ num_passing }) => num_passing === 6);
      return (fits ? storing() : html(413))(exchange);
    });
    const call = clientOf(server).passings.insertMany(TOKEN, upTo(8), { batchSize: 4 });
    const thrown = await rejection(PayloadTooLargeError, call);
    expect(thrown.progress).toMatchObject({ sent: 5, inserted_count: 5, duplicate_count: 0 });
    expect(batches(server).at(-1)).toEqual([6]);
  });

  it('says how many were sent where one of a later batch is wrong', async () => {
    const server = await startServer();
    server.always(storing());
    const list = [...upTo(700), { ...input(701), bib: '' }];
    const thrown = await rejection(RufusRequestValidationError, clientOf(server).passings.insertMany(TOKEN, list));
    expect(thrown.message).toContain(
      'passings.insert: the first 500 were sent, nothing of what follows. passings[700].bib: expected',
    );
    expect(thrown.progress).toMatchObject({ sent: 500, requests: 1 });
    expect(batches(server)).toHaveLength(1);
  });

  it('refuses a number that an earlier batch had', async () => {
    const server = await startServer();
    server.always(storing(3));
    const numbers = [7, 0, 31, 32, 63, 2 ** 40, 9, 8, 33, 2 ** 40];
    const list = numbers.map((num_passing) => ({ ...input(1), num_passing }));
    const client = clientOf(server);
    const thrown = await rejection(
      RufusRequestValidationError,
      client.passings.insertMany(TOKEN, list, { batchSize: 4 }),
    );
    expect(thrown.issues).toEqual([
      { path: ['passings', 9, 'num_passing'], message: 'is that of a passing before it, too' },
    ]);
    expect(batches(server).flat().slice(-1)).toEqual([8]);
    // Sending all of it again is safe: each call begins anew.
    await client.passings.insertMany(TOKEN, list.slice(0, 9));
    await client.passings.insertMany(TOKEN, list.slice(0, 9));
  });

  it('tells of 100 such numbers at most', async () => {
    const server = await startServer();
    server.always(storing());
    const thrown = await rejection(
      RufusRequestValidationError,
      clientOf(server).passings.insertMany(TOKEN, [...upTo(150), ...upTo(150)], { batchSize: 150 }),
    );
    expect(thrown.issues.map(({ path }) => path[1])).toEqual(Array.from({ length: 100 }, (_, index) => 150 + index));
  });

  it('repeats a batch as insert does', async () => {
    const server = await startServer();
    server.replies(storing(), reset(), html(200), storing(), storing());
    await clientOf(server).passings.insertMany(TOKEN, upTo(6), { batchSize: 2 });
    expect(batches(server)).toEqual([
      [1, 2],
      [3, 4],
      [3, 4],
      [3, 4],
      [5, 6],
    ]);
  });

  const FAILURES = [
    { name: '400', behaviour: html(400), error: BadRequestError, maybe: false },
    { name: '502', behaviour: html(502), error: ServerError, maybe: true },
    { name: 'a reset', behaviour: reset(), error: RufusConnectionError, maybe: true },
    { name: '200 with HTML', behaviour: html(200), error: RufusResponseValidationError, maybe: true },
    { name: '201 without a body', behaviour: empty(201), error: RufusResponseValidationError, maybe: true },
    {
      name: 'half a receipt',
      behaviour: halfJson({ description: 'ok', token_session: TOKEN }, 201),
      error: RufusResponseValidationError,
      maybe: true,
    },
    {
      name: 'another receipt',
      behaviour: json(201, { description: 'ok', stored: 2 }),
      error: RufusResponseValidationError,
      maybe: true,
    },
  ];
  it.each(FAILURES)('$name in the middle throws with the progress', async ({ behaviour, error, maybe }) => {
    const server = await startServer();
    server.replies(storing()).always(behaviour);
    let closed = false;
    function* source() {
      try {
        yield* upTo(100);
      } finally {
        closed = true;
      }
    }
    const call = clientOf(server).passings.insertMany(TOKEN, source(), { batchSize: 12 });
    const thrown = await rejection<RufusError>(error, call);
    expect(thrown.progress).toEqual({ sent: 12, inserted_count: 11, duplicate_count: 1, requests: expect.any(Number) });
    expect(thrown.requestMaybeProcessed).toBe(maybe);
    expect(JSON.stringify(thrown)).toContain('"sent":12');
    expect(closed).toBe(true);
  });

  it.each(['sync', 'async'])("an error of the %s source's own comes out unchanged", async (form) => {
    const server = await startServer();
    server.always(storing());
    const bug = Object.freeze(new Error('the file ends in the middle of a line'));
    function* source() {
      yield* upTo(3);
      throw bug;
    }
    async function* asynchronous() {
      yield* source();
    }
    const call = clientOf(server).passings.insertMany(TOKEN, form === 'sync' ? source() : asynchronous(), {
      batchSize: 2,
    });
    expect(await rejection(Error, call)).toBe(bug);
    expect(batches(server)[0]).toEqual([1, 2]);
  });

  it('bad input in a later batch: what came before is confirmed, nothing of its own batch is sent', async () => {
    const server = await startServer();
    server.always(storing());
    let closed = false;
    async function* source() {
      try {
        yield* [input(1), input(2), input(3), { ...input(4), num_passing: 4.5 }, input(5)];
      } finally {
        closed = true;
      }
    }
    const call = clientOf(server).passings.insertMany(TOKEN, source(), { batchSize: 2 });
    const thrown = await rejection(RufusRequestValidationError, call);
    expect(thrown.progress).toMatchObject({ sent: 2 });
    expect(thrown.message).toContain('passings[3].num_passing');
    expect(batches(server)).toEqual([[1, 2]]);
    expect(closed).toBe(true);
  });
});
