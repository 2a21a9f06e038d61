// What hostile input has broken once, each in its smallest form.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  RateLimitError,
  RufusClient,
  RufusConfigError,
  RufusConnectionError,
  RufusRequestValidationError,
  RufusResponseValidationError,
} from '../../src/index.js';
import { openOutbox } from '../../src/outbox/index.js';
import { peer } from './fake.js';
import { DEVICE, KEY, outcomeOf, TOKEN } from './outcome.js';
import { startRawServer } from './raw-server.js';

const refusing = (body: unknown, headers: Record<string, string> = {}) =>
  peer({ status: 429, body: JSON.stringify(body), headers });

describe('secrets', () => {
  it('a gateway that echoes the key as request id, at any length', async () => {
    const dispatcher = refusing({}, { 'x-request-id': `${KEY} ${'r'.repeat(10_000)}` });
    const { error } = await outcomeOf({ dispatcher }, (client) => client.sessions.get(TOKEN));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error?.message.length).toBeLessThan(500);
    const odd = peer({ status: 200, body: '{}', headers: { 'cf-ray': KEY } });
    const { error: other } = await outcomeOf({ dispatcher: odd }, (client) => client.sessions.get(TOKEN));
    expect(other).toBeInstanceOf(RufusResponseValidationError);
  });

  it.each([KEY, TOKEN])('a description that is cut in the middle of %.4s', async (secret) => {
    for (let padding = 230; padding < 300; padding += 3) {
      const dispatcher = refusing({ description: `${'x'.repeat(padding)} ${secret}` });
      const { error } = await outcomeOf({ dispatcher }, (client) => client.sessions.get(TOKEN));
      expect((error as RateLimitError).description).toHaveLength(Math.min(300, padding + 1 + '5F1D7A84…'.length));
    }
  });

  it("another session's token next to an underscore", async () => {
    const other = '0123456789abcdef'.repeat(4);
    const dispatcher = refusing({ description: `token_${other}_closed` });
    const { error } = await outcomeOf({ dispatcher }, (client) => client.sessions.get(TOKEN));
    expect(error?.message).toContain('token_01234567…_closed');
  });

  it('a key that is half a character', async () => {
    const apiKey = () => `${KEY}\uD800`;
    const { error } = await outcomeOf({ apiKey, dispatcher: refusing({}) }, (client) => client.sessions.get(TOKEN));
    expect(error).toBeInstanceOf(RufusConfigError);
  });
});

it('a parser that quotes half a token', async () => {
  const server = await startRawServer();
  // The token's first digits pass for the length of a chunk: what the parser then complains of begins in its middle.
  const pieces = [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${TOKEN}\r\n`];
  server.answer = { pieces, end: 'fin' };
  const { error } = await outcomeOf({ baseUrl: server.url }, (client) => client.sessions.get(TOKEN));
  expect(error).toBeInstanceOf(RufusConnectionError);
  expect(String(error?.cause)).toMatch(/^HTTPParserError: .*[Cc]hunk size/);
});

describe('what a caller without a compiler passes', () => {
  const dispatcher = peer({ status: 200, body: JSON.stringify({ description: 'ok', result: [] }) });
  const many = (options: unknown) => (client: RufusClient) =>
    client.passings.insertMany(TOKEN, [{ num_passing: 1, bib: '1', timestamp: new Date(0) }], options as never);
  const get = (options: unknown) => (client: RufusClient) => client.sessions.get(TOKEN, options as never);
  const follow = (options: unknown) => async (client: RufusClient) => {
    for await (const batch of client.passings.follow(DEVICE, options as never)) return batch;
    return undefined;
  };
  const CALLS: readonly [string, (client: RufusClient) => PromiseLike<unknown>][] = [
    ['null as options', get(null)],
    ['null as headers', get({ headers: null })],
    ['Headers, of which nothing would be sent', get({ headers: new Headers({ a: 'b' }) })],
    ['the key as the name of a header', get({ headers: { [KEY]: 7 } })],
    ['a signal that is none', get({ signal: {} })],
    [
      'a signal that is none, of a list',
      (client) => client.devices.list({}, { signal: 5 as never }).toArray({ limit: 1 }),
    ],
    ['nothing to toArray', (client) => client.devices.list().toArray(undefined as never)],
    ['null to insertMany', many(null)],
    ['no function to be told of progress', many({ onProgress: 'log' })],
    ['null to request', (client) => client.request('GET', '/a', null as never)],
    ['null to follow', follow(null)],
    ['null as pollMs', follow({ pollMs: null })],
    ['a signal of follow that is none', follow({ signal: false })],
    ['null to withOptions', async (client) => client.withOptions(null as never)],
    ['null as middleware', async (client) => client.withOptions({ middleware: {} as never })],
    [
      'a version that no text holds',
      async (client) => client.withOptions({ appInfo: { name: 'a', version: Symbol() as never } }),
    ],
  ];

  it.each(CALLS)('%s', async (_, call) => {
    const { error } = await outcomeOf({ dispatcher }, call);
    expect(error).toBeInstanceOf(RufusConfigError);
  });

  it.each([{ query: null }, { query: { a: '\uD800' } }, { query: { '\uDFFF': 1 } }])('request: %j', async (options) => {
    const { error } = await outcomeOf({ dispatcher }, (client) => client.request('GET', '/a', options as never));
    expect(error).toBeInstanceOf(RufusRequestValidationError);
  });

  it.each(['/a{id}', '/a\\..\\b', '/a"b'])('request: the path %s would not travel as it stands', async (path) => {
    const { error } = await outcomeOf({ dispatcher }, (client) => client.request('GET', path));
    expect(error).toBeInstanceOf(RufusRequestValidationError);
  });
});

describe('values', () => {
  it('an object whose length cannot be compared, where text is wanted', async () => {
    const odd = { length: { toString: null } } as never;
    const calls: ((client: RufusClient) => PromiseLike<unknown>)[] = [
      (client) => client.devices.bind({ type: 't', model: odd, serial_number: '' }),
      (client) => client.devices.ensureBound({ type: odd, model: 'm', serial_number: 's' }),
      (client) => client.sessions.create({ deviceid: odd }),
      (client) => client.passings.insert(TOKEN, [{ num_passing: 1, bib: odd, timestamp: new Date(0) }]),
      (client) => client.passings.insertMany(TOKEN, [{ num_passing: 1, bib: odd, timestamp: new Date(0) }]),
    ];
    for (const call of calls) {
      const { error } = await outcomeOf({ dispatcher: peer({ status: 200, body: '{}' }) }, call);
      expect(error).toBeInstanceOf(RufusRequestValidationError);
    }
  });

  it('null counts of an insert are absent ones', async () => {
    const body = { description: 'ok', token_session: TOKEN, inserted_count: null, duplicate_count: null };
    const dispatcher = peer({ status: 201, body: JSON.stringify(body) });
    const passing = { num_passing: 1, bib: '1', timestamp: new Date(0) };
    const { value } = await outcomeOf({ dispatcher, validation: 'strict' }, (client) =>
      client.passings.insert(TOKEN, [passing]),
    );
    expect(value).toEqual({ description: 'ok', token_session: TOKEN });
  });

  it.each([-1e308, 1e308, -3, 0.5, '7'])('insertMany does not add %j up with other counts', async (count) => {
    const body = { description: 'ok', token_session: TOKEN, inserted_count: count, duplicate_count: count };
    const dispatcher = peer({ status: 201, body: JSON.stringify(body) });
    const passings = [1, 2].map((num_passing) => ({ num_passing, bib: '1', timestamp: new Date(0) }));
    const { value } = await outcomeOf({ dispatcher }, (client) =>
      client.passings.insertMany(TOKEN, passings, { batchSize: 1 }),
    );
    expect(value).toEqual({ inserted_count: 0, duplicate_count: 0, sent: 2, requests: 2 });
  });
});

describe('the outbox', () => {
  async function opened(answer: { status: number; body: string }) {
    const directory = await mkdtemp(join(tmpdir(), 'rufus-found-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const client = new RufusClient({
      apiKey: KEY,
      baseUrl: 'https://a.test/v0',
      dispatcher: peer(answer),
      logLevel: 'off',
    });
    const session = { token_session: TOKEN, startAt: 1 };
    const outbox = await openOutbox({ client, directory, session, durability: 'os', batch: { lingerMs: 0 } });
    onTestFinished(async () => void (await outbox.close()));
    return { outbox, directory, client, session };
  }
  const stored = { status: 201, body: JSON.stringify({ description: 'ok', token_session: TOKEN }) };

  it('a folder and a file of a name that no system takes', async () => {
    const { outbox, directory, client, session } = await opened(stored);
    const other = openOutbox({ client, session, directory: `${directory}\0` });
    await expect(other).rejects.toBeInstanceOf(RufusConfigError);
    await expect(outbox.exportTo(`${directory}/\0`)).rejects.toBeInstanceOf(RufusConfigError);
    await expect(outbox.exportTo([] as never)).rejects.toBeInstanceOf(RufusConfigError);
    await expect(outbox.exportTo(`${directory}/none/file`)).rejects.toMatchObject({ code: 'storage' });
  });

  it('null and what is no function', async () => {
    const { outbox } = await opened(stored);
    const passing = { timestamp: new Date(0), bib: '1' };
    const CALLS = [
      () => outbox.append([passing], null as never),
      () => outbox.append([passing], { source: null as never }),
      () => outbox.drained(null as never),
      () => outbox.drained({ signal: 0 as never }),
      () => outbox.exportTo('x', { format: Object.create(null) }),
      () => outbox.requeue('all' as never),
      () => outbox.close({ drainMs: '5' as never }),
    ];
    for (const call of CALLS) await expect(call()).rejects.toBeInstanceOf(RufusConfigError);
    expect(outbox.stats().appended).toBe(0);
  });

  it('a refusal that is nested deeper than the call stack goes', async () => {
    const deep = `${'['.repeat(32_000)}${']'.repeat(32_000)}`;
    const { outbox } = await opened({ status: 400, body: `{"d":${deep}}` });
    await outbox.append({ timestamp: new Date(0), bib: '1' });
    await outbox.drained();
    expect(outbox.stats()).toMatchObject({ parked: 1, pending: 0 });
  });
});
