// The table of answers over real sockets: what a network does cannot be scripted without one.
import { describe, expect, it } from 'vitest';
import type { Outbox } from '../../src/outbox/types.js';
import {
  drip,
  empty,
  gate,
  halfJson,
  hang,
  html,
  json,
  raw,
  reset,
  resetEarly,
  truncated,
} from '../support/behaviours.js';
import { clientAt, clientOf, refusedPort } from '../support/client.js';
import { TOKEN } from '../support/operations.js';
import { type Behaviour, type ScriptedServer, startServer } from '../support/server.js';
import { all, counts, listen, opened, runners, tempFolder } from './support/rig.js';

interface Body {
  token_session: string;
  passings_list: { num_passing: number }[];
}
const numsOf = (server: ScriptedServer) =>
  server.requests.map((seen) => (seen.json() as Body).passings_list.map(({ num_passing }) => num_passing));

/** Takes what comes, as the API does: what it has already, it counts. */
function store(): { behaviour: Behaviour; numbers: Set<number> } {
  const numbers = new Set<number>();
  return {
    numbers,
    behaviour: (exchange) => {
      const { token_session, passings_list } = exchange.seen.json() as Body;
      const before = numbers.size;
      for (const { num_passing } of passings_list) numbers.add(num_passing);
      const inserted_count = numbers.size - before;
      const duplicate_count = passings_list.length - inserted_count;
      const body = { description: 'Passings inserted succesfully', token_session, inserted_count, duplicate_count };
      return json(201, { body })(exchange);
    },
  };
}

async function delivering(server: ScriptedServer, timeoutMs = 5_000): Promise<Outbox> {
  const client = clientOf(server, { timeoutMs });
  return opened({ client, directory: await tempFolder(), session: { token_session: TOKEN, startAt: 1 } });
}

const receipt = (more: object = {}) => ({ description: 'Success', token_session: TOKEN, ...more });

describe('not delivered: the same again, and nothing is lost or parked', () => {
  const rows: [name: string, behaviour: () => Behaviour, maybeProcessed: boolean, timeoutMs?: number][] = [
    ['a captive portal', () => html(200), true],
    ['an empty 200', () => empty(), true],
    ['half a JSON', () => halfJson(receipt()), true],
    ['another shape', () => json(200, { ok: true }), true],
    ['another session', () => json(201, receipt({ token_session: 'F'.repeat(64) })), true],
    ['counts that do not add up', () => json(201, receipt({ inserted_count: 1, duplicate_count: 1 })), true],
    ['a redirect', () => raw(302, '', { location: 'http://127.0.0.1:9/login' }), false],
    ['408', () => json(408, {}), false],
    ['425', () => json(425, {}), false],
    ['429', () => json(429, {}), false],
    ['500', () => json(500, { body: null }), true],
    ['502 of a gateway', () => html(502), true],
    ['503', () => empty(503), true],
    ['504', () => html(504), true],
    ['404 of a gateway', () => html(404), false],
    ['404 of another path', () => json(404, { message: 'Not Found' }), false],
    ['405', () => empty(405), false],
    ['a reset', () => reset(), true],
    ['a reset before the body was read', () => resetEarly(), true],
    ['a truncated answer', () => truncated(receipt()), true],
    ['a truncated answer, RST', () => truncated(receipt(), 'rst'), true],
    ['a chunked answer without end', () => truncated(receipt(), 'chunked'), true],
    ['no answer', () => hang(), true, 200],
    ['an answer by drops', () => drip(receipt(), 20), true, 200],
  ];
  it.each(rows)('%s', async (_, behaviour, maybeProcessed, timeoutMs) => {
    const server = await startServer();
    const { behaviour: storing, numbers } = store();
    server.replies(behaviour(), behaviour()).always(storing);
    const outbox = await delivering(server, timeoutMs);
    const events = listen(outbox);
    await outbox.append(runners(3));
    await outbox.drained();
    expect(events.of('retry').map((retry) => retry.maybeProcessed)).toEqual([maybeProcessed, maybeProcessed]);
    expect([...numbers]).toEqual([1, 2, 3]);
    expect(server.peak).toBe(1);
    expect(counts(outbox)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
    expect(events.of('collision')).toEqual([]);
  });

  it('refused', async () => {
    const client = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    const outbox = await opened({
      client,
      directory: await tempFolder(),
      session: { token_session: TOKEN, startAt: 1 },
    });
    const events = listen(outbox);
    await outbox.append(runners(2));
    await expect.poll(() => events.of('retry').length).toBeGreaterThan(2);
    expect(events.of('retry').every(({ maybeProcessed }) => !maybeProcessed)).toBe(true);
    expect(counts(outbox)).toMatchObject({ pending: 2 });
  });
});

describe('stored, and the answer is lost', () => {
  it.each([
    ['reset', () => reset()],
    ['truncated', () => truncated(receipt())],
  ])('%s: sent again, counted as duplicates, no collision', async (_, lose) => {
    const server = await startServer();
    const { behaviour, numbers } = store();
    const losing: Behaviour = async (exchange) => {
      for (const { num_passing } of (exchange.seen.json() as Body).passings_list) numbers.add(num_passing);
      await lose()(exchange);
    };
    server.replies(losing).always(behaviour);
    const outbox = await delivering(server);
    const events = listen(outbox);
    await outbox.append(runners(3));
    await outbox.drained();
    expect(outbox.stats()).toMatchObject({ delivered: 3, inserted: 0, duplicates: 3, requests: 2, retries: 1 });
    expect(events.of('collision')).toEqual([]);
  });
});

it('halves what timed out, and what may be stored stays excused in both halves', async () => {
  const server = await startServer();
  const { behaviour, numbers } = store();
  const slow: Behaviour = (exchange) => {
    const { passings_list } = exchange.seen.json() as Body;
    for (const { num_passing } of passings_list) numbers.add(num_passing);
    return hang()(exchange);
  };
  server.replies(slow).always(behaviour);
  const outbox = await delivering(server, 300);
  const events = listen(outbox);
  await outbox.append(runners(8));
  await outbox.drained();
  expect(numsOf(server)).toEqual([
    [1, 2, 3, 4, 5, 6, 7, 8],
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
  expect(outbox.stats()).toMatchObject({ delivered: 8, duplicates: 8 });
  expect(events.of('collision')).toEqual([]);
});

it('gets a batch through a link that is too slow for it, and grows again', async () => {
  const server = await startServer();
  const { behaviour } = store();
  let narrow = true;
  server.always((exchange) =>
    narrow && (exchange.seen.json() as Body).passings_list.length > 5 ? hang()(exchange) : behaviour(exchange),
  );
  const outbox = await delivering(server, 200);
  await outbox.append(runners(16));
  await outbox.drained();
  const sizes = () => numsOf(server).map(({ length }) => length);
  expect(sizes()).toEqual([16, 8, 4, 4, 4, 4]);
  narrow = false;
  for (let n = 0; n < 40 && sizes().at(-1) !== 16; n++) {
    await outbox.append(runners(16));
    await outbox.drained();
  }
  expect(sizes().at(-1)).toBe(16);
});

it('401 and 403 for a while: blocked, nothing parked, unblocked by itself', async () => {
  const server = await startServer();
  const { behaviour, numbers } = store();
  let forbidden = true;
  let n = 0;
  server.always((exchange) =>
    forbidden ? json(n++ % 2 === 0 ? 401 : 403, { message: 'Forbidden' })(exchange) : behaviour(exchange),
  );
  const client = clientOf(server);
  const session = { token_session: TOKEN, startAt: 1 };
  const outbox = await opened({ client, directory: await tempFolder(), session, probeMs: 20 });
  await outbox.append(runners(3));
  await expect.poll(() => server.requests.length).toBeGreaterThan(4);
  expect(outbox.stats()).toMatchObject({ state: 'blocked', parked: 0, pending: 3 });
  forbidden = false;
  await outbox.drained();
  expect([...numbers]).toEqual([1, 2, 3]);
});

it('poison among many: exactly those are parked, in one request at a time, in order', async () => {
  const server = await startServer();
  const { behaviour, numbers } = store();
  const poison = (body: Body) => body.passings_list.some(({ num_passing }) => num_passing % 37 === 0);
  server.always((exchange) =>
    poison(exchange.seen.json() as Body) ? json(400, { description: 'Bad bib' })(exchange) : behaviour(exchange),
  );
  const outbox = await delivering(server);
  await outbox.append(runners(300));
  await outbox.drained();
  expect(
    (await all(outbox.parked())).map(({ num_passing, reason, status, response }) => [
      num_passing,
      reason,
      status,
      response,
    ]),
  ).toEqual([37, 74, 111, 148, 185, 222, 259, 296].map((num) => [num, 'rejected', 400, '{"description":"Bad bib"}']));
  expect([...numbers]).toEqual(Array.from({ length: 300 }, (_, i) => i + 1).filter((num) => num % 37 !== 0));
  expect(server.peak).toBe(1);
});

it('closes at once while a request hangs, and sends the same after a restart', async () => {
  const server = await startServer();
  const { behaviour, numbers } = store();
  server.replies(hang());
  const client = clientOf(server);
  const directory = await tempFolder();
  const session = { token_session: TOKEN, startAt: 1 };
  const outbox = await opened({ client, directory, session });
  await outbox.append(runners(3));
  await server.arrival(1);
  expect(await outbox.close()).toEqual({ pending: 3, parked: 0 });
  server.always((exchange) =>
    exchange.seen.method === 'POST' ? behaviour(exchange) : json(200, { result: [] })(exchange),
  );
  const again = await opened({ client, directory, session });
  await again.drained();
  expect([...numbers]).toEqual([1, 2, 3]);
});

it('sends nothing while the answer of the one before is open, whatever is appended', async () => {
  const server = await startServer();
  const { behaviour } = store();
  const { opened: held, open } = gate();
  server.replies(async (exchange) => {
    await held;
    await behaviour(exchange);
  });
  server.always(behaviour);
  const outbox = await delivering(server);
  await outbox.append(runners(1));
  await server.arrival(1);
  await outbox.append(runners(5, 2));
  await outbox.append(runners(1, 7));
  expect(server.requests).toHaveLength(1);
  open();
  await outbox.drained();
  expect(numsOf(server).flat()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(server.peak).toBe(1);
});
