// What becomes of a batch that cannot simply be sent: numbers to be confirmed first, and a session that takes no more.
import { describe, expect, it } from 'vitest';
import { RufusTimeoutError } from '../../src/index.js';
import { rest } from './support/clock.js';
import type { MemoryFolder } from './support/memory-journal.js';
import { all, counts, runner, runners } from './support/rig.js';
import { race } from './support/session-race.js';

type World = Awaited<ReturnType<typeof race>>;
const READING = 'GET /passings/session/{token_session}';

/** Somebody else, or a request whose answer was lost, brings the server these. */
async function store({ server, token_session }: World, first: number, ...bibs: number[]) {
  const passings = bibs.map((bib, index) => ({ ...runner(bib), num_passing: first + index }));
  await server.passings.insert(token_session, passings);
}

describe('numbers that the server was not asked for', () => {
  /** Passings 4 to 7 are pending, and from `from` on their numbers are to be confirmed. */
  async function unconfirmed(from: number) {
    const world = await race();
    const { outbox, events } = await world.open();
    await outbox.append(runners(3));
    await outbox.drained();
    outbox.pause();
    await outbox.append(runners(4, 4));
    world.folder.unconfirmed.set(world.token_session, from);
    events.told.length = 0;
    return { ...world, outbox, events };
  }

  it('are others from the first on that it has, and those before it stay', async () => {
    const world = await unconfirmed(6);
    const { outbox, events, token_session, at } = world;
    await store(world, 6, 99);
    outbox.resume();
    await outbox.drained();
    expect(events.of('numbersSkipped')).toMatchObject([{ token_session, from: 6, to: 8 }]);
    expect(at(token_session)).toEqual(['1:1', '2:2', '3:3', '4:4', '5:5', '6:99', '8:6', '9:7']);
    expect([events.of('collision'), events.of('retry')]).toEqual([[], []]);
    expect(counts(outbox)).toEqual({ appended: 7, delivered: 7, parked: 0, pending: 0 });
  });

  it('are sent as they are, and at once, where it has none of them', async () => {
    const { outbox, events, token_session, at, folder } = await unconfirmed(4);
    outbox.resume();
    await outbox.drained();
    expect(at(token_session)).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => `${n}:${n}`));
    expect([events.of('numbersSkipped'), events.of('retry')]).toEqual([[], []]);
    expect(folder.unconfirmed.size).toBe(0);
  });

  it('wait for its answer', async () => {
    const { outbox, events, sandbox, token_session, at, clock } = await unconfirmed(4);
    sandbox.fault({ kind: 'status', status: 503, on: READING });
    outbox.resume();
    await clock.pass(50);
    expect(events.of('retry')).toMatchObject([{ cause: { status: 503 } }]);
    expect(at(token_session)).toHaveLength(3);
    await clock.pass(1_000);
    expect(at(token_session)).toHaveLength(7);
  });

  it('end the row of failures with its answer', async () => {
    const { outbox, events, sandbox, clock } = await unconfirmed(4);
    sandbox.fault({ kind: 'status', status: 503, on: READING, times: 2 });
    sandbox.fault({ kind: 'status', status: 503, on: 'POST /passings' });
    outbox.resume();
    await clock.pass(5_000);
    expect(events.of('retry').map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
  });

  it('hold up nobody while they are not at the front', async () => {
    const { outbox, sandbox, token_session, at, clock } = await unconfirmed(8);
    sandbox.fault({ kind: 'status', status: 503, on: READING, times: 1_000 });
    outbox.resume();
    await clock.pass(100);
    expect(at(token_session)).toHaveLength(7);
  });
});

describe('a session that takes no more', () => {
  it('has a part of what is in doubt: that is delivered, and the rest is parked with the refusal', async () => {
    const world = await race();
    const { sandbox, server, token_session, clock } = world;
    const { outbox, events } = await world.open();
    sandbox.fault({ kind: 'reset-before', on: 'POST /passings' });
    await outbox.append(runners(4));
    await clock.pass(50);
    expect(counts(outbox)).toMatchObject({ pending: 4 });
    await store(world, 1, 1, 2);
    await server.sessions.close(token_session);
    await clock.pass(1_000);
    expect(counts(outbox)).toEqual({ appended: 4, delivered: 2, parked: 2, pending: 0 });
    expect(outbox.stats()).toMatchObject({ inserted: 2, duplicates: 0 });
    expect(events.of('delivered')).toEqual([{ count: 2, inserted: 2, duplicates: 0, firstNum: 1, lastNum: 2 }]);
    const parked = await all(outbox.parked());
    expect(parked).toMatchObject([3, 4].map((num_passing) => ({ num_passing, reason: 'session-closed', status: 404 })));
    expect(parked[0]!.response).toContain('Session not found or closed');
    expect(events.of('parked')).toEqual(parked.map((passing) => ({ passing })));
  });

  it("and is not the current one: with 'new-session' a backlog of thousands goes to the current one, in a few steps", async () => {
    const { server, token_session, open, folder, at } = await race({ onSessionClosed: 'new-session' });
    const { outbox: killed } = await open();
    killed.pause();
    for (let n = 0; n < 20; n++) await killed.append(runners(500, 1 + 500 * n));
    await server.sessions.close(token_session);
    const other = await server.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-2' });
    const next = await server.sessions.create({ deviceid: other.deviceid });
    let moves = 0;
    folder.fault = (step) => void (step === 'move' && moves++);
    const { outbox, events } = await open({ session: { token_session: next.token_session, startAt: 1 } });
    await outbox.drained();
    expect(at(token_session)).toEqual([]);
    expect(at(next.token_session)).toEqual(Array.from({ length: 10_000 }, (_, i) => `${i + 1}:${i + 1}`));
    expect(moves).toBeLessThan(5);
    expect([events.of('retry'), events.of('collision')]).toEqual([[], []]);
    expect(counts(outbox)).toEqual({ appended: 10_000, delivered: 10_000, parked: 0, pending: 0 });
  });
});

describe('what is pending and cannot be read yet', () => {
  /** The disk is a step behind: `readable` says whether it has caught up. */
  function behind(folder: MemoryFolder) {
    const disk = { readable: false };
    const { open } = folder;
    folder.open = async (options) => {
      const journal = await open(options);
      const read = journal.read.bind(journal);
      return Object.assign(journal, {
        read: async (limits: Parameters<typeof read>[0]) => (disk.readable ? read(limits) : []),
      });
    };
    return disk;
  }

  it('is looked for again soon, and is no failure', async () => {
    const { folder, open, at, token_session, clock } = await race();
    const disk = behind(folder);
    const { outbox, events } = await open();
    await outbox.append(runners(2));
    await clock.pass(1_000);
    expect(outbox.stats()).toMatchObject({ pending: 2, requests: 0 });
    disk.readable = true;
    await clock.pass(50);
    expect(at(token_session)).toEqual(['1:1', '2:2']);
    expect(events.of('retry')).toEqual([]);
  });

  it('is looked for at once where somebody waits', async () => {
    const { folder, open, at, token_session, clock } = await race();
    const disk = behind(folder);
    const { outbox } = await open();
    await outbox.append(runners(2));
    await clock.pass(51);
    disk.readable = true;
    const drained = outbox.drained();
    await rest();
    expect(at(token_session)).toEqual(['1:1', '2:2']);
    await drained;
  });

  it('makes a switch wait that has created its session: no other is created', async () => {
    const { folder, open, at, token_session, clock, tokens, deviceid, clientOf } = await race();
    const disk = behind(folder);
    const client = clientOf({
      middleware: [
        async (context, next) => {
          if (context.operation === 'sessions.create') await outbox.append(runners(2));
          return next(context);
        },
      ],
    });
    const { outbox, events } = await open({}, client);
    const switched = outbox.switchSession({ deviceid, open: 'new' });
    await clock.pass(0);
    expect(events.of('retry')).toMatchObject([{ cause: { message: 'What is pending cannot be read yet' } }]);
    expect(outbox.token_session).toBe(token_session);
    disk.readable = true;
    await clock.pass(5_000);
    expect(tokens()).toEqual([token_session, await switched]);
    expect(at(await switched)).toEqual(['1:1', '2:2']);
    expect(counts(outbox)).toEqual({ appended: 2, delivered: 2, parked: 0, pending: 0 });
  });
});

it('a passing that stands alone and is too slow as well is sent again, and so is what comes after it', async () => {
  let slow = 2;
  const { at, open, token_session, clock, clientOf } = await race();
  const client = clientOf({
    middleware: [
      (context, next) => {
        if (context.operation === 'passings.insert' && slow-- > 0) {
          throw new RufusTimeoutError('slow', { timeoutMs: 1, requestMaybeProcessed: true });
        }
        return next(context);
      },
    ],
  });
  const { outbox, events } = await open({}, client);
  await outbox.append(runners(2));
  await clock.pass(10_000);
  expect(at(token_session)).toEqual(['1:1', '2:2']);
  expect(events.of('delivered').map(({ count }) => count)).toEqual([1, 1]);
});

it('no session is created before the last delivery to the old one is durable', async () => {
  const { open, deviceid, folder, tokens } = await race();
  const { outbox } = await open();
  const written = folder.holdAcknowledgements();
  await outbox.append(runners(2));
  const switched = outbox.switchSession({ deviceid, open: 'new' });
  await rest();
  expect(counts(outbox)).toMatchObject({ delivered: 2 });
  expect(tokens()).toHaveLength(1);
  written();
  expect(tokens()).toEqual([outbox.token_session]);
  await switched;
  expect(tokens()).toHaveLength(2);
});

it('no session is created while a batch is under way that the old one may have stored', async () => {
  let isDown = true;
  const { open, at, deviceid, token_session, clock, clientOf, tokens, sandbox } = await race();
  const client = clientOf({
    middleware: [
      async (context, next) => {
        const answer = await next(context);
        if (context.operation !== 'passings.insert' || !isDown) return answer;
        throw new RufusTimeoutError('lost', { timeoutMs: 1, requestMaybeProcessed: true });
      },
    ],
  });
  const { outbox } = await open({ backoff: { firstMs: 500, maxMs: 500 } }, client);
  sandbox.fault({ kind: 'status', status: 503, on: 'POST /sessions', times: 1 });
  const switched = outbox.switchSession({ deviceid, open: 'new' });
  await clock.pass(0);
  await outbox.append(runner(1));
  await clock.pass(10_000);
  expect(tokens()).toEqual([token_session]);
  isDown = false;
  await clock.pass(1_000);
  expect(tokens()).toEqual([token_session, await switched]);
  expect([at(token_session), at(await switched)]).toEqual([['1:1'], []]);
});
