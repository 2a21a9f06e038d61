import diagnosticsChannel from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  BadRequestError,
  NotFoundError,
  type Passing,
  RufusRequestValidationError,
  RufusResponseValidationError,
} from '../../src/index.js';
import { behind, enveloped, gate, hang, html, json, reset } from '../support/behaviours.js';
import { answerOf, clientAt, clientOf, fakeDispatcher, rejection } from '../support/client.js';
import { DEVICE, device, passing, TOKEN } from '../support/operations.js';
import { type Behaviour, type ScriptedServer, startServer } from '../support/server.js';

const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => passing(from + i));
const pageOf = (from: number, to: number) => enveloped(200, { description: 'Passings found', result: rows(from, to) });
const END = enveloped(200, { description: 'Passings found', result: [] });
const devicesPage = (page: number, has_more: boolean, ids: readonly string[]) =>
  enveloped(200, {
    description: 'ok',
    pagination: { page, limit: 2, total: 9, has_more },
    result: ids.map((id) => device(id)),
  });

const pagesAsked = (server: ScriptedServer) => server.requests.map((seen) => seen.url.searchParams.get('page'));
const byPage =
  (...pages: Behaviour[]): Behaviour =>
  (exchange) => {
    const behaviour = pages[Number(exchange.seen.url.searchParams.get('page')) - 1] ?? json(418, {});
    return behaviour(exchange);
  };

async function numbers(list: AsyncIterable<Passing>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { num_passing } of list) seen.push(num_passing);
  return seen;
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 60));

describe('the end of a list', () => {
  const ENDS = [
    { name: 'an empty page', behaviour: END },
    { name: 'a page without result', behaviour: enveloped(200, { description: 'Passings found' }) },
    { name: 'a 404 with its own description', behaviour: json(404, { description: 'Passings not found' }) },
    { name: 'a 404 in an envelope', behaviour: enveloped(404, { description: 'Session not found' }) },
  ];
  it.each(ENDS)('$name', async ({ behaviour }) => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 3), pageOf(4, 6), behaviour, behaviour));
    expect(await numbers(clientOf(server).passings.listBySession(TOKEN))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each(ENDS)('$name, reached page by page', async ({ behaviour }) => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 3), behaviour));
    const first = await clientOf(server).passings.listBySession(TOKEN);
    expect(first.hasNextPage()).toBe(true);
    const second = await first.getNextPage();
    expect(second.items).toEqual([]);
    expect(second.hasNextPage()).toBe(false);
    expect(pagesAsked(server)).toEqual(['1', '2']);
  });

  it('is never a short page', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 5), pageOf(6, 6), pageOf(7, 9), pageOf(10, 10), END, END));
    expect(await numbers(clientOf(server).passings.listBySession(TOKEN))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('is has_more: false, and nothing is asked for beyond it', async () => {
    const server = await startServer();
    server.always(byPage(devicesPage(1, true, ['A', 'B']), devicesPage(2, false, ['C', 'D'])));
    const ids: string[] = [];
    for await (const { deviceid } of clientOf(server).devices.list({ prefetch: 0 })) ids.push(deviceid);
    expect(ids).toEqual(['A', 'B', 'C', 'D']);
    expect(pagesAsked(server)).toEqual(['1', '2']);
    await clientOf(server).devices.list({ page: 2 });
    expect((await clientOf(server).devices.list({ page: 2 })).hasNextPage()).toBe(false);
  });

  it('is not an empty page that says has_more', async () => {
    const server = await startServer();
    server.always(byPage(devicesPage(1, true, ['A']), devicesPage(2, true, []), devicesPage(3, false, ['B'])));
    const ids: string[] = [];
    for await (const { deviceid } of clientOf(server).devices.list()) ids.push(deviceid);
    expect(ids).toEqual(['A', 'B']);
  });

  it('a first page may be the end: empty, without result, or has_more: false', async () => {
    const server = await startServer();
    const client = clientOf(server, { retry: false });
    for (const behaviour of [END, enveloped(200, { description: 'none' })]) {
      server.replies(behaviour);
      expect(await numbers(client.passings.listBySession(TOKEN, { prefetch: 0 }))).toEqual([]);
    }
    server.replies(enveloped(200, { description: 'ok', pagination: { page: 1, limit: 9, total: 0, has_more: false } }));
    expect((await client.devices.list()).items).toEqual([]);
    expect(server.requests).toHaveLength(3);
  });

  it('is not a 404 on the first page', async () => {
    const server = await startServer();
    server.always(json(404, { description: 'Session not found' }));
    await rejection(NotFoundError, numbers(clientOf(server).passings.listBySession(TOKEN)));
    await rejection(NotFoundError, clientOf(server).passings.listBySession(TOKEN));
  });

  it('there is nothing beyond the last page', async () => {
    const server = await startServer();
    server.always(devicesPage(1, false, ['A']));
    const page = await clientOf(server).devices.list();
    await expect((async () => page.getNextPage())()).rejects.toThrow();
    expect(server.requests).toHaveLength(1);
  });
});

describe('a page that repeats the one before it', () => {
  it('throws, once the rows before it are delivered', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 2), pageOf(3, 4), pageOf(3, 4), pageOf(3, 4), pageOf(3, 4)));
    const seen: number[] = [];
    const walk = (async () => {
      for await (const row of clientOf(server).passings.listBySession(TOKEN)) seen.push(row.num_passing);
    })();
    await rejection(RufusResponseValidationError, walk);
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('throws for getNextPage as well', async () => {
    const server = await startServer();
    server.always(pageOf(1, 2));
    const first = await clientOf(server).passings.listBySession(TOKEN);
    await rejection(RufusResponseValidationError, first.getNextPage());
  });

  it('is compared whole: one other field makes it another page', async () => {
    const server = await startServer();
    const other = [...rows(1, 2).slice(0, 1), passing(2, { bib: 'X' })];
    const sameBut = enveloped(200, { description: 'Passings found', result: other });
    server.always(byPage(pageOf(1, 2), sameBut, pageOf(1, 2), END, END));
    expect(await numbers(clientOf(server).passings.listBySession(TOKEN))).toEqual([1, 2, 1, 2, 1, 2]);
  });
});

describe('what is asked', () => {
  it('always a page, from 1, with what was given and no defaults', async () => {
    const server = await startServer();
    server.always(devicesPage(1, false, []));
    const client = clientOf(server);
    await client.devices.list();
    await client.devices.list({ page: 3, limit: 50, prefetch: 4 });
    await client.events.list({ limit: 1_000 });
    await client.passings.listBySession(TOKEN, { first: 0, last: 42 });
    await client.passings.listByDevice(DEVICE, {
      from: new Date('2013-04-15T14:00:00Z'),
      to: '2013-04-15T16:00:00.1239+01:00',
    });
    expect(server.requests.map(({ url }) => Object.fromEntries(url.searchParams))).toEqual([
      { page: '1' },
      { page: '3', limit: '50' },
      { page: '1', limit: '1000' },
      { page: '1', first: '0', last: '42' },
      { page: '1', from: '2013-04-15T14:00:00.000Z', to: '2013-04-15T15:00:00.123Z' },
    ]);
  });

  it('bad queries are not', async () => {
    const server = await startServer();
    const client = clientOf(server);
    const bad: (() => PromiseLike<unknown>)[] = [
      ...[0, -1, 1.5, Number.NaN, '2' as never].map((page) => () => client.devices.list({ page })),
      ...[0, 5_001, 2.5].map((limit) => () => client.devices.list({ limit })),
      ...[0, 1_001].map((limit) => () => client.events.list({ limit })),
      ...[-1, 0.5].map((first) => () => client.passings.listBySession(TOKEN, { first })),
      () => client.passings.listBySession(TOKEN, { page: 0 }),
      () => client.passings.listByDevice(DEVICE, { from: '2013-04-15T14:00:00' }),
      () => client.passings.listByDevice(DEVICE, { to: new Date(Number.NaN) }),
      () => client.passings.poll(DEVICE, { last: -1, token_session: TOKEN }),
      () => client.devices.list({ colour: 'red' } as never),
    ];
    for (const call of bad) await rejection(RufusRequestValidationError, (async () => call())());
    expect(server.requests).toHaveLength(0);
  });

  it('nothing before it is awaited or iterated', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 2), END, END));
    const client = clientOf(server);
    const list = client.passings.listBySession(TOKEN);
    const pages = list.pages();
    const iterator = list[Symbol.asyncIterator]();
    client.passings.listBySession('..');
    await settle();
    expect(server.requests).toHaveLength(0);
    expect((await list).items).toHaveLength(2);
    expect((await list).items).toHaveLength(2);
    expect(pagesAsked(server)).toEqual(['1']);
    await iterator.return?.();
    expect(pages[Symbol.asyncIterator]).toBeTypeOf('function');
  });
});

describe('the walk', () => {
  it('pages() gives whole pages, numbered', async () => {
    const server = await startServer();
    server.always(byPage(devicesPage(1, true, ['A', 'B']), devicesPage(2, false, ['C'])));
    const seen: [number, string[]][] = [];
    for await (const page of clientOf(server).devices.list().pages()) {
      seen.push([page.page, page.items.map(({ deviceid }) => deviceid)]);
      expect(page.response.status).toBe(200);
    }
    expect(seen).toEqual([
      [1, ['A', 'B']],
      [2, ['C']],
    ]);
  });

  it('starts where it is told', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 2), pageOf(3, 4), pageOf(5, 6), END, END));
    expect(await numbers(clientOf(server).passings.listBySession(TOKEN, { page: 2 }))).toEqual([3, 4, 5, 6]);
    expect(pagesAsked(server)).not.toContain('1');
  });

  it('toArray takes at most so many, and asks for no more pages than that takes', async () => {
    const server = await startServer();
    server.always(byPage(...Array.from({ length: 50 }, (_, i) => pageOf(2 * i + 1, 2 * i + 2))));
    const client = clientOf(server);
    const list = () => client.passings.listBySession(TOKEN, { prefetch: 0 });
    expect((await list().toArray({ limit: 3 })).map((row) => row.num_passing)).toEqual([1, 2, 3]);
    expect(pagesAsked(server)).toEqual(['1', '2']);
    expect(await list().toArray({ limit: 2 })).toHaveLength(2);
    expect(pagesAsked(server)).toEqual(['1', '2', '1']);
    expect(await list().toArray({ limit: 0 })).toEqual([]);
  });

  it('toArray gives all there is where that is less', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 3), END, END));
    expect(await clientOf(server).passings.listBySession(TOKEN).toArray({ limit: 1_000 })).toHaveLength(3);
  });

  it('an error in the middle comes after the rows before it', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 2), json(400, { description: 'no' }), html(403), html(403)));
    const seen: number[] = [];
    const walk = (async () => {
      for await (const row of clientOf(server).passings.listBySession(TOKEN, { prefetch: 3 })) {
        seen.push(row.num_passing);
        await settle();
      }
    })();
    await rejection(BadRequestError, walk);
    expect(seen).toEqual([1, 2]);
  });

  it('repeats a page that failed, and only that', async () => {
    const server = await startServer();
    server.replies(pageOf(1, 2), html(502), pageOf(3, 4), reset(), END);
    expect(await numbers(clientOf(server).passings.listBySession(TOKEN, { prefetch: 0 }))).toEqual([1, 2, 3, 4]);
    expect(pagesAsked(server)).toEqual(['1', '2', '2', '3', '3']);
  });
});

describe('prefetch', () => {
  it.each([
    { prefetch: undefined, asked: 2 },
    { prefetch: 0, asked: 1 },
    { prefetch: 1, asked: 2 },
    { prefetch: 3, asked: 4 },
  ])('$prefetch: with the first page in hand, $asked are asked for', async ({ prefetch, asked }) => {
    const server = await startServer();
    server.always(byPage(...Array.from({ length: 9 }, (_, i) => pageOf(2 * i + 1, 2 * i + 2)), END, END, END, END));
    const seen: number[] = [];
    for await (const row of clientOf(server).passings.listBySession(TOKEN, { prefetch })) {
      seen.push(row.num_passing);
      if (seen.length === 1) {
        await server.arrival(asked);
        await settle();
        expect(server.requests).toHaveLength(asked);
      }
    }
    expect(seen).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
  });

  it.each([
    { prefetch: 0, asked: 1 },
    { prefetch: 1, asked: 1 },
    { prefetch: 3, asked: 3 },
  ])('$prefetch: before the first page, $asked are asked for', async ({ prefetch, asked }) => {
    const server = await startServer();
    const held = gate();
    server.always(byPage(behind(held.opened, pageOf(1, 2)), END, END, END, END));
    const list = numbers(clientOf(server).passings.listBySession(TOKEN, { prefetch }));
    await server.arrival(asked);
    await settle();
    expect(server.requests).toHaveLength(asked);
    held.open();
    expect(await list).toEqual([1, 2]);
  });

  it('what comes next is on its way before a consumer that never waits gets busy', async () => {
    const server = await startServer();
    server.always(byPage(...Array.from({ length: 6 }, (_, i) => pageOf(2 * i + 1, 2 * i + 2)), END, END));
    let sent = 0;
    const count = () => void sent++;
    diagnosticsChannel.subscribe('undici:client:sendHeaders', count);
    const ahead: number[] = [];
    for await (const { page } of clientOf(server).passings.listBySession(TOKEN, { prefetch: 1 }).pages()) {
      ahead.push(sent - page);
    }
    diagnosticsChannel.unsubscribe('undici:client:sendHeaders', count);
    // The first request ahead has to wait for its connection.
    expect(ahead.slice(1)).toEqual([1, 1, 1, 1, 1]);
  });

  it('does not wait for timers that a test has replaced', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const page = (result: Passing[]) => answerOf(200, { body: { description: 'Passings found', result } });
    const { dispatcher } = fakeDispatcher(page(rows(1, 2)), page(rows(3, 4)), page([]));
    const list = clientAt('http://127.0.0.1', { dispatcher }).passings.listBySession(TOKEN, { prefetch: 1 });
    expect(await numbers(list)).toEqual([1, 2, 3, 4]);
  });

  it('pages come in order, in whatever order they are answered', async () => {
    const server = await startServer();
    const held = gate();
    server.always(byPage(pageOf(1, 2), behind(held.opened, pageOf(3, 4)), pageOf(5, 6), END, END, END, END));
    const list = clientOf(server).passings.listBySession(TOKEN, { prefetch: 3 });
    setTimeout(() => held.open(), 100);
    expect(await numbers(list)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('a break cancels what was fetched ahead', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 2), hang(), hang(), hang()));
    const client = clientOf(server);
    for await (const row of client.passings.listBySession(TOKEN, { prefetch: 2 })) {
      expect(row.num_passing).toBe(1);
      await server.arrival(3);
      break;
    }
    await Promise.all([server.requests[1]?.hungUp, server.requests[2]?.hungUp]);
    expect(server.requests).toHaveLength(3);
    await client.close();
  });

  it('a throw in the loop does the same, and comes out unchanged', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 2), hang(), hang()));
    const bug = new Error('a bug of the consumer');
    const walk = (async () => {
      for await (const page of clientOf(server).passings.listBySession(TOKEN).pages()) {
        await server.arrival(2);
        throw Object.assign(bug, { page });
      }
    })();
    expect(await rejection(Error, walk)).toBe(bug);
    await server.requests[1]?.hungUp;
  });

  it('a failure that was fetched ahead and never wanted is nobody’s', async () => {
    const server = await startServer();
    server.always(byPage(pageOf(1, 2), html(400), html(400)));
    for await (const row of clientOf(server).passings.listBySession(TOKEN, { prefetch: 2 })) {
      expect(row.num_passing).toBe(1);
      await server.arrival(3);
      await settle();
      break;
    }
  });
});
