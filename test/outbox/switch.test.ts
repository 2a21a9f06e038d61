import { describe, expect, it } from 'vitest';
import {
  ConflictError,
  NotFoundError,
  PermissionDeniedError,
  RufusAbortError,
  RufusAPIError,
  type RufusClient,
  RufusTimeoutError,
} from '../../src/index.js';
import { NumberingUnknownError, OutboxClosedError, type OutboxSession } from '../../src/outbox/index.js';
import { rejection } from '../support/client.js';
import { rest } from './support/clock.js';
import { counts, runner, runners } from './support/rig.js';
import { race } from './support/session-race.js';

const lost = { kind: 'reset-after', on: 'POST /sessions' } as const;
const down = (times: number) => ({ kind: 'status', status: 503, on: 'POST /passings', times }) as const;

/** A race with a passing delivered already. */
async function started(...args: Parameters<typeof race>) {
  const day = await race(...args);
  const { outbox, events } = await day.open();
  await outbox.append(runner(1));
  await outbox.drained();
  const bibs = () => day.tokens().map((token) => day.sandbox.state.passings(token).map(({ bib }) => bib));
  return { ...day, outbox, events, bibs, anew: { deviceid: day.deviceid, open: 'new' } as const };
}

describe('a switch waits', () => {
  it('while the old session cannot be reached, takes appends for it meanwhile, and delivers them there', async () => {
    const { sandbox, outbox, clock, anew, bibs, events } = await started();
    sandbox.fault(down(3));
    await outbox.append(runner(2));
    const switched = outbox.switchSession(anew);
    await clock.pass(300);
    await outbox.append(runner(3));
    expect(bibs()).toEqual([['1']]);
    await clock.pass(10_000);
    expect(await switched).toBe(outbox.token_session);
    await outbox.append(runner(4));
    await outbox.drained();
    expect(bibs()).toEqual([['1', '2', '3'], ['4']]);
    expect(events.of('sessionClosed')).toHaveLength(1);
  });

  it.each([401, 403])('while it is blocked by %i', async (status) => {
    const { sandbox, outbox, clock, anew, bibs } = await started({ probeMs: 1_000 });
    sandbox.fault({ kind: 'status', status, on: 'POST /passings', times: 2 });
    await outbox.append(runner(2));
    const switched = outbox.switchSession(anew);
    await clock.pass(500);
    expect(outbox.stats().state).toBe('blocked');
    await clock.pass(5_000);
    await switched;
    expect(bibs()).toEqual([['1', '2'], []]);
  });

  it('while it is paused, and makes no request', async () => {
    const { outbox, anew, clock, tokens } = await started();
    outbox.pause();
    const switched = outbox.switchSession(anew);
    await clock.pass(60_000);
    expect(tokens()).toHaveLength(1);
    outbox.resume();
    await switched;
    expect(tokens()).toHaveLength(2);
  });

  it.each([
    ['the signal', RufusAbortError],
    ['timeoutMs', RufusTimeoutError],
    ['close()', OutboxClosedError],
  ])('until %s ends it, and nothing has changed', async (how, kind) => {
    const { outbox: before, open, clientOf, clock, anew, tokens, folder, bibs, token_session } = await started();
    await before.close();
    let isDown = true;
    const client = clientOf({
      middleware: [
        async (context, send) => {
          const response = await send(context);
          return isDown && context.operation === 'passings.insert' ? { ...response, status: 503, text: '' } : response;
        },
      ],
    });
    const { outbox } = await open({}, client);
    await outbox.append(runner(2));
    const controller = new AbortController();
    const switched = rejection(
      kind,
      outbox.switchSession(anew, {
        ...(how === 'the signal' && { signal: controller.signal }),
        ...(how === 'timeoutMs' && { timeoutMs: 30_000 }),
      }),
    );
    await clock.pass(29_999);
    expect(counts(outbox)).toMatchObject({ pending: 1 });
    controller.abort();
    if (how === 'close()') await outbox.close();
    await clock.pass(1);
    const error = await switched;
    expect(error.message).toContain(how === 'close()' ? 'closed' : 'outbox.switchSession');
    if (how === 'the signal') expect(error.cause).toBe(controller.signal.reason);
    if (how === 'timeoutMs') expect(error).toMatchObject({ timeoutMs: 30_000 });
    expect(tokens()).toEqual([token_session]);
    expect(folder).toMatchObject({ session: token_session, leaving: null });
    isDown = false;
    const after = how === 'close()' ? (await open()).outbox : outbox;
    await after.append(runner(3));
    await clock.pass(60_000);
    expect(bibs()).toEqual([['1', '2', '3']]);
    expect(tokens()).toEqual([token_session]);
  });

  it('not at all with a signal that is aborted already', async () => {
    const { outbox, anew, tokens } = await started();
    await rejection(RufusAbortError, outbox.switchSession(anew, { signal: AbortSignal.abort() }));
    await expect(outbox.switchSession(anew, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'config' });
    await expect(outbox.switchSession(anew, { signal: {} as never })).rejects.toMatchObject({ code: 'config' });
    expect(tokens()).toHaveLength(1);
  });
});

describe('a switch comes to an end', () => {
  it('although appends never leave a moment with nothing pending: none is lost, none out of order', async () => {
    const { outbox, open, clock, clientOf, anew, bibs } = await started();
    await outbox.close();
    let next = 2;
    let append = (): Promise<unknown> => Promise.resolve();
    const client = clientOf({
      middleware: [
        async (context, send) => {
          if (context.operation === 'passings.insert') {
            await append();
            await new Promise<void>((resolve) => clock.after(100, resolve));
          }
          return send(context);
        },
      ],
    });
    const { outbox: busy, events } = await open({}, client);
    append = () => busy.append(runner(next++));
    await append();
    await clock.pass(500);
    let done = false;
    const switched = busy.switchSession(anew).then((token) => {
      done = true;
      return token;
    });
    await clock.pass(1_500);
    expect(done).toBe(false);
    await clock.pass(1_000);
    expect(await switched).toBe(busy.token_session);
    await clock.pass(500);
    append = () => Promise.resolve();
    await clock.pass(1_000);
    const [old, fresh] = bibs();
    expect([...old!, ...fresh!]).toEqual(Array.from({ length: next - 1 }, (_, index) => String(index + 1)));
    expect(fresh!.length).toBeGreaterThan(2);
    expect(events.of('sessionClosed')).toHaveLength(1);
    expect(counts(busy)).toMatchObject({ pending: 0, parked: 0 });
    expect(busy.stats().requests).toBeGreaterThan(20);
  });

  it('two at once: one after the other; the one that is given up stands in nobody’s way', async () => {
    const { sandbox, outbox, clock, anew, tokens, bibs } = await started();
    sandbox.fault(down(2));
    await outbox.append(runner(2));
    const controller = new AbortController();
    const given = rejection(RufusAbortError, outbox.switchSession(anew, { signal: controller.signal }));
    const first = outbox.switchSession(anew);
    const second = outbox.switchSession(anew);
    await clock.pass(10);
    controller.abort();
    await given;
    await clock.pass(10_000);
    expect(tokens()).toEqual([expect.any(String), await first, await second]);
    expect(outbox.token_session).toBe(await second);
    expect(bibs()).toEqual([['1', '2'], [], []]);
  });

  it('what was under way when it was called goes to the old session', async () => {
    const { outbox, anew, bibs } = await started();
    const appends = [outbox.append(runner(2)), outbox.append(runner(3))];
    await outbox.switchSession(anew);
    await Promise.all(appends);
    expect(bibs()).toEqual([['1', '2', '3'], []]);
  });

  it('what is appended while the new one is being created goes there, first', async () => {
    const { outbox, open, clientOf, anew, bibs, clock } = await started();
    await outbox.close();
    const client = clientOf({
      middleware: [
        async (context, send) => {
          if (context.operation === 'sessions.create') await busy.append(runners(2, 2));
          return send(context);
        },
      ],
    });
    const { outbox: busy, events } = await open({ batch: { max: 1 } }, client);
    const before = busy.token_session;
    const next = await busy.switchSession(anew);
    expect(await busy.append(runner(4))).toEqual({ token_session: next, num_passing: 3 });
    await clock.pass(1_000);
    expect(bibs()).toEqual([['1'], ['2', '3', '4']]);
    expect(events.of('sessionClosed')).toEqual([{ token_session: before, replacedBy: next }]);
    expect([events.of('collision'), events.of('retry')]).toEqual([[], []]);
    expect(counts(busy)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
  });

  it('to a session of another device closes nothing and changes no number', async () => {
    const { server, outbox, events, at, token_session } = await started();
    const { deviceid } = await server.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-2' });
    outbox.pause();
    await outbox.append(runner(2));
    const switched = outbox.switchSession({ deviceid, open: 'new' });
    outbox.resume();
    const next = await switched;
    await outbox.append(runner(3));
    await outbox.switchSession({ token_session });
    await outbox.append(runner(4));
    await outbox.drained();
    expect(at(token_session)).toEqual(['1:1', '2:2', '3:4']);
    expect(at(next)).toEqual(['1:3']);
    expect(events.of('sessionClosed')).toEqual([]);
  });

  it('where somebody else closed the old one: that follows the policy', async () => {
    const { server, outbox, token_session, anew, bibs, events } = await started();
    outbox.pause();
    await outbox.append(runners(2, 2));
    const switched = outbox.switchSession(anew);
    await server.sessions.close(token_session);
    outbox.resume();
    await switched;
    await outbox.append(runner(4));
    await outbox.drained();
    expect(bibs()).toEqual([['1'], ['4']]);
    expect(counts(outbox)).toEqual({ appended: 4, delivered: 2, parked: 2, pending: 0 });
    expect(events.of('sessionClosed')).toContainEqual({ token_session, replacedBy: null });
  });
});

describe('a switch among other things', () => {
  it("with 'new-session', where somebody else closed the old one: its replacement gets what is pending, and is left then", async () => {
    const { server, outbox, token_session, anew, bibs, tokens, events } = await started({
      onSessionClosed: 'new-session',
    });
    outbox.pause();
    await outbox.append(runners(2, 2));
    const switched = outbox.switchSession(anew);
    await server.sessions.close(token_session);
    outbox.resume();
    const next = await switched;
    await outbox.append(runner(4));
    await outbox.drained();
    expect(bibs()).toEqual([['1'], ['2', '3'], ['4']]);
    const [, replacement] = tokens();
    expect(events.of('sessionClosed')).toEqual([
      { token_session, replacedBy: replacement },
      { token_session: replacement, replacedBy: next },
    ]);
    expect(counts(outbox)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
  });

  it('parks what the old session refuses, and goes on; what is put back meanwhile is delivered to the old one', async () => {
    const { sandbox, outbox, clock, anew, bibs } = await started();
    outbox.pause();
    sandbox.fault({ kind: 'status', status: 400, on: 'POST /passings' });
    await outbox.append(runner(2));
    const first = outbox.switchSession(anew);
    outbox.resume();
    await first;
    expect(counts(outbox)).toMatchObject({ parked: 1, pending: 0 });
    sandbox.fault(down(2));
    const second = outbox.switchSession(anew);
    outbox.pause();
    await outbox.requeue();
    outbox.resume();
    await clock.pass(5_000);
    await second;
    expect(bibs()).toEqual([['1'], ['2'], []]);
  });

  it('that comes in the middle of a rewind waits for its end', async () => {
    const { outbox, open, clientOf, clock, anew, token_session, tokens } = await started();
    await outbox.append(runners(9, 2));
    await outbox.drained();
    await outbox.close();
    const slow = clientOf({
      middleware: [
        async (context, send) => {
          if (context.operation === 'passings.insert') await new Promise<void>((resolve) => clock.after(100, resolve));
          return send(context);
        },
      ],
    });
    const { outbox: again } = await open({ batch: { max: 2 } }, slow);
    const rewound = again.rewind({ from: new Date(0), to: new Date(4e12) });
    await clock.pass(150);
    const switched = again.switchSession(anew);
    await clock.pass(200);
    expect(tokens()).toEqual([token_session]);
    await clock.pass(5_000);
    expect(await rewound).toEqual({ sent: 10, skipped: [] });
    await switched;
  });

  it('while another process fights over the session: blocked, and made when somebody has looked', async () => {
    const { server, deviceid, outbox, clock, anew, bibs } = await started({ onSessionClosed: 'new-session' });
    for (let n = 2; n <= 5; n++) {
      await server.sessions.create({ deviceid });
      await outbox.append(runner(n));
      await clock.pass(1_000);
    }
    expect(outbox.stats().state).toBe('blocked');
    const switched = outbox.switchSession(anew);
    await clock.pass(1_000);
    outbox.resume();
    await switched;
    expect(bibs().filter((session) => session.length > 0)).toEqual([['1'], ['2'], ['3'], ['4'], ['5']]);
    expect(counts(outbox)).toMatchObject({ parked: 0, pending: 0 });
  });

  it('each of a queue has its own fate: refused, given up while it waits its turn, made', async () => {
    const { sandbox, outbox, anew, tokens } = await started();
    sandbox.fault({ kind: 'status', status: 422, on: 'POST /sessions' });
    outbox.pause();
    const controller = new AbortController();
    const refused = rejection(RufusAPIError, outbox.switchSession(anew));
    const given = rejection(RufusAbortError, outbox.switchSession(anew, { signal: controller.signal }));
    const made = outbox.switchSession(anew);
    controller.abort();
    await given;
    outbox.resume();
    await refused;
    expect(await made).toBe(tokens()[1]);
    expect(tokens()).toHaveLength(2);
  });

  it('all of a queue end with close()', async () => {
    const { outbox, anew, tokens } = await started();
    outbox.pause();
    const ends = [1, 2, 3].map(() => rejection(OutboxClosedError, outbox.switchSession(anew)));
    await outbox.close();
    await Promise.all(ends);
    expect(tokens()).toHaveLength(1);
  });

  it('that is paused ends with its time, and nothing has changed', async () => {
    const { outbox, clock, anew, folder, tokens, token_session } = await started();
    outbox.pause();
    const ended = rejection(RufusTimeoutError, outbox.switchSession(anew, { timeoutMs: 1_000 }));
    await clock.pass(1_000);
    await ended;
    outbox.resume();
    await outbox.append(runner(2));
    await outbox.drained();
    expect(tokens()).toEqual([token_session]);
    expect(folder).toMatchObject({ session: token_session, leaving: null });
  });
});

describe('the new session', () => {
  it('is asked for again where that fails in passing; what is appended meanwhile is delivered to the old one', async () => {
    const { sandbox, outbox, clock, anew, bibs, events } = await started();
    sandbox.fault({ kind: 'status', status: 429, on: 'POST /sessions', times: 3 });
    const switched = outbox.switchSession(anew);
    await rest();
    await outbox.append(runner(2));
    await clock.pass(100);
    expect(bibs()).toEqual([['1', '2']]);
    await clock.pass(5_000);
    await switched;
    expect(bibs()).toEqual([['1', '2'], []]);
    expect(events.of('retry').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it.each([400, 401, 403, 422])('that is refused with %i rejects, and the old one stays in use', async (status) => {
    const { sandbox, outbox, anew, folder, bibs, token_session } = await started();
    sandbox.fault({ kind: 'status', status, on: 'POST /sessions' });
    await expect(outbox.switchSession(anew)).rejects.toMatchObject({ status });
    expect(folder).toMatchObject({ session: token_session, leaving: null });
    await outbox.append(runner(2));
    await outbox.drained();
    expect(bibs()).toEqual([['1', '2']]);
  });

  const FORMS = [
    ['the active one of a device', 'GET /sessions/device/{deviceid}/active'],
    ['one that is given by its token', 'GET /sessions/{token_session}'],
    ['a new one of a device that is not bound yet', 'POST /devices'],
  ] as const;
  async function wanted(form: (typeof FORMS)[number][0], server: RufusClient): Promise<OutboxSession> {
    const device = { type: 'reader', model: 'M1', serial_number: 'SN-2' };
    if (form.startsWith('a new one')) return { device, open: 'new' };
    const { deviceid } = await server.devices.bind(device);
    const { token_session } = await server.sessions.create({ deviceid });
    return form.startsWith('the active one') ? { deviceid, open: 'active-or-new' } : { token_session };
  }

  it.each(FORMS)(
    '%s: is waited for while the API does not answer, or until somebody says resume()',
    async (form, on) => {
      const { sandbox, server, outbox: before, open, clientOf, clock, tokens, token_session } = await started();
      await before.close();
      const { outbox } = await open({ backoff: { firstMs: 10_000, maxMs: 10_000 } }, clientOf({ retry: false }));
      const session = await wanted(form, server);
      sandbox.fault({ kind: 'status', status: 503, on, times: 2 });
      const switched = outbox.switchSession(session);
      await clock.pass(10_000);
      expect(outbox.token_session).toBe(token_session);
      outbox.resume();
      // No time passes any more.
      expect(await switched).toBe(tokens()[1]);
      expect(outbox.token_session).toBe(tokens()[1]);
    },
  );

  it.each(FORMS)('%s: that is refused rejects, and the old one stays in use', async (form, on) => {
    const { sandbox, server, outbox, token_session } = await started();
    const session = await wanted(form, server);
    sandbox.fault({ kind: 'status', status: 403, on });
    await rejection(
      form.startsWith('a new one') ? PermissionDeniedError : NumberingUnknownError,
      outbox.switchSession(session),
    );
    expect(outbox.token_session).toBe(token_session);
  });

  it('that does not exist rejects, and so does one that the API calls a conflict', async () => {
    const { sandbox, outbox, anew, token_session } = await started();
    await rejection(NumberingUnknownError, outbox.switchSession({ token_session: 'F'.repeat(64) }));
    sandbox.fault({ kind: 'status', status: 409, on: 'POST /sessions' });
    await rejection(ConflictError, outbox.switchSession(anew));
    expect(outbox.token_session).toBe(token_session);
  });

  it('that is the old one: the server is asked again whether it takes passings', async () => {
    const { outbox: before, open, clientOf, clock, token_session, at } = await started();
    await before.close();
    let closed = true;
    const text = JSON.stringify({ description: 'Session not found or closed' });
    const client = clientOf({
      middleware: [
        async (context, send) => {
          const refused = closed && context.operation === 'passings.insert';
          return refused ? { ...(await send({ ...context, headers: {} })), status: 404, text } : send(context);
        },
      ],
    });
    const { outbox } = await open({}, client);
    await outbox.append(runner(2));
    await clock.pass(100);
    expect(counts(outbox)).toMatchObject({ parked: 1 });
    closed = false;
    expect(await outbox.switchSession({ token_session })).toBe(token_session);
    await outbox.append(runner(3));
    await clock.pass(100);
    expect(at(token_session)).toContain('3:3');
    expect(counts(outbox)).toMatchObject({ parked: 1, pending: 0 });
  });

  it('of a device that does not exist rejects', async () => {
    const { outbox } = await started();
    await rejection(NotFoundError, outbox.switchSession({ deviceid: 'f'.repeat(64), open: 'new' }));
  });

  it('whose creation nobody confirmed: nothing is parked, nothing lost', async () => {
    const { sandbox, outbox, clock, anew, bibs } = await started();
    sandbox.fault(lost);
    const switched = outbox.switchSession(anew);
    await rest();
    await outbox.append(runners(2, 2));
    await clock.pass(5_000);
    expect(await switched).toBe(outbox.token_session);
    await outbox.append(runner(4));
    await outbox.drained();
    // The one that nobody knows stays empty.
    expect(bibs()).toEqual([['1'], [], ['2', '3', '4']]);
    expect(counts(outbox)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
  });

  it('aborted while it is being created: what the old one then refuses goes to another', async () => {
    const { outbox, open, clientOf, anew, clock, tokens, folder } = await started();
    await outbox.close();
    const controller = new AbortController();
    const client = clientOf({
      middleware: [
        async (context, send) => {
          const response = await send(context);
          if (context.operation === 'sessions.create' && !controller.signal.aborted) {
            controller.abort();
            return new Promise<never>((_, reject) => reject(new Error('never heard')));
          }
          return response;
        },
      ],
    });
    const { outbox: again, events } = await open({}, client);
    const old = again.token_session;
    await rejection(RufusAbortError, again.switchSession({ ...anew, alias: 'Heat 2' }, { signal: controller.signal }));
    expect(again.token_session).toBe(old);
    expect(folder.leaving).toMatchObject({ session: old });
    await again.append(runners(2, 2));
    await clock.pass(5_000);
    expect(counts(again)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
    expect(tokens()).toHaveLength(3);
    expect(events.of('sessionClosed').at(-1)).toEqual({ token_session: old, replacedBy: again.token_session });
    expect(folder.leaving).toBeNull();
  });

  it.each(['close()', 'pause()'])('%s while it is being created: nothing is parked, nothing lost', async (how) => {
    const { outbox: before, open, clientOf, anew, clock, bibs } = await started();
    await before.close();
    let isSilent = true;
    const client = clientOf({
      middleware: [
        async (context, send) => {
          const response = await send(context);
          if (context.operation !== 'sessions.create' || !isSilent) return response;
          isSilent = false;
          return new Promise<never>((_, reject) =>
            context.signal?.addEventListener('abort', () => reject(context.signal?.reason)),
          );
        },
      ],
    });
    const { outbox } = await open({}, client);
    const switched = outbox.switchSession(anew);
    const closed = how === 'close()' ? rejection(OutboxClosedError, switched) : undefined;
    await clock.pass(100);
    await outbox.append(runners(2, 2));
    if (how === 'close()') await outbox.close();
    else outbox.pause();
    await closed;
    const after = how === 'close()' ? (await open()).outbox : outbox;
    after.resume();
    await after.append(runner(4));
    await clock.pass(5_000);
    if (how === 'pause()') expect(await switched).toBe(after.token_session);
    expect(bibs().flat()).toEqual(['1', '2', '3', '4']);
    expect(counts(after)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
  });

  it('without a limit waits for as long as it takes', async () => {
    const { outbox, clock, anew, tokens } = await started();
    outbox.pause();
    const switched = outbox.switchSession(anew, { timeoutMs: Number.POSITIVE_INFINITY });
    expect(clock.timers).not.toContain(Number.POSITIVE_INFINITY);
    await clock.pass(10 * 60_000);
    outbox.resume();
    await switched;
    expect(tokens()).toHaveLength(2);
  });

  it('that fails in passing for long makes no smaller batches of what is delivered meanwhile', async () => {
    const { sandbox, outbox, clock, anew } = await started({ backoff: { firstMs: 10_000, maxMs: 10_000 } });
    sandbox.fault({ kind: 'status', status: 429, on: 'POST /sessions' });
    const switched = outbox.switchSession(anew);
    await rest();
    const { requests } = outbox.stats();
    for (let n = 2; n < 6; n++) {
      await outbox.append(runner(n));
      await clock.pass(10);
    }
    await clock.pass(500);
    expect(outbox.stats().requests - requests).toBe(1);
    await clock.pass(10_000);
    await switched;
  });

  it('that never came: a minute later the old one is closed by nobody but others', async () => {
    const { sandbox, server, outbox, clock, anew, folder, token_session } = await started();
    sandbox.fault({ kind: 'status', status: 502, on: 'POST /sessions' });
    const controller = new AbortController();
    const given = rejection(RufusAbortError, outbox.switchSession(anew, { signal: controller.signal }));
    await rest();
    controller.abort();
    await given;
    expect(folder.leaving).toMatchObject({ session: token_session });
    await outbox.append(runner(2));
    await clock.pass(59_000);
    await outbox.append(runner(3));
    await clock.pass(500);
    expect(folder.leaving).toMatchObject({ session: token_session });
    await clock.pass(1_000);
    await outbox.append(runner(4));
    await clock.pass(500);
    expect(folder.leaving).toBeNull();
    await server.sessions.close(token_session);
    await outbox.append(runner(5));
    await clock.pass(500);
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 4, parked: 1, pending: 0 });
  });

  it('that the disk cannot record is not created twice', async () => {
    const { outbox, folder, clock, anew, tokens, bibs } = await started();
    let full = 3;
    folder.fault = (step) => {
      if (step === 'replace' && full-- > 0) throw new Error('disk full');
    };
    const switched = outbox.switchSession(anew);
    await rest();
    await outbox.append(runner(2));
    await clock.pass(20_000);
    expect(await switched).toBe(tokens()[1]);
    expect(bibs()).toEqual([['1'], ['2']]);
  });

  it('whose creation may have closed the old one: a later refusal does not make that forgotten', async () => {
    const { sandbox, outbox, clock, anew, bibs, tokens } = await started();
    sandbox.fault(lost);
    sandbox.fault({ kind: 'status', status: 400, on: 'POST /sessions' });
    const switched = rejection(RufusAPIError, outbox.switchSession(anew));
    await clock.pass(10_000);
    expect((await switched).status).toBe(400);
    await outbox.append(runners(2, 2));
    await clock.pass(10_000);
    expect(counts(outbox)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
    expect(bibs()).toEqual([['1'], [], ['2', '3']]);
    expect(outbox.token_session).toBe(tokens()[2]);
  });

  it('whose creation may have closed the old one: the session after it has the alias that was asked for', async () => {
    const { sandbox, outbox: before, open, deviceid, clock, anew } = await started();
    await before.close();
    const { outbox } = await open({ session: { deviceid, open: 'active-or-new', alias: 'Finish' } });
    sandbox.fault(lost);
    sandbox.fault({ kind: 'status', status: 400, on: 'POST /sessions' });
    const switched = rejection(RufusAPIError, outbox.switchSession({ ...anew, alias: 'Heat 2' }));
    await clock.pass(10_000);
    await switched;
    await outbox.append(runner(2));
    await clock.pass(10_000);
    expect(sandbox.state.sessions.map(({ alias }) => alias ?? '')).toEqual(['', 'Heat 2', 'Heat 2']);
  });

  it('given up while its result is being recorded: the result counts', async () => {
    const { outbox, folder, anew, tokens } = await started();
    let record = (): void => {};
    folder.fault = (step) => (step === 'replace' ? new Promise<void>((resolve) => (record = resolve)) : undefined);
    const controller = new AbortController();
    const switched = outbox.switchSession(anew, { signal: controller.signal });
    await rest();
    expect(tokens()).toHaveLength(2);
    controller.abort();
    await rest();
    record();
    expect(await switched).toBe(tokens()[1]);
    expect(outbox.token_session).toBe(tokens()[1]);
  });

  it('may close the session that was given by its token: what is appended meanwhile goes to the new one', async () => {
    const { sandbox, deviceid, token_session, open, clientOf, clock, at } = await race();
    const client = clientOf({
      middleware: [
        async (context, send) => {
          const response = await send(context);
          if (context.operation === 'sessions.create') await outbox.append(runner(3));
          return response;
        },
      ],
    });
    const { outbox } = await open({ session: { token_session, startAt: 1 } }, client);
    await outbox.append(runners(2));
    const switched = outbox.switchSession({ deviceid, open: 'new' });
    await clock.pass(5_000);
    expect(outbox.token_session).toBe(await switched);
    expect(counts(outbox)).toMatchObject({ delivered: 3, parked: 0, pending: 0 });
    expect([at(token_session), at(outbox.token_session)]).toEqual([['1:1', '2:2'], ['1:3']]);
    expect(sandbox.state.sessions).toHaveLength(2);
  });

  it('given up while it is being created is no failure that is tried again', async () => {
    const { outbox: before, open, clientOf, clock, anew } = await started();
    await before.close();
    const client = clientOf({
      middleware: [
        (context, send) =>
          context.operation === 'sessions.create'
            ? new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason)))
            : send(context),
      ],
    });
    const { outbox, events } = await open({}, client);
    const controller = new AbortController();
    const switched = rejection(RufusAbortError, outbox.switchSession(anew, { signal: controller.signal }));
    await clock.pass(100);
    controller.abort();
    await switched;
    await clock.pass(1_000);
    expect(events.of('retry')).toEqual([]);
  });

  it('tells of each failure to bind the device, which the client does not repeat by itself', async () => {
    const { sandbox, outbox, events, clock } = await started();
    sandbox.fault({ kind: 'status', status: 503, on: 'POST /devices' });
    const device = { type: 'reader', model: 'M1', serial_number: 'SN-1' };
    const switched = outbox.switchSession({ device, open: 'new' });
    await clock.pass(10_000);
    expect(await switched).toBe(outbox.token_session);
    expect(events.of('retry')).toMatchObject([{ attempt: 1, cause: { status: 503 } }]);
  });

  it("takes a gateway's 404 for no word of the API, and waits", async () => {
    const { sandbox, outbox, clock, anew, tokens } = await started();
    sandbox.fault({ kind: 'status', status: 404, on: 'POST /sessions' });
    const switched = outbox.switchSession(anew);
    await clock.pass(10_000);
    expect(await switched).toBe(tokens()[1]);
  });

  it("to the 'active-or-new' one asks which that is, whatever the folder has", async () => {
    const { server, deviceid, outbox, clock } = await started();
    const { token_session } = await server.sessions.create({ deviceid });
    const switched = outbox.switchSession({ deviceid, open: 'active-or-new' });
    await clock.pass(1_000);
    expect(await switched).toBe(token_session);
  });

  it('lets no batch linger that it waits for', async () => {
    const { outbox, clock, anew, bibs } = await started({ batch: { lingerMs: 1_500 } });
    const switched = outbox.switchSession(anew);
    void outbox.append(runner(2));
    await clock.pass(100);
    expect(bibs()).toEqual([['1', '2'], []]);
    expect(await switched).toBe(outbox.token_session);
  });

  it('whose creation got no answer may still close the old one for a minute, though that takes passings', async () => {
    const { sandbox, server, deviceid, outbox, clock, anew, bibs } = await started();
    await clock.pass(120_000);
    sandbox.fault({ kind: 'reset-before', on: 'POST /sessions' });
    const controller = new AbortController();
    const switched = rejection(RufusAbortError, outbox.switchSession(anew, { signal: controller.signal }));
    await clock.pass(10);
    controller.abort();
    await switched;
    await outbox.append(runner(2));
    await clock.pass(1_000);
    expect(bibs()).toEqual([['1', '2']]);
    // The request arrives after all.
    await server.sessions.create({ deviceid });
    await outbox.append(runner(3));
    await clock.pass(10_000);
    expect(counts(outbox)).toEqual({ appended: 3, delivered: 3, parked: 0, pending: 0 });
    expect(bibs()).toEqual([['1', '2'], [], ['3']]);
  });

  it('is not created before the disk knows of it', async () => {
    const { outbox, folder, anew, tokens } = await started();
    folder.fault = (step) => {
      if (step === 'leave') throw new Error('disk full');
    };
    await expect(outbox.switchSession(anew)).rejects.toThrow('disk full');
    expect(tokens()).toHaveLength(1);
  });
});

describe('a kill', () => {
  const never = new Promise<void>(() => {});

  it.each([
    ['before it is noted down', 'leave', 'old'],
    ['while it is being created', 'create', 'new'],
    ['before it is recorded', 'replace', 'new'],
  ])('%s: nothing is parked, nothing lost, all in order', async (_, moment, where) => {
    const { outbox, folder, open, clientOf, anew, bibs, clock, events: before } = await started();
    await outbox.close();
    const client = clientOf({
      middleware: [
        async (context, send) => {
          const response = await send(context);
          return context.operation === 'sessions.create' && moment === 'create' ? (never as Promise<never>) : response;
        },
      ],
    });
    const { outbox: first } = await open({}, client);
    folder.fault = (step) => (step === moment ? never : undefined);
    void first.switchSession({ ...anew, alias: 'Heat 2' });
    await rest();
    await first.append(runners(2, 2));
    await clock.pass(10_000);
    // The first process is dead; a timer of its clock never rings.
    folder.fault = () => {};
    expect(folder.log).toHaveLength(3);
    const second = await open({}, clientOf());
    await second.outbox.append(runners(1, 4));
    await clock.pass(10_000);
    expect(bibs().flat()).toEqual(['1', '2', '3', '4']);
    expect(counts(second.outbox)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
    expect(bibs().at(-1)).toEqual(where === 'old' ? ['1', '2', '3', '4'] : ['2', '3', '4']);
    expect(folder.leaving).toBeNull();
    expect(before.of('collision')).toEqual([]);
  });
});

describe("opening with open: 'new'", () => {
  it('delivers what is pending to the old session, and resolves on the new one', async () => {
    const { outbox, open, anew, bibs, tokens } = await started();
    outbox.pause();
    await outbox.append(runners(3, 2));
    await outbox.close();
    const second = await open({ session: anew });
    expect(tokens()).toHaveLength(2);
    expect(second.outbox.token_session).toBe(tokens()[1]);
    await second.outbox.append(runner(5));
    await second.outbox.drained();
    expect(bibs()).toEqual([['1', '2', '3', '4'], ['5']]);
    expect(counts(second.outbox)).toEqual({ appended: 5, delivered: 5, parked: 0, pending: 0 });
    expect(second.events.of('sessionClosed')).toEqual([
      { token_session: tokens()[0], replacedBy: second.outbox.token_session },
    ]);
  });

  it.each([
    ['that cannot be reached', { kind: 'status', status: 503, on: 'POST /passings', times: 5 }],
    ['that refuses the key', { kind: 'status', status: 401, on: 'POST /passings', times: 5 }],
    ['that creates none', { kind: 'status', status: 400, on: 'POST /sessions', times: 5 }],
  ] as const)('in front of a server %s: on the old one at once, on the new one as soon as it can', async (_, fault) => {
    const { sandbox, outbox, open, anew, bibs, tokens, clock, token_session } = await started();
    outbox.pause();
    await outbox.append(runners(3, 2));
    await outbox.close();
    sandbox.fault(fault);
    const second = await open({ session: anew, probeMs: 1_000 });
    expect(second.outbox.token_session).toBe(token_session);
    await second.outbox.append(runner(5));
    await clock.pass(60_000);
    expect(tokens()).toHaveLength(2);
    expect(second.outbox.token_session).toBe(tokens()[1]);
    expect(second.events.of('sessionClosed')).toEqual([{ token_session, replacedBy: tokens()[1] }]);
    await second.outbox.append(runner(6));
    await second.outbox.drained();
    expect(bibs()).toEqual([['1', '2', '3', '4', '5'], ['6']]);
    expect(counts(second.outbox)).toEqual({ appended: 6, delivered: 6, parked: 0, pending: 0 });
  });

  it('in front of a silent server: on the old one within 3 s', async () => {
    const { outbox, open, anew, clientOf, clock, token_session } = await started();
    outbox.pause();
    await outbox.append(runner(2));
    await outbox.close();
    const silent = clientOf({
      middleware: [
        async (context, send) =>
          context.operation === 'passings.insert' ? new Promise<never>(() => {}) : send(context),
      ],
    });
    let opened: string | undefined;
    void open({ session: anew }, silent).then((second) => {
      opened = second.outbox.token_session;
    });
    await clock.pass(2_500);
    expect(opened).toBeUndefined();
    await clock.pass(499);
    expect(opened).toBe(token_session);
  });

  it('with nothing pending: a new one, and an error where there is none to be had', async () => {
    const { sandbox, outbox, open, anew, tokens, folder } = await started();
    await outbox.close();
    const second = await open({ session: anew });
    expect(second.outbox.token_session).toBe(tokens()[1]);
    expect(folder.leaving).toBeNull();
    await second.outbox.close();
    sandbox.fault({ kind: 'status', status: 400, on: 'POST /sessions' });
    await expect(open({ session: anew })).rejects.toMatchObject({ status: 400 });
    expect(folder).toMatchObject({ session: tokens()[1], leaving: null });
  });

  it('killed between the creation and its record, with nothing pending: the next start parks nothing', async () => {
    const { outbox, open, anew, folder, clock, bibs } = await started();
    await outbox.close();
    folder.fault = (step) => (step === 'replace' ? new Promise<void>(() => {}) : undefined);
    void open({ session: anew });
    await rest();
    folder.fault = () => {};
    const second = await open();
    await second.outbox.append(runner(2));
    await clock.pass(5_000);
    expect(bibs()).toEqual([['1'], [], ['2']]);
    expect(counts(second.outbox)).toMatchObject({ parked: 0, pending: 0 });
  });
});
