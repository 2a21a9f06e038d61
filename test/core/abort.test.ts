import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { RufusAbortError } from '../../src/index.js';
import { behind, drip, enveloped, gate, hang, html, json } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { DEVICE, device, input, OPERATIONS, passing, TOKEN } from '../support/operations.js';
import { startServer } from '../support/server.js';

const found = { description: 'Device found', result: device() };
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('abort', () => {
  it.each(OPERATIONS)('before the call: $name sends nothing', async (operation) => {
    const server = await startServer();
    const reason = new Error('changed my mind');
    const thrown = await rejection(
      RufusAbortError,
      operation.call(clientOf(server), { signal: AbortSignal.abort(reason) }),
    );
    expect(thrown).toMatchObject({ code: 'aborted', attempts: 0, requestMaybeProcessed: false });
    expect(thrown.cause).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });

  it('while waiting for the answer', async () => {
    const server = await startServer();
    const controller = new AbortController();
    const reason = new Error('race over');
    server.always(hang());
    const failed = rejection(RufusAbortError, clientOf(server).devices.get(DEVICE, { signal: controller.signal }));
    const seen = await server.arrival(1);
    controller.abort(reason);
    const thrown = await failed;
    expect(thrown.cause).toBe(reason);
    await seen.hungUp;
    expect(server.requests).toHaveLength(1);
    expect(listeners(controller.signal)).toBe(0);
  });

  it('in the body', async () => {
    const server = await startServer();
    const controller = new AbortController();
    server.always(drip({ ...found, padding: 'x'.repeat(5_000) }, 5));
    const failed = rejection(RufusAbortError, clientOf(server).devices.get(DEVICE, { signal: controller.signal }));
    const seen = await server.arrival(1);
    setTimeout(() => controller.abort(), 50);
    await failed;
    await seen.hungUp;
    expect(listeners(controller.signal)).toBe(0);
  });

  it('in the pause before a repeat', async () => {
    const server = await startServer();
    const controller = new AbortController();
    server.always(html(503, { 'retry-after': '30' }));
    const failed = rejection(RufusAbortError, clientOf(server).devices.get(DEVICE, { signal: controller.signal }));
    await server.arrival(1);
    setTimeout(() => controller.abort(), 50);
    expect((await failed).attempts).toBe(1);
    expect(server.requests).toHaveLength(1);
    expect(listeners(controller.signal)).toBe(0);
  });

  it('while the apiKey function thinks', async () => {
    const server = await startServer();
    const controller = new AbortController();
    const client = clientOf(server, { apiKey: () => new Promise<string>(() => {}) });
    const failed = rejection(RufusAbortError, client.devices.get(DEVICE, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 20);
    await failed;
    expect(server.requests).toHaveLength(0);
  });

  it('with a timeout signal of the platform', async () => {
    const server = await startServer();
    server.always(hang());
    const thrown = await rejection(
      RufusAbortError,
      clientOf(server).devices.get(DEVICE, { signal: AbortSignal.timeout(200) }),
    );
    expect((thrown.cause as Error).name).toBe('TimeoutError');
  });

  it('in the middle of a list, with what is fetched ahead', async () => {
    const server = await startServer();
    const controller = new AbortController();
    server.replies(json(200, { description: 'ok', result: [passing(1)] })).always(hang());
    const seen: number[] = [];
    const walk = (async () => {
      for await (const row of clientOf(server).passings.listBySession(TOKEN, {}, { signal: controller.signal })) {
        seen.push(row.num_passing);
        await server.arrival(2);
        controller.abort();
      }
    })();
    await rejection(RufusAbortError, walk);
    expect(seen).toEqual([1]);
    await server.requests[1]?.hungUp;
    expect(listeners(controller.signal)).toBe(0);
  });

  it('in insertMany, with what was confirmed', async () => {
    const server = await startServer();
    const controller = new AbortController();
    server
      .replies(enveloped(201, { description: 'ok', token_session: TOKEN, inserted_count: 1, duplicate_count: 0 }))
      .always(hang());
    const failed = rejection(
      RufusAbortError,
      clientOf(server).passings.insertMany(TOKEN, [input(1), input(2)], { batchSize: 1, signal: controller.signal }),
    );
    await server.arrival(2);
    controller.abort();
    expect((await failed).progress).toMatchObject({ inserted_count: 1, sent: 1 });
    expect(listeners(controller.signal)).toBe(0);
  });
});

describe('one signal for many calls', () => {
  it('1,000 calls leave no listener', async () => {
    const server = await startServer();
    const { signal } = new AbortController();
    server.always(({ seen, response }) => {
      const fails = seen.target.endsWith('bad');
      response
        .writeHead(fails ? 400 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ body: found }));
    });
    const client = clientOf(server);
    for (let i = 0; i < 20; i++) {
      const calls = Array.from({ length: 50 }, (_, n) => client.devices.get(n % 10 === 0 ? 'bad' : DEVICE, { signal }));
      await Promise.allSettled(calls);
    }
    expect(server.requests).toHaveLength(1_000);
    expect(listeners(signal)).toBe(0);
  });

  it('200 in parallel share one listener, raise no warning, and all hear the abort', async () => {
    const server = await startServer();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const controller = new AbortController();
    server.always(hang());
    const client = clientOf(server);
    const calls = Array.from({ length: 200 }, () =>
      rejection(RufusAbortError, client.devices.get(DEVICE, { signal: controller.signal })),
    );
    await server.arrival(16);
    expect(listeners(controller.signal)).toBe(1);
    controller.abort();
    expect(await Promise.all(calls)).toHaveLength(200);
    expect(listeners(controller.signal)).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('a call that ends does not take the listener from the others', async () => {
    const server = await startServer();
    const controller = new AbortController();
    const held = gate();
    server.replies(enveloped(200, found)).always(behind(held.opened, enveloped(200, found)));
    const client = clientOf(server);
    const waiting = rejection(
      RufusAbortError,
      (async () => {
        await server.arrival(1);
        await client.devices.get(DEVICE, { signal: controller.signal });
      })(),
    );
    await client.devices.get(DEVICE, { signal: controller.signal });
    await server.arrival(2);
    controller.abort();
    await waiting;
    held.open();
  });

  it('the signal is only listened to: nothing is dispatched on it', async () => {
    const server = await startServer();
    const { signal } = new AbortController();
    server.always(hang());
    await expect(clientOf(server, { timeoutMs: 200, retry: false }).devices.get(DEVICE, { signal })).rejects.toThrow();
    expect(signal.aborted).toBe(false);
  });
});
