import { describe, expect, it } from 'vitest';
import { SessionClosedError } from '../../src/outbox/index.js';
import { openOutboxWith } from '../../src/outbox/open.js';
import { HandClock } from './support/clock.js';
import { all, counts, listen, runner, runners } from './support/rig.js';
import { race } from './support/session-race.js';

describe("a closed session, 'park'", () => {
  it('parks what is pending and what is still appended, with the reason, and refuses nothing', async () => {
    const { server, token_session, open, at, clock } = await race();
    const { outbox, events } = await open();
    await outbox.append(runners(2));
    await outbox.drained();
    await server.sessions.close(token_session);
    await outbox.append(runners(2, 3));
    await outbox.drained();
    const [, receipt] = await outbox.append(runners(2, 5));
    expect(receipt).toEqual({ token_session, num_passing: 6 });
    await clock.pass(100);
    expect(counts(outbox)).toEqual({ appended: 6, delivered: 2, parked: 4, pending: 0 });
    expect(outbox.stats()).toMatchObject({ state: 'idle', requests: 2 });
    expect(outbox.stats().lastError).toContain('Session not found or closed');
    expect(await all(outbox.parked())).toMatchObject(
      [3, 4, 5, 6].map((num_passing) => ({
        token_session,
        num_passing,
        passing: { bib: String(num_passing) },
        reason: 'session-closed',
        status: 404,
      })),
    );
    expect(events.of('sessionClosed')).toEqual([{ token_session, replacedBy: null }]);
    expect(events.of('parked').map(({ passing }) => passing.num_passing)).toEqual([3, 4, 5, 6]);
    expect(at(token_session)).toEqual(['1:1', '2:2']);
  });

  it('goes on parking after a restart', async () => {
    const { server, token_session, open, clock } = await race();
    const first = await open();
    await server.sessions.close(token_session);
    await first.outbox.append(runners(1));
    await first.outbox.drained();
    await first.outbox.close();
    const second = await open();
    await second.outbox.append(runners(1, 2));
    await clock.pass(100);
    expect(counts(second.outbox)).toEqual({ appended: 2, delivered: 0, parked: 2, pending: 0 });
  });

  it('parks a backlog of thousands in a few steps', async () => {
    const { server, token_session, open, folder, sandbox } = await race();
    const { outbox } = await open();
    outbox.pause();
    for (let n = 0; n < 20; n++) await outbox.append(runners(500));
    await server.sessions.close(token_session);
    let parks = 0;
    folder.fault = (step) => void (step === 'park' && parks++);
    outbox.resume();
    await outbox.drained();
    expect(counts(outbox)).toEqual({ appended: 10_000, delivered: 0, parked: 10_000, pending: 0 });
    expect(parks).toBeLessThan(5);
    expect(sandbox.state.passings(token_session)).toEqual([]);
  });

  it('counts as delivered what an earlier request had stored after all', async () => {
    const { server, sandbox, token_session, open, at, clock } = await race();
    const { outbox, events } = await open();
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    expect(at(token_session)).toHaveLength(3);
    await outbox.append(runners(2, 4));
    await server.sessions.close(token_session);
    await clock.pass(1_000);
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 3, parked: 2, pending: 0 });
    expect((await all(outbox.parked())).map(({ num_passing }) => num_passing)).toEqual([4, 5]);
    expect(events.of('sessionClosed')).toHaveLength(1);
  });

  it('waits for the answer to that question', async () => {
    const { server, sandbox, token_session, open, clock } = await race();
    const { outbox, events } = await open();
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    await server.sessions.close(token_session);
    sandbox.fault({ kind: 'status', status: 503, on: 'GET /passings/session/{token_session}', times: 2 });
    await clock.pass(300);
    expect(counts(outbox)).toMatchObject({ pending: 3, parked: 0 });
    expect(outbox.stats().state).toBe('backoff');
    await clock.pass(5_000);
    expect(counts(outbox)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
    expect(events.of('retry').length).toBeGreaterThan(2);
  });

  it.each([
    ['the reading alone', 1],
    ['the reading and the insert after it', 2],
    ['the reading, the insert after it, and the reading after that', 3],
  ])('a 403 that passes by is not taken for a key that may not read: %s', async (_, refusals) => {
    const { server, sandbox, token_session, open, clock, clientOf } = await race();
    let refused = 0;
    let inserts = 1; // the first, whose answer is lost
    const client = clientOf({
      middleware: [
        async (context, next) => {
          const response = await next(context);
          if (context.operation === 'passings.insert') inserts++;
          const isReading = context.operation === 'passings.listBySession';
          if (closed && refused < refusals && (isReading || refused > 0)) {
            refused++;
            return { ...response, status: 403, text: '{"message":"Forbidden"}' };
          }
          return response;
        },
      ],
    });
    let closed = false;
    const { outbox } = await open({ probeMs: 1_000 }, client);
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    await server.sessions.close(token_session);
    closed = true;
    await clock.pass(10_000);
    expect(refused).toBe(refusals);
    expect(outbox.stats().requests).toBe(inserts);
    expect(counts(outbox)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
  });

  it("a gateway's 404 is no answer to that question", async () => {
    const { server, sandbox, token_session, open, clock } = await race();
    const { outbox } = await open();
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    await server.sessions.close(token_session);
    sandbox.fault({ kind: 'status', status: 404, on: 'GET /passings/session/{token_session}' });
    await clock.pass(5_000);
    expect(counts(outbox)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
  });

  it('with a key that may not read, what is in doubt is parked', async () => {
    const { server, sandbox, token_session, open, clock } = await race({}, 'write');
    const { outbox } = await open();
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    await server.sessions.close(token_session);
    await clock.pass(1_000);
    expect(counts(outbox)).toEqual({ appended: 3, delivered: 0, parked: 3, pending: 0 });
  });

  it('with such a key, a session that takes what is in doubt is open again, and gets the rest as well', async () => {
    const { sandbox, token_session, open, at, clock, clientOf } = await race({}, 'write');
    let inserts = 0;
    const text = '{"description":"Session not found or closed"}';
    const refusal = { status: 404, headers: new Headers(), requestId: undefined, text, json: () => JSON.parse(text) };
    const client = clientOf({
      middleware: [
        async (context, next) =>
          context.operation === 'passings.insert' && ++inserts === 2 ? refusal : await next(context),
      ],
    });
    const { outbox, events } = await open({}, client);
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    await outbox.append(runners(2, 4));
    await clock.pass(1_000);
    expect(at(token_session)).toEqual(['1:1', '2:2', '3:3', '4:4', '5:5']);
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 5, parked: 0, pending: 0 });
    expect(events.of('collision')).toEqual([]);
  });
});

describe('after a kill', () => {
  it('what was pending may be stored already, and what is appended since is not: its duplicates are a collision', async () => {
    const { server, deviceid, token_session, open, folder, clock } = await race();
    const first = await open();
    first.outbox.pause();
    await first.outbox.append(runner(1));
    const second = await openOutboxWith(
      { client: server, directory: 'memory', session: { deviceid, open: 'active-or-new' } },
      { clock, openJournal: folder.open },
    );
    const events = listen(second);
    second.pause();
    await server.passings.insert(token_session, [
      { num_passing: 1, bib: '1', timestamp: new Date() },
      { num_passing: 2, bib: 'X', timestamp: new Date() },
    ]);
    // Before the first batch is read.
    await second.append(runner(2));
    second.resume();
    await second.drained();
    expect(events.of('delivered')).toMatchObject([{ count: 2, duplicates: 2 }]);
    expect(events.of('collision')).toMatchObject([{ duplicates: 1 }]);
  });
});

describe("a closed session, 'new-session'", () => {
  const policy = { onSessionClosed: 'new-session' } as const;

  it('is replaced in the middle of a backlog: each passing once over both sessions, in order, without gaps', async () => {
    const { server, token_session, open, at, tokens } = await race({ ...policy, batch: { max: 4 } });
    const { outbox, events } = await open();
    await outbox.append(runners(3));
    await outbox.drained();
    await server.sessions.close(token_session);
    await outbox.append(runners(10, 4));
    await outbox.drained();
    const [, next] = tokens();
    expect(outbox.token_session).toBe(next);
    expect(at(token_session)).toEqual(['1:1', '2:2', '3:3']);
    expect(at(next!)).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 1}:${i + 4}`));
    expect(events.of('sessionClosed')).toEqual([{ token_session, replacedBy: next }]);
    expect(await outbox.append(runner(14))).toEqual({ token_session: next, num_passing: 11 });
    expect(counts(outbox)).toMatchObject({ parked: 0 });
    expect(events.of('collision')).toEqual([]);
  });

  it('what an earlier request had stored after all does not go to the new one, too', async () => {
    const { server, sandbox, token_session, open, at, clock } = await race(policy);
    const { outbox } = await open();
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    await outbox.append(runners(2, 4));
    await server.sessions.close(token_session);
    await clock.pass(1_000);
    expect(at(token_session)).toEqual(['1:1', '2:2', '3:3']);
    expect(at(outbox.token_session)).toEqual(['1:4', '2:5']);
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 5, parked: 0, pending: 0 });
  });

  it('what was in doubt in the old session is not so in the new one: duplicates there are a collision', async () => {
    const { server, sandbox, token_session, open, clock, clientOf, at } = await race(policy);
    const client = clientOf({
      middleware: [
        async (context, next) => {
          const response = await next(context);
          // Another program is quicker.
          if (context.operation === 'sessions.create') {
            const { token_session } = JSON.parse(response.text).body;
            await server.passings.insert(token_session, [{ num_passing: 1, bib: 'X', timestamp: new Date() }]);
          }
          return response;
        },
      ],
    });
    const { outbox, events } = await open({}, client);
    sandbox.fault({ kind: 'reset-before', on: 'POST /passings' });
    await outbox.append(runners(3));
    await clock.pass(60);
    await server.sessions.close(token_session);
    await clock.pass(1_000);
    expect(at(outbox.token_session)).toEqual(['1:X', '2:2', '3:3']);
    expect(events.of('collision')).toMatchObject([{ firstNum: 1, lastNum: 3, duplicates: 1 }]);
  });

  it.each([
    ['before it is recorded', 'replace'],
    ['before the first answer of the new one', 'answer'],
  ])('a kill %s: the same numbers again, each passing once', async (_, moment) => {
    const { server, sandbox, token_session, open, at, folder, clock, tokens } = await race(policy);
    const first = await open();
    await first.outbox.append(runners(3));
    await first.outbox.drained();
    await server.sessions.close(token_session);
    if (moment === 'replace') folder.fault = (step) => (step === 'replace' ? new Promise<void>(() => {}) : undefined);
    await first.outbox.append(runners(4, 4));
    if (moment === 'answer') {
      first.outbox.on('sessionClosed', () => sandbox.fault({ kind: 'reset-after', on: 'POST /passings' }));
    }
    await clock.pass(60);
    expect(counts(first.outbox)).toMatchObject({ pending: 4 });
    // The first process is dead; a timer of its clock never rings.
    folder.fault = () => {};
    const second = await openOutboxWith(
      { client: server, directory: 'memory', session: { token_session }, ...policy },
      { clock: new HandClock(), openJournal: folder.open },
    );
    const events = listen(second);
    await second.append(runners(1, 8));
    await second.drained();
    const last = tokens().at(-1)!;
    expect(second.token_session).toBe(last);
    expect(at(token_session)).toEqual(['1:1', '2:2', '3:3']);
    expect(at(last)).toEqual(['1:4', '2:5', '3:6', '4:7', '5:8']);
    expect(tokens().flatMap(at)).toHaveLength(8);
    expect(events.of('collision')).toEqual([]);
    expect(counts(second)).toEqual({ appended: 8, delivered: 8, parked: 0, pending: 0 });
  });

  it('a replacement that cannot be recorded is not created twice', async () => {
    const { server, token_session, open, at, folder, clock, tokens } = await race(policy);
    const { outbox } = await open();
    await server.sessions.close(token_session);
    let full = 2;
    folder.fault = (step) => {
      if (step === 'replace' && full-- > 0) throw new Error('disk full');
    };
    await outbox.append(runners(2));
    await clock.pass(5_000);
    expect(tokens()).toHaveLength(2);
    expect(at(tokens()[1]!)).toEqual(['1:1', '2:2']);
  });

  it('creating it is tried again as an insert would be', async () => {
    const { server, sandbox, token_session, open, at, clock } = await race(policy);
    const { outbox, events } = await open();
    await server.sessions.close(token_session);
    sandbox.fault({ kind: 'status', status: 503, on: 'POST /sessions' });
    sandbox.fault({ kind: 'status', status: 401, on: 'POST /sessions' });
    await outbox.append(runners(2));
    await clock.pass(400);
    expect(outbox.stats().state).toBe('blocked');
    expect(events.of('retry')).toHaveLength(1);
    outbox.resume();
    await outbox.drained();
    expect(at(outbox.token_session)).toEqual(['1:1', '2:2']);
  });

  it('more than 3 in 10 minutes is a fight: blocked, until the 10 minutes are over or somebody has looked', async () => {
    const { server, deviceid, open, clock, tokens, at } = await race({ ...policy, probeMs: 30_000 });
    const { outbox, events } = await open();
    for (let n = 1; n <= 4; n++) {
      await server.sessions.create({ deviceid });
      await outbox.append(runners(1, n));
      await clock.pass(1_000);
    }
    expect(outbox.stats()).toMatchObject({ state: 'blocked', delivered: 3, pending: 1 });
    const blocked = events.told.find(([name, state]) => name === 'state' && state === 'blocked');
    expect(blocked?.[2]).toBeInstanceOf(SessionClosedError);
    expect(blocked?.[2]).toMatchObject({ cause: { status: 404 } });
    expect(tokens()).toHaveLength(1 + 4 + 3);
    await clock.pass(5 * 60_000);
    expect(outbox.stats()).toMatchObject({ state: 'blocked', pending: 1 });
    await clock.pass(6 * 60_000);
    expect(outbox.stats()).toMatchObject({ state: 'idle', delivered: 4 });
    for (let n = 5; n <= 8; n++) {
      await server.sessions.create({ deviceid });
      await outbox.append(runners(1, n));
      await clock.pass(1_000);
    }
    expect(outbox.stats()).toMatchObject({ state: 'blocked', delivered: 6, pending: 2 });
    outbox.resume();
    await outbox.drained();
    expect(at(outbox.token_session)).toEqual(['1:7', '2:8']);
  });

  it('finds out the device of a session that was given by its token, or says that it cannot', async () => {
    const { server, token_session, open, at, clock } = await race(policy);
    const { outbox } = await open({ session: { token_session } });
    await outbox.append(runner(1));
    await outbox.drained();
    await server.sessions.close(token_session);
    await outbox.append(runner(2));
    await outbox.drained();
    expect(at(outbox.token_session)).toEqual(['1:2']);

    const blind = await race(policy, 'write');
    const { outbox: stuck } = await blind.open();
    await blind.server.sessions.close(blind.token_session);
    await stuck.append(runner(1));
    await blind.clock.pass(100);
    expect(stuck.stats()).toMatchObject({ state: 'blocked', pending: 1 });
    expect(stuck.stats().lastError).toContain('its device is not known');
    await clock.pass(0);
  });

  it('whose device only a passing of it could name: blocked without one, tried again where the question fails', async () => {
    const { sandbox, server, token_session, open, at, clock } = await race({ ...policy, probeMs: 60_000 });
    const given = { token_session, startAt: 1 };
    const { outbox } = await open({ session: given });
    await server.sessions.close(token_session);
    await outbox.append(runner(1));
    await clock.pass(100);
    expect(outbox.stats()).toMatchObject({ state: 'blocked', pending: 1 });
    expect(outbox.stats().lastError).toContain('its device is not known');
    await outbox.close();

    const other = await race(policy);
    const { outbox: named } = await other.open({ session: { token_session: other.token_session, startAt: 1 } });
    await named.append(runner(1));
    await named.drained();
    await other.server.sessions.close(other.token_session);
    other.sandbox.fault({ kind: 'status', status: 503, on: 'GET /passings/session/{token_session}' });
    await named.append(runner(2));
    await other.clock.pass(100);
    expect(named.stats()).toMatchObject({ state: 'backoff', pending: 1 });
    await other.clock.pass(5_000);
    expect(other.at(named.token_session)).toEqual(['1:2']);
    expect([at(token_session), sandbox.state.sessions.length]).toEqual([[], 1]);
  });

  it('is replaced by one with the alias of the options', async () => {
    const { server, sandbox, deviceid, token_session, open } = await race(policy);
    const { outbox } = await open({ session: { deviceid, open: 'active-or-new', alias: 'Finish' } });
    await server.sessions.close(token_session);
    await outbox.append(runner(1));
    await outbox.drained();
    expect(sandbox.state.sessions.map(({ alias }) => alias).at(-1)).toBe('Finish');
  });
});

describe('switchSession', () => {
  it('sends what is pending to the old one first, and numbers the new one anew', async () => {
    const { server, token_session, open, at } = await race();
    const other = await server.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-2' });
    const next = await server.sessions.create({ deviceid: other.deviceid });
    const { outbox } = await open();
    outbox.pause();
    await outbox.append(runners(2));
    const switched = outbox.switchSession({ token_session: next.token_session });
    outbox.resume();
    expect(await switched).toBe(next.token_session);
    expect(at(token_session)).toEqual(['1:1', '2:2']);
    expect(outbox.token_session).toBe(next.token_session);
    expect(await outbox.append(runner(3))).toEqual({ token_session: next.token_session, num_passing: 1 });
    await outbox.drained();
    expect(at(token_session)).toEqual(['1:1', '2:2']);
    expect(at(next.token_session)).toEqual(['1:3']);
  });

  it('back to an earlier one goes on with its numbers', async () => {
    const { server, token_session, open, at } = await race();
    const other = await server.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-2' });
    const next = await server.sessions.create({ deviceid: other.deviceid });
    const { outbox } = await open();
    await outbox.append(runners(2));
    await outbox.switchSession({ token_session: next.token_session });
    await outbox.append(runners(1, 3));
    await outbox.switchSession({ token_session });
    await outbox.append(runners(1, 4));
    await outbox.drained();
    expect(at(token_session)).toEqual(['1:1', '2:2', '3:4']);
    expect(at(next.token_session)).toEqual(['1:3']);
  });

  it.each(['park', 'new-session'] as const)(
    "to a new one of the device: the old one gets all that is pending first, with '%s'",
    async (onSessionClosed) => {
      const { deviceid, token_session, open, at, tokens, folder } = await race({ onSessionClosed, batch: { max: 1 } });
      const { outbox, events } = await open();
      outbox.pause();
      await outbox.append(runners(2));
      const switched = outbox.switchSession({ deviceid, open: 'new' });
      await outbox.append(runners(1, 3));
      outbox.resume();
      const next = await switched;
      await outbox.append(runners(1, 4));
      await outbox.drained();
      expect(tokens()).toEqual([token_session, next]);
      expect(at(token_session)).toEqual(['1:1', '2:2', '3:3']);
      expect(at(next)).toEqual(['1:4']);
      expect(events.of('sessionClosed')).toEqual([{ token_session, replacedBy: next }]);
      expect(counts(outbox)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
      expect(folder).toMatchObject({ session: next, deviceid, leaving: null });
    },
  );

  it('that fails leaves everything as it was', async () => {
    const { sandbox, deviceid, token_session, open, at } = await race();
    const { outbox } = await open();
    sandbox.fault({ kind: 'status', status: 400, on: 'POST /sessions' });
    await expect(outbox.switchSession({ deviceid, open: 'new' })).rejects.toMatchObject({ status: 400 });
    await expect(outbox.switchSession({ token_session: '' })).rejects.toMatchObject({ code: 'config' });
    await outbox.append(runner(1));
    await outbox.drained();
    expect(at(token_session)).toEqual(['1:1']);
  });

  it('asks again about a session that was refused before', async () => {
    const { sandbox, server, token_session, open, at } = await race();
    const other = await server.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-2' });
    const next = await server.sessions.create({ deviceid: other.deviceid });
    const { outbox } = await open();
    await server.sessions.close(token_session);
    await outbox.append(runner(1));
    await outbox.drained();
    expect(counts(outbox)).toMatchObject({ parked: 1 });
    await outbox.switchSession({ token_session: next.token_session });
    await outbox.requeue();
    await outbox.drained();
    expect(at(next.token_session)).toEqual(['1:1']);
    expect(sandbox.state.passings(token_session)).toEqual([]);
  });
});

it('rewind to a closed session skips it, and disturbs nobody', async () => {
  const { server, deviceid, token_session, open, at } = await race();
  const { outbox } = await open();
  await outbox.append(runners(2));
  await outbox.drained();
  await server.sessions.close(token_session);
  expect(await outbox.rewind({ from: runner(0).timestamp, to: runner(9).timestamp })).toEqual({
    sent: 0,
    skipped: [{ token_session, count: 2 }],
  });
  const next = await outbox.switchSession({ deviceid, open: 'new' });
  await outbox.append(runner(3));
  await outbox.drained();
  expect(at(next)).toEqual(['1:3']);
  expect(counts(outbox)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
});
