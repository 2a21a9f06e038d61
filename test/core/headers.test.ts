import { describe, expect, it } from 'vitest';
import { RufusConfigError, RufusError } from '../../src/index.js';
import { enveloped, html } from '../support/behaviours.js';
import { clientOf, KEY, rejection } from '../support/client.js';
import { DEVICE, device, OPERATIONS } from '../support/operations.js';
import { type Seen, startServer } from '../support/server.js';

const body = { description: 'Device found', result: device() };
const found = enveloped(200, body);
const valuesOf = (seen: Seen | undefined, name: string) =>
  (seen?.rawHeaders ?? []).filter((_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === name);

describe('the key', () => {
  it('goes in x-api-key, and in that alone', async () => {
    const server = await startServer();
    server.always(found);
    await clientOf(server).devices.get(DEVICE);
    expect(server.requests[0]?.headers).toMatchObject({ 'x-api-key': KEY });
    expect(server.requests[0]?.headers).not.toHaveProperty('api_key');
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization');
    expect(server.requests[0]?.target).not.toContain(KEY);
  });

  it('or in api_key', async () => {
    const server = await startServer();
    server.always(found);
    await clientOf(server, { authHeader: 'api_key' }).devices.get(DEVICE);
    expect(server.requests[0]?.headers).toMatchObject({ api_key: KEY });
    expect(server.requests[0]?.headers).not.toHaveProperty('x-api-key');
  });

  it('a function is asked for each attempt', async () => {
    const server = await startServer();
    server.replies(html(502), html(502), found);
    let calls = 0;
    await clientOf(server, { apiKey: () => `ror-${++calls}` }).devices.get(DEVICE);
    expect(server.requests.map((seen) => seen.headers['x-api-key'])).toEqual(['ror-1', 'ror-2', 'ror-3']);
  });

  it('it may be asynchronous', async () => {
    const server = await startServer();
    server.always(found);
    await clientOf(server, { apiKey: async () => KEY }).devices.get(DEVICE);
    expect(server.requests[0]?.headers['x-api-key']).toBe(KEY);
  });

  it.each(['', 'a b', `${KEY}\n`, undefined, 7])('what it returns is judged as an option is: %j', async (value) => {
    const server = await startServer();
    let calls = 0;
    const client = clientOf(server, {
      apiKey: () => {
        calls++;
        return value as string;
      },
    });
    await rejection(RufusConfigError, client.devices.get(DEVICE));
    expect(calls).toBe(1);
    expect(server.requests).toHaveLength(0);
  });

  it.each([
    {
      name: 'throws',
      apiKey: (error: Error) => () => {
        throw error;
      },
    },
    {
      name: 'rejects',
      apiKey: (error: Error) => async () => {
        throw error;
      },
    },
  ])('where it $name, nothing is sent or repeated, and the reason is told', async ({ apiKey }) => {
    const server = await startServer();
    const reason = new Error('the vault is sealed');
    let calls = 0;
    const failing = apiKey(reason);
    const client = clientOf(server, {
      apiKey: () => {
        calls++;
        return failing();
      },
    });
    const thrown: unknown = await client.devices.get(DEVICE).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(
      thrown === reason || (thrown instanceof RufusError && String(thrown.cause ?? thrown).includes('sealed')),
    ).toBe(true);
    expect(calls).toBe(1);
    expect(server.requests).toHaveLength(0);
  });
});

describe('other headers', () => {
  it('say who we are and what we speak', async () => {
    const server = await startServer();
    server.always(({ seen, response }) => {
      const operation = OPERATIONS.find(({ target, method }) => target === seen.target && method === seen.method);
      response.writeHead(operation?.status ?? 404).end(JSON.stringify(operation?.body));
    });
    const client = clientOf(server, { appInfo: { name: 'race-office', version: '1.2' } });
    for (const operation of OPERATIONS) await operation.call(client);
    for (const seen of server.requests) {
      expect(seen.headers['user-agent']).toMatch(/^rufus-client\/\d+\.\d+\.\d+.* node\/\d+.*race-office\/1\.2/);
      expect(seen.headers.accept).toContain('application/json');
      if (seen.method === 'POST') expect(seen.headers['content-type']).toMatch(/^application\/json/);
      else expect(seen.headers).not.toHaveProperty('content-type');
      expect(seen.headers.host).toBe(`127.0.0.1:${server.port}`);
    }
  });

  it('appInfo may do without a version, and without appInfo nothing is undefined', async () => {
    const server = await startServer();
    server.always(found);
    await clientOf(server, { appInfo: { name: 'race-office' } }).devices.get(DEVICE);
    await clientOf(server).devices.get(DEVICE);
    expect(server.requests[0]?.headers['user-agent']).toContain('race-office');
    for (const seen of server.requests) expect(seen.headers['user-agent']).not.toContain('undefined');
  });

  it("the client's and the call's are sent, the call's go first, null removes", async () => {
    const server = await startServer();
    server.always(found);
    const client = clientOf(server, { headers: { 'x-race': 'boston', 'x-mat': 'finish', 'x-gone': 'no' } });
    await client.devices.get(DEVICE, { headers: { 'X-Mat': '40k', 'x-gone': null, 'x-more': '1' } });
    expect(server.requests[0]?.headers).toMatchObject({ 'x-race': 'boston', 'x-more': '1' });
    expect(valuesOf(server.requests[0], 'x-mat')).toEqual(['40k']);
    expect(server.requests[0]?.headers).not.toHaveProperty('x-gone');
    await client.devices.get(DEVICE);
    expect(server.requests[1]?.headers).toMatchObject({ 'x-mat': 'finish', 'x-gone': 'no' });
  });

  it('a default one is replaced or removed, however it is spelt', async () => {
    const server = await startServer();
    server.always(found);
    const client = clientOf(server);
    await client.devices.get(DEVICE, { headers: { 'User-Agent': 'timer/9', ACCEPT: null } });
    expect(valuesOf(server.requests[0], 'user-agent')).toEqual(['timer/9']);
    expect(server.requests[0]?.headers).not.toHaveProperty('accept');
    await client.devices.get(DEVICE, { headers: { 'X-API-Key': null, authorization: 'Bearer gateway' } });
    expect(server.requests[1]?.headers).not.toHaveProperty('x-api-key');
    expect(server.requests[1]?.headers.authorization).toBe('Bearer gateway');
  });
});

describe('the request id', () => {
  const IDS = ['x-amzn-requestid', 'x-request-id', 'x-amz-request-id', 'apigw-requestid', 'cf-ray'];

  it.each(IDS.map((name, i) => ({ name, later: IDS.slice(i) })))(
    '$name goes before what follows it',
    async ({ name, later }) => {
      const server = await startServer();
      const headers = Object.fromEntries(later.map((header) => [header, `id of ${header}`]));
      server.replies(enveloped(200, body, headers), enveloped(400, {}, headers));
      const client = clientOf(server);
      expect((await client.devices.get(DEVICE).withResponse()).response.requestId).toBe(`id of ${name}`);
      await expect(client.devices.get(DEVICE)).rejects.toMatchObject({ requestId: `id of ${name}` });
    },
  );

  it('is undefined where the server gives none', async () => {
    const server = await startServer();
    server.always(found);
    expect((await clientOf(server).devices.get(DEVICE).withResponse()).response.requestId).toBeUndefined();
  });
});
