import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { RufusTimeoutError, ServerError } from '../../src/index.js';
import { behind, drip, enveloped, gate, hang, html, json, raw } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { DEVICE, device } from '../support/operations.js';
import { startServer } from '../support/server.js';

const found = { description: 'Device found', result: device() };

describe('timeoutMs', () => {
  it('covers the headers', async () => {
    const server = await startServer();
    server.always(hang());
    const thrown = await rejection(
      RufusTimeoutError,
      clientOf(server, { timeoutMs: 300, retry: false }).devices.get(DEVICE),
    );
    expect(thrown).toMatchObject({ timeoutMs: 300, attempts: 1, code: 'timeout' });
    await server.requests[0]?.hungUp;
  });

  it('covers a body that comes a byte at a time, and hangs up on it', async () => {
    const server = await startServer();
    server.always(drip({ ...found, padding: 'x'.repeat(5_000) }, 10));
    const thrown = await rejection(
      RufusTimeoutError,
      clientOf(server, { timeoutMs: 300, retry: false }).devices.get(DEVICE),
    );
    expect(thrown.timeoutMs).toBe(300);
    await server.requests[0]?.hungUp;
  });

  it('covers the body of an error too', async () => {
    const server = await startServer();
    server.always(drip({ description: 'x'.repeat(5_000) }, 10, 400));
    await rejection(RufusTimeoutError, clientOf(server, { timeoutMs: 300, retry: false }).devices.get(DEVICE));
  });

  it('is one attempt, not the call', async () => {
    const server = await startServer();
    server.replies(hang(), hang(), enveloped(200, found));
    await expect(clientOf(server).devices.get(DEVICE, { timeoutMs: 300 })).resolves.toMatchObject({ deviceid: DEVICE });
    expect(server.requests).toHaveLength(3);
  });

  it('of the call goes before that of the client', async () => {
    const server = await startServer();
    server.always(hang());
    const client = clientOf(server, { timeoutMs: 60_000, retry: false });
    expect((await rejection(RufusTimeoutError, client.devices.get(DEVICE, { timeoutMs: 200 }))).timeoutMs).toBe(200);
  });

  it('a slow body that ends in time is an answer', async () => {
    const server = await startServer();
    server.always(drip(found, 1));
    await expect(clientOf(server, { retry: false }).devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
  });

  it('covers an apiKey function that never answers', async () => {
    const server = await startServer();
    const client = clientOf(server, { apiKey: () => new Promise<string>(() => {}), timeoutMs: 200, retry: false });
    await rejection(RufusTimeoutError, client.devices.get(DEVICE));
    expect(server.requests).toHaveLength(0);
  });
});

describe('totalTimeoutMs', () => {
  it('ends a call in the middle of an attempt', async () => {
    const server = await startServer();
    server.replies(html(502)).always(hang());
    const thrown = await rejection(RufusTimeoutError, clientOf(server).devices.get(DEVICE, { totalTimeoutMs: 500 }));
    expect(thrown).toMatchObject({ timeoutMs: 500, attempts: 2 });
    expect(server.requests).toHaveLength(2);
  });

  it('cuts the attempts it has time for', async () => {
    const server = await startServer();
    server.always(hang());
    const call = clientOf(server, { retry: { maxRetries: 1_000 } }).devices.get(DEVICE, {
      timeoutMs: 200,
      totalTimeoutMs: 700,
    });
    const thrown = await rejection(RufusTimeoutError, call);
    expect(server.requests.length).toBeGreaterThan(1);
    expect(server.requests.length).toBeLessThan(5);
    expect(thrown.attempts).toBe(server.requests.length);
  });

  it('throws the last failure at once where the pause would outlast it', async () => {
    const server = await startServer();
    server.always(json(503, { description: 'busy' }, { 'retry-after': '30' }));
    const started = performance.now();
    const thrown = await rejection(ServerError, clientOf(server).devices.get(DEVICE, { totalTimeoutMs: 15_000 }));
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(thrown).toMatchObject({ status: 503, attempts: 1, retryAfterMs: 30_000, description: 'busy' });
    expect(server.requests).toHaveLength(1);
  });

  it('counts the back-off too, not only Retry-After', async () => {
    const server = await startServer();
    server.always(html(502));
    // Full jitter may draw a pause near nothing: a budget that has run out by the second attempt needs many draws.
    const client = clientOf(server, { retry: { baseDelayMs: 600_000, maxDelayMs: 600_000, maxRetries: 1_000 } });
    const thrown = await rejection(ServerError, client.devices.get(DEVICE, { totalTimeoutMs: 3_000 }));
    expect(thrown).toMatchObject({ status: 502, attempts: server.requests.length });
    expect(server.requests.length).toBeLessThan(10);
  });
});

describe('timers and listeners', () => {
  it('none is left by a call that ended, whichever way', async () => {
    const server = await startServer();
    const { signal } = new AbortController();
    const client = clientOf(server, { timeoutMs: 777_000, retry: false });
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    server.replies(enveloped(200, found));
    await client.devices.get(DEVICE, { signal });
    // The agent's own keep-alive timer is running from here on.
    const before = timers();
    server.replies(enveloped(200, found), html(502), raw(200, 'no JSON'));
    for (let i = 0; i < 3; i++)
      await Promise.allSettled([client.devices.get(DEVICE, { signal, totalTimeoutMs: 888_000 })]);
    expect(server.requests).toHaveLength(4);
    expect(timers()).toBeLessThanOrEqual(before);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('the clock starts with the call, not with the client', async () => {
    const server = await startServer();
    const held = gate();
    server.replies(behind(held.opened, enveloped(200, found)), enveloped(200, found));
    const client = clientOf(server, { timeoutMs: 10_000 });
    const slow = client.devices.get(DEVICE);
    await server.arrival(1);
    await expect(client.devices.get(DEVICE)).resolves.toBeDefined();
    held.open();
    await expect(slow).resolves.toBeDefined();
  });
});
