import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type FollowBatch, RufusAbortError, RufusClient } from '../../src/index.js';
import { runChild } from '../support/child.js';
import { polls, Reader, range, start } from './support.js';

const FAR = { pollMs: { min: 60_000, max: 60_000 } };
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

/** Over sockets, so that it is seen whether the request is given up. */
async function served() {
  const setting = await start();
  const server = await setting.sandbox.listen();
  const client = new RufusClient({ apiKey: setting.sandbox.keys.read, baseUrl: server.url, logLevel: 'off' });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return { ...setting, client };
}

async function timed(step: () => PromiseLike<unknown>): Promise<number> {
  const before = performance.now();
  await step();
  return performance.now() - before;
}

// Where the whole machine stands still for 100 ms, the next try tells.
describe('abort', { retry: 2 }, () => {
  const reason = new Error('the race is over');

  it('ends a pause within 100 ms, with its reason as cause', async () => {
    const { open, write, client, deviceid } = await served();
    await write(await open(), [1]);
    const controller = new AbortController();
    const reader = await new Reader(client.passings.follow(deviceid, { ...FAR, signal: controller.signal })).until(1);
    expect(listeners(controller.signal)).toBe(1);
    const took = await timed(() => {
      controller.abort(reason);
      return reader.done;
    });
    expect(reader.error).toBeInstanceOf(RufusAbortError);
    expect(reader.error).toMatchObject({ operation: 'passings.follow', cause: reason });
    expect(took).toBeLessThan(100);
    expect(listeners(controller.signal)).toBe(0);
  });

  it('ends a request within 100 ms', async () => {
    const { open, client, deviceid, sandbox } = await served();
    await open();
    sandbox.fault({ on: '/passings', kind: 'hang' });
    const controller = new AbortController();
    const iterator = client.passings.follow(deviceid, { signal: controller.signal })[Symbol.asyncIterator]();
    const next = iterator.next();
    const outcome = next.then(
      () => undefined,
      (error: unknown) => error,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const took = await timed(() => {
      controller.abort();
      return outcome;
    });
    expect(await outcome).toBeInstanceOf(RufusAbortError);
    expect(took).toBeLessThan(100);
    expect(listeners(controller.signal)).toBe(0);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('while a batch is worked on ends it at the next turn, with nothing more asked or delivered', async () => {
    const { open, write, follow, spy } = await start();
    await write(await open(), [1, 3]);
    const controller = new AbortController();
    const iterator = follow({ signal: controller.signal })[Symbol.asyncIterator]();
    await iterator.next();
    expect(listeners(controller.signal)).toBe(0);
    const asked = spy.asked.length;
    controller.abort();
    await expect(iterator.next()).rejects.toBeInstanceOf(RufusAbortError);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(spy.asked.length).toBe(asked);
  });

  it('before the first turn asks nothing', async () => {
    const { follow, spy } = await start();
    const iterator = follow({ signal: AbortSignal.abort(reason) })[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ name: 'RufusAbortError', cause: reason });
    expect(spy.asked).toEqual([]);
  });

  it('ends a hundred that share a signal, without a warning', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => void warnings.push(warning);
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const { open, follow } = await start();
    await open();
    const controller = new AbortController();
    const readers = Array.from({ length: 100 }, () => new Reader(follow({ signal: controller.signal })));
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort();
    await Promise.all(readers.map(({ done }) => done));
    expect(readers.every(({ error }) => error instanceof RufusAbortError)).toBe(true);
    expect(listeners(controller.signal)).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  });
});

describe('break', { retry: 2 }, () => {
  it('ends it, without a request afterwards', async () => {
    const { open, write, follow, spy } = await start();
    await write(await open(), range(1, 10));
    const controller = new AbortController();
    const seen: FollowBatch[] = [];
    for await (const batch of follow({ signal: controller.signal })) {
      seen.push(batch);
      break;
    }
    const asked = spy.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(seen.length).toBe(1);
    expect(spy.asked.length).toBe(asked);
    expect(spy.inFlight).toBe(0);
    expect(listeners(controller.signal)).toBe(0);
  });

  it('while a request is under way gives it up at once', async () => {
    const { open, client, deviceid, sandbox } = await served();
    await open();
    sandbox.fault({ on: '/passings', kind: 'hang' });
    const iterator = client.passings.follow(deviceid)[Symbol.asyncIterator]();
    const next = iterator.next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const took = await timed(async () => iterator.return?.());
    expect(took).toBeLessThan(100);
    expect(await next).toEqual({ done: true, value: undefined });
    // It waits for calls under way: there is none left.
    expect(await timed(() => client.close())).toBeLessThan(1_000);
  });

  it('in a pause ends it at once', async () => {
    const { open, follow, spy } = await start();
    await open();
    const iterator = follow(FAR)[Symbol.asyncIterator]();
    const next = iterator.next();
    await polls(spy, 0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await timed(async () => iterator.return?.())).toBeLessThan(100);
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

it('a poll adds no listener to the signal of its follower', async () => {
  const { open, client, deviceid } = await served();
  await open();
  let polled = 0;
  const count = (): void => void polled++;
  subscribe('undici:request:create', count);
  const added = vi.spyOn(EventTarget.prototype, 'addEventListener');
  onTestFinished(() => {
    unsubscribe('undici:request:create', count);
    added.mockRestore();
  });
  const reader = new Reader(client.passings.follow(deviceid, { pollMs: { min: 2, max: 2 } }));
  while (polled < 20) await new Promise((resolve) => setImmediate(resolve));
  await reader.stop();
  // The sandbox listens for the end of each request, to signals of its own.
  const counts = new Map<unknown, number>();
  for (const signal of added.mock.contexts) counts.set(signal, (counts.get(signal) ?? 0) + 1);
  expect(Math.max(...counts.values())).toBeLessThan(5);
});

it('several turns asked for at once are served in order', async () => {
  const { open, write, follow } = await start({ pageSize: 2 });
  await write(await open(), range(1, 6));
  const iterator = follow()[Symbol.asyncIterator]();
  const turns = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
  expect(turns.flatMap(({ value }) => (value as FollowBatch).passings.map(({ num_passing }) => num_passing))).toEqual([
    1, 2, 3, 4, 5, 6,
  ]);
  await iterator.return?.();
});

it('a process that has followed ends by itself: no timer, no socket', async () => {
  const { sandbox, open, write, deviceid } = await start();
  const server = await sandbox.listen();
  onTestFinished(() => server.close());
  await write(await open(), [1, 2, 4]);
  const { code, stdout, stderr } = await runChild(
    `
    import { RufusClient } from '../src/index.js';
    const { URL_OF, KEY, DEVICE } = process.env;
    const client = new RufusClient({ apiKey: KEY, baseUrl: URL_OF });
    const signal = AbortSignal.timeout(400);
    try {
      for await (const { passings } of client.passings.follow(DEVICE, { signal })) console.log(passings.length);
    } catch (error) {
      console.log(error.name);
    }
    for await (const { passings } of client.passings.follow(DEVICE)) break;
    await client.close();
    const left = process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|Immediate/.test(kind));
    console.log(JSON.stringify(left));
    `,
    { URL_OF: server.url, KEY: sandbox.keys.read, DEVICE: deviceid },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout.trim().split('\n')).toEqual(['3', 'RufusAbortError', '[]']);
});
