import { Agent } from 'undici';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RufusConfigError } from '../../src/index.js';
import { behind, enveloped, gate, hang, html, json, raw, reset, thenCloseIdle } from '../support/behaviours.js';
import { runChild } from '../support/child.js';
import { clientAt, clientOf, fakeDispatcher, rejection } from '../support/client.js';
import { COLUMNS, DEVICE, device, OPERATIONS } from '../support/operations.js';
import { type Behaviour, startServer } from '../support/server.js';

const found = enveloped(200, { description: 'Device found', result: device() });
const once = { retry: false } as const;

describe('sockets', () => {
  it('one serves answer after answer, good and bad', async () => {
    const server = await startServer();
    const big = 'x'.repeat(300_000);
    const answers = [
      found,
      json(400, { description: big }),
      html(401),
      raw(403, ''),
      json(404, { description: 'Device not found' }),
      raw(500, big, { 'content-type': 'text/plain' }),
      html(502),
      raw(200, big),
      raw(302, big, { location: '/elsewhere' }),
      found,
    ];
    server.replies(...answers);
    // With room for one only, a socket that was given up shows as a second connection.
    const client = clientOf(server, { connections: 1 });
    for (const _ of answers) await Promise.allSettled([client.devices.get(DEVICE, once)]);
    expect(server.requests).toHaveLength(answers.length);
    expect(server.connections).toBe(1);
  });

  it('a repeat goes over the socket of the attempt before it', async () => {
    const server = await startServer();
    server.replies(raw(503, 'x'.repeat(300_000)), html(502), found);
    await clientOf(server).devices.get(DEVICE);
    expect(server.requests.map((seen) => seen.socket)).toEqual([1, 1, 1]);
  });

  it('are as many as `connections` says', async () => {
    const server = await startServer();
    const held = gate();
    server.always(behind(held.opened, found));
    const client = clientOf(server, { connections: 3 });
    const calls = Array.from({ length: 9 }, () => client.devices.get(DEVICE));
    await server.arrival(3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.requests).toHaveLength(3);
    held.open();
    await Promise.all(calls);
    expect(server.requests).toHaveLength(9);
    expect(server.connections).toBe(3);
  });

  it('are 16 at most by default', async () => {
    const server = await startServer();
    const held = gate();
    server.always(behind(held.opened, found));
    const client = clientOf(server);
    const calls = Array.from({ length: 40 }, () => client.devices.get(DEVICE));
    await server.arrival(16);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.peak).toBe(16);
    held.open();
    await Promise.all(calls);
    expect(server.connections).toBe(16);
  });

  it.each(OPERATIONS.filter(({ kind }) => kind !== 'create'))(
    'one that the server closed while idle never surfaces: $name',
    async (operation) => {
      const server = await startServer();
      server.always(thenCloseIdle(enveloped(operation.status, operation.body)));
      const client = clientOf(server);
      for (let i = 0; i < 20; i++) await operation.call(client);
      expect(server.connections).toBeGreaterThan(10);
    },
  );

  it.each(COLUMNS.filter(({ kind }) => kind !== 'create'))(
    'one that the server closes while the next request is on its way never surfaces: $name',
    async (operation) => {
      const server = await startServer();
      const used = new Set<number>();
      const good = enveloped(operation.status, operation.body);
      const onlyOnce: Behaviour = (exchange) => {
        const again = used.has(exchange.seen.socket);
        used.add(exchange.seen.socket);
        return again ? reset()(exchange) : good(exchange);
      };
      server.always(onlyOnce);
      const client = clientOf(server);
      for (let i = 0; i < 5; i++) await expect(operation.call(client)).resolves.toBeDefined();
      expect(server.requests.length).toBeGreaterThan(5);
    },
  );
});

describe('whose dispatcher', () => {
  it("the caller's is used as it is and never closed", async () => {
    const server = await startServer();
    const agent = new Agent();
    onTestFinished(() => agent.destroy());
    const request = vi.spyOn(agent, 'request');
    const closed = [vi.spyOn(agent, 'close'), vi.spyOn(agent, 'destroy')];
    server.always(found);
    const client = clientOf(server, { dispatcher: agent as never });
    await client.devices.get(DEVICE);
    await client.close();
    await client[Symbol.asyncDispose]();
    expect(request).toHaveBeenCalledOnce();
    for (const spy of closed) expect(spy).not.toHaveBeenCalled();
    const { statusCode, body } = await agent.request({ origin: server.origin, path: '/v0/x', method: 'GET' });
    await body.dump();
    expect(statusCode).toBe(200);
  });

  it('it is called with origin, path and method, and without timeouts of its own', async () => {
    const { dispatcher, calls } = fakeDispatcher(new Error('seen'));
    await expect(clientAt('https://api.example.test/v0', { dispatcher }).devices.get(DEVICE, once)).rejects.toThrow();
    expect(calls[0]).toMatchObject({
      origin: 'https://api.example.test',
      path: `/v0/devices/${DEVICE}`,
      method: 'GET',
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    expect(calls[0]?.signal).toBeInstanceOf(AbortSignal);
  });

  it('our own is shared by withOptions, and outlives the derived client', async () => {
    const server = await startServer();
    server.always(found);
    const client = clientOf(server, { connections: 1 });
    const derived = client.withOptions({ headers: { 'x-race': 'boston' } });
    await client.devices.get(DEVICE);
    await derived.devices.get(DEVICE);
    await derived.close();
    await rejection(RufusConfigError, derived.devices.get(DEVICE));
    await client.devices.get(DEVICE);
    expect(server.connections).toBe(1);
    expect(server.requests.map((seen) => seen.headers['x-race'])).toEqual([undefined, 'boston', undefined]);
  });

  it('a derived client that made the first request shares as well', async () => {
    const server = await startServer();
    server.always(found);
    const client = clientOf(server, { connections: 1 });
    await client.withOptions({}).devices.get(DEVICE);
    await client.withOptions({ timeoutMs: 5_000 }).devices.get(DEVICE);
    await client.devices.get(DEVICE);
    expect(server.connections).toBe(1);
  });
});

describe('close', () => {
  it.each(OPERATIONS)('after it, $name throws', async (operation) => {
    const server = await startServer();
    const client = clientOf(server);
    await client.close();
    const thrown = await rejection(RufusConfigError, operation.call(client));
    expect(thrown).toMatchObject({ code: 'closed', attempts: 0 });
    expect(server.requests).toHaveLength(0);
  });

  it('waits for the calls under way, and takes no new ones meanwhile', async () => {
    const server = await startServer();
    const held = gate();
    server.always(behind(held.opened, found));
    const client = clientOf(server);
    const order: string[] = [];
    const call = client.devices.get(DEVICE).then(() => order.push('answered'));
    await server.arrival(1);
    const closed = client.close().then(() => order.push('closed'));
    expect((await rejection(RufusConfigError, client.devices.get('other'))).code).toBe('closed');
    held.open();
    await Promise.all([call, closed]);
    expect(order).toEqual(['answered', 'closed']);
  });

  it('waits for the repeats of such a call too', async () => {
    const server = await startServer();
    const held = gate();
    server.replies(behind(held.opened, html(502)), found);
    const client = clientOf(server);
    const call = client.devices.get(DEVICE);
    await server.arrival(1);
    const closed = client.close();
    held.open();
    await expect(call).resolves.toMatchObject({ deviceid: DEVICE });
    await closed;
  });

  it('does so with a dispatcher of the caller as well', async () => {
    const server = await startServer();
    const agent = new Agent();
    onTestFinished(() => agent.destroy());
    const held = gate();
    server.always(behind(held.opened, found));
    const client = clientOf(server, { dispatcher: agent as never });
    const order: string[] = [];
    const call = client.devices.get(DEVICE).then(() => order.push('answered'));
    await server.arrival(1);
    const closed = client.close().then(() => order.push('closed'));
    held.open();
    await Promise.all([call, closed]);
    expect(order).toEqual(['answered', 'closed']);
  });

  it('ends the idle sockets, which the server would keep', async () => {
    const server = await startServer();
    const keep = { 'keep-alive': 'timeout=60' };
    server.always(enveloped(200, { description: 'Device found', result: device() }, keep));
    const client = clientOf(server);
    await Promise.all([client.devices.get(DEVICE), client.devices.get(DEVICE)]);
    expect(server.open).toBe(2);
    await client.close();
    await expect.poll(() => server.open, { timeout: 10_000 }).toBe(0);
  });

  it('lets the calls of a derived client end as well, and closes it with itself', async () => {
    const server = await startServer();
    const held = gate();
    server.always(behind(held.opened, found));
    const client = clientOf(server);
    const derived = client.withOptions({ timeoutMs: 20_000 });
    const call = derived.devices.get(DEVICE);
    await server.arrival(1);
    const closed = client.close();
    held.open();
    await expect(call).resolves.toMatchObject({ deviceid: DEVICE });
    await closed;
    expect((await rejection(RufusConfigError, derived.devices.get(DEVICE))).code).toBe('closed');
    expect((await rejection(RufusConfigError, client.request('GET', '/participants'))).code).toBe('closed');
  });

  it.each([0, 1])('may be called again, after %i calls', async (calls) => {
    const server = await startServer();
    server.always(found);
    const client = clientOf(server);
    for (let i = 0; i < calls; i++) await client.devices.get(DEVICE);
    await Promise.all([client.close(), client.close()]);
    await client.close();
  });

  it.each([
    { how: 'close()', script: `await client.close();` },
    { how: 'await using', script: `await client[Symbol.asyncDispose]();` },
  ])('$how: the process ends by itself', async ({ script }) => {
    const server = await startServer();
    server.replies(found, html(502), found).always(hang());
    const { code, stdout } = await runChild(
      `import { RufusClient } from '../src/index.ts';
       const client = new RufusClient({ apiKey: 'ror-0123456789abcdef0123', baseUrl: process.env.TEST_URL, timeoutMs: 3_600_000, retry: { baseDelayMs: 1 } });
       const { signal } = new AbortController();
       await client.devices.get('D1', { signal, totalTimeoutMs: 3_600_000 });
       await client.devices.get('D2', { signal });
       ${script}
       console.log('closed');`,
      { TEST_URL: server.url },
    );
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: 'closed' });
    expect(server.requests).toHaveLength(3);
  });
});
