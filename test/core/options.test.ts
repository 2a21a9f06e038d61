import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  RufusClient,
  type RufusClientOptions,
  RufusConfigError,
  RufusRequestValidationError,
} from '../../src/index.js';
import { enveloped, html, json } from '../support/behaviours.js';
import { runChild } from '../support/child.js';
import { clientOf, fakeDispatcher, KEY, rejection } from '../support/client.js';
import { DEVICE, device, input, OPERATIONS } from '../support/operations.js';
import { startServer } from '../support/server.js';

const found = enveloped(200, { description: 'Device found', result: device() });

afterEach(() => {
  vi.unstubAllEnvs();
});

const withoutEnv = () => {
  for (const name of ['RUFUS_API_KEY', 'RUFUS_BASE_URL', 'RUFUS_LOG']) vi.stubEnv(name, undefined);
};

describe('the constructor refuses', () => {
  const BAD: { name: string; options: RufusClientOptions }[] = [
    { name: 'no key at all', options: { apiKey: undefined } },
    { name: 'an empty key', options: { apiKey: '' } },
    { name: 'a key with a newline', options: { apiKey: `${KEY}\n` } },
    { name: 'a key with a blank', options: { apiKey: 'ror-0123 456789abcdef01' } },
    { name: 'a key with a tab', options: { apiKey: `${KEY}\t` } },
    { name: 'a key with a control character', options: { apiKey: `ror-\u0000${KEY}` } },
    { name: 'a key with a header in it', options: { apiKey: `${KEY}\r\nx-evil: 1` } },
    { name: 'a key with DEL', options: { apiKey: `${KEY}\u007f` } },
    { name: 'a key that is no string', options: { apiKey: 7 as never } },
    { name: 'a base URL that is none', options: { baseUrl: 'api.runonrufus.com/v0' } },
    { name: 'another protocol', options: { baseUrl: 'ftp://api.runonrufus.com/v0' } },
    { name: 'http to a public name', options: { baseUrl: 'http://api.runonrufus.com/v0' } },
    { name: 'http to a name that begins like loopback', options: { baseUrl: 'http://127.0.0.1.evil.test/v0' } },
    { name: 'http to a name that ends like loopback', options: { baseUrl: 'http://evil-localhost/v0' } },
    { name: 'http to a private address', options: { baseUrl: 'http://192.168.1.4/v0' } },
    { name: 'http by URL object', options: { baseUrl: new URL('http://example.test/v0') } },
    { name: 'a proxy that is no URL', options: { proxy: 'not a proxy' } },
  ];
  it.each(BAD)('$name', ({ options }) => {
    withoutEnv();
    expect(() => new RufusClient({ apiKey: KEY, ...options })).toThrow(RufusConfigError);
  });

  it.each([
    'https://api.example.test/v0',
    'http://localhost:8080/v0',
    'http://127.0.0.1/v0/',
    'http://127.8.8.8/v0',
    'http://[::1]:9/v0',
    new URL('https://api.example.test'),
  ])('but not %s', async (baseUrl) => {
    withoutEnv();
    await new RufusClient({ apiKey: KEY, baseUrl }).close();
  });

  it('nor plain http where it is allowed in so many words', async () => {
    withoutEnv();
    await new RufusClient({ apiKey: KEY, baseUrl: 'http://192.168.1.4/v0', allowInsecure: true }).close();
  });

  it('withOptions refuses as the constructor does', async () => {
    const client = new RufusClient({ apiKey: KEY, baseUrl: 'https://api.example.test/v0' });
    expect(() => client.withOptions({ apiKey: 'a b' })).toThrow(RufusConfigError);
    expect(() => client.withOptions({ baseUrl: 'http://example.test' })).toThrow(RufusConfigError);
    await client.close();
  });
});

describe('the environment', () => {
  it('gives key and base URL, and is read by the constructor only', async () => {
    const server = await startServer();
    server.always(found);
    vi.stubEnv('RUFUS_API_KEY', 'ror-from-the-environment');
    vi.stubEnv('RUFUS_BASE_URL', server.url);
    const client = new RufusClient({ logLevel: 'off' });
    server.afterClose(() => client.close());
    withoutEnv();
    await client.devices.get(DEVICE);
    await client.withOptions({ timeoutMs: 5_000 }).devices.get(DEVICE);
    expect(server.requests.map((seen) => seen.headers['x-api-key'])).toEqual(Array(2).fill('ror-from-the-environment'));
  });

  it('yields to the options', async () => {
    const server = await startServer();
    server.always(found);
    vi.stubEnv('RUFUS_API_KEY', 'ror-from-the-environment');
    vi.stubEnv('RUFUS_BASE_URL', 'https://elsewhere.example.test');
    await clientOf(server).devices.get(DEVICE);
    expect(server.requests[0]?.headers['x-api-key']).toBe(KEY);
  });

  it('a malformed key from it is refused as well', () => {
    vi.stubEnv('RUFUS_API_KEY', 'ror-a b');
    expect(() => new RufusClient()).toThrow(RufusConfigError);
  });

  it('the default base URL is the API itself', async () => {
    withoutEnv();
    const { dispatcher, calls } = fakeDispatcher(new Error('no network in tests'));
    const client = new RufusClient({ apiKey: KEY, dispatcher, retry: false, logLevel: 'off' });
    await expect(client.devices.get('D1')).rejects.toThrow();
    expect(calls[0]).toMatchObject({ origin: 'https://api.runonrufus.com', path: '/v0/devices/D1' });
  });

  it('nothing of it is read at import', async () => {
    const { stdout } = await runChild(`
      const read = [];
      process.env = new Proxy({ ...process.env, RUFUS_API_KEY: 'ror-x' }, {
        get(target, name) { if (/^RUFUS|PROXY$/i.test(String(name))) read.push(name); return target[name]; },
      });
      const { RufusClient } = await import('../src/index.ts');
      console.log(read.length);
      new RufusClient();
      console.log(read.includes('RUFUS_API_KEY'));`);
    expect(stdout.trim().split('\n')).toEqual(['0', 'true']);
  });
});

describe('base URL and path', () => {
  it.each(['', '/'])('a prefix of the base URL is kept, with %j at its end', async (end) => {
    const server = await startServer();
    server.always(found);
    await clientOf(server)
      .withOptions({ baseUrl: `${server.origin}/proxy/rufus/v0${end}` })
      .devices.get('D1');
    await clientOf(server)
      .withOptions({ baseUrl: `${server.origin}${end}` })
      .devices.get('D1');
    expect(server.requests.map((seen) => seen.target)).toEqual(['/proxy/rufus/v0/devices/D1', '/devices/D1']);
  });

  it('ids are percent-encoded', async () => {
    const server = await startServer();
    server.always(json(404, {}));
    const client = clientOf(server);
    const ids = ['a/b', 'a?b#c', 'ñ 1', '%2e%2e', '../x', 'a\\b', '...'];
    for (const id of ids) await Promise.allSettled([client.devices.get(id)]);
    expect(server.requests.map((seen) => seen.target)).toEqual(
      ids.map((id) => `/v0/devices/${encodeURIComponent(id)}`),
    );
  });

  it.each(['', '.', '..'])('the id %j is refused by every operation that takes one', async (id) => {
    const server = await startServer();
    const client = clientOf(server);
    const calls: (() => PromiseLike<unknown>)[] = [
      () => client.devices.get(id),
      () => client.devices.unbind(id),
      () => client.sessions.create({ deviceid: id }),
      () => client.sessions.get(id),
      () => client.sessions.getActive(id),
      () => client.sessions.listByDevice(id),
      () => client.sessions.close(id),
      () => client.passings.insert(id, [input(1)]),
      () => client.passings.insertMany(id, [input(1)]),
      () => client.passings.listBySession(id),
      () => client.passings.listByDevice(id),
      () => client.passings.poll(id),
    ];
    for (const call of calls) await rejection(RufusRequestValidationError, (async () => call())());
    expect(server.requests).toHaveLength(0);
  });

  it.each([301, 302, 303, 307, 308])('a %i is not followed', async (status) => {
    const server = await startServer();
    const elsewhere = await startServer();
    elsewhere.always(found);
    server.always(html(status, { location: `${elsewhere.url}/devices/${DEVICE}` }));
    await expect(clientOf(server).devices.get(DEVICE)).rejects.toMatchObject({ status });
    await expect(clientOf(server).sessions.create({ deviceid: DEVICE })).rejects.toMatchObject({ status });
    expect(server.requests).toHaveLength(2);
    expect(elsewhere.connections).toBe(0);
  });
});

describe('withOptions', () => {
  it('replaces some and keeps the others', async () => {
    const server = await startServer();
    server.always(({ seen, response }) => {
      const operation = OPERATIONS.find(({ target }) => target === seen.target);
      response.writeHead(operation?.status ?? 404).end(JSON.stringify({ body: operation?.body }));
    });
    const client = clientOf(server, { authHeader: 'api_key', appInfo: { name: 'race-office', version: '1.2' } });
    const derived = client.withOptions({ apiKey: 'ror-another' });
    await derived.devices.get(DEVICE);
    await client.devices.get(DEVICE);
    expect(server.requests.map((seen) => seen.headers.api_key)).toEqual(['ror-another', KEY]);
    expect(server.requests[0]?.headers['user-agent']).toContain('race-office/1.2');
  });
});
