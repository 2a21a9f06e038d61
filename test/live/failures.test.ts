import { describe, expect, it } from 'vitest';
import {
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  PermissionDeniedError,
  RufusClient,
  RufusConfigError,
  RufusRequestValidationError,
} from '../../src/index.js';
import type { SandboxFault } from '../../src/testing/index.js';
import { answerOf, failure } from '../support/client.js';
import { fakeClock, polls, Reader, range, start } from './support.js';

const POLL = 'GET /passings/device2/{deviceid}';
const DEADLY_SILENCE = { kind: 'hang' } as const;

describe('what is waited out', () => {
  const FAULTS: readonly (readonly [string, Omit<SandboxFault, 'on'>])[] = [
    ['500', { kind: 'status', status: 500 }],
    ['501', { kind: 'status', status: 501 }],
    ['a gateway error', { kind: 'html', status: 502 }],
    ['a redirect', { kind: 'status', status: 302 }],
    ['408', { kind: 'status', status: 408 }],
    ['425', { kind: 'status', status: 425 }],
    ['429', { kind: 'status', status: 429 }],
    ['a reset', { kind: 'reset-before' }],
    ['half a JSON', { kind: 'truncate' }],
    ['HTML with 200', { kind: 'html' }],
  ];
  it.each(FAULTS)('%s, for as long as it lasts, with the cursor where it was', async (_, fault) => {
    const { open, write, follow, spy, sandbox } = await start();
    const token = await open();
    await write(token, range(1, 3));
    const reader = await new Reader(follow()).until(3);
    sandbox.fault({ on: POLL, times: 6, ...fault });
    await write(token, range(4, 6));
    const from = spy.asked.length;
    await reader.until(6);
    await polls(spy, 2);
    expect(reader.numbers()).toEqual([1, 2, 3, 4, 5, 6]);
    const lasts = spy.asked.slice(from).map(({ query }) => query.last);
    expect(lasts.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => '3'));
  });

  it('JSON of another shape', async () => {
    const { open, write, follow, spy } = await start();
    await write(await open(), range(1, 3));
    const odd = [
      {},
      [],
      { body: null },
      { description: 'x', passings: {} },
      { description: 'x', passings: [{ bib: 1 }] },
    ];
    spy.alter = () => (odd.length > 0 ? answerOf(200, odd.shift()) : undefined);
    expect((await new Reader(follow()).until(3)).numbers()).toEqual([1, 2, 3]);
    expect(odd).toEqual([]);
  });

  it('passings of which nothing says what session they are of', async () => {
    const { open, write, follow, spy } = await start();
    await write(await open(), range(1, 3));
    const row = { num_passing: 7, bib: '1', timestamp: '2026-04-20T13:17:00.000Z' };
    let odd = 2;
    spy.alter = () => (odd-- > 0 ? answerOf(200, { description: 'x', passings: [row] }) : undefined);
    expect((await new Reader(follow()).until(3)).numbers()).toEqual([1, 2, 3]);
  });

  it('whatever fails while a session is left', async () => {
    const { open, write, follow, sandbox } = await start({ pageSize: 20 });
    const old = await open();
    await write(old, [...range(1, 50), 53]);
    const between = await open();
    await write(between, range(1, 50));
    const fresh = await open();
    await write(fresh, range(1, 50));
    for (const on of ['GET /sessions/device/{deviceid}', 'GET /passings/session/{token_session}']) {
      for (const kind of ['html', 'reset-before', 'truncate'] as const) sandbox.fault({ on, kind, times: 2 });
      sandbox.fault({ on, kind: 'status', status: 503 });
    }
    const reader = await new Reader(follow({ cursor: { token_session: old, last: 1 } })).until(150);
    expect(reader.numbers()).toEqual([...range(2, 50), 53, ...range(1, 50), ...range(1, 50)]);
  });

  it('404 for a range that holds nothing', async () => {
    const { open, write, follow, spy } = await start();
    const old = await open();
    await write(old, [1, 3]);
    spy.alter = async ({ path }, ask) => {
      if (!path.includes('/passings/session')) return undefined;
      const text = await (await ask()).body.text();
      return text.includes('"num_passing"')
        ? answerOf(200, text)
        : answerOf(404, { description: 'Passings not found' });
    };
    const reader = await new Reader(follow()).until(2);
    await polls(spy, 3);
    await write(old, [2, 4]);
    const fresh = await open();
    await write(fresh, [1]);
    await reader.until(5);
    expect(reader.numbers(old).sort()).toEqual([1, 2, 3, 4]);
    expect(reader.numbers(fresh)).toEqual([1]);
  });

  it('a failing range read: the flow does not wait for the hole', async () => {
    const warnings: string[] = [];
    const quiet = () => {};
    const logger = { error: quiet, warn: (line: string) => void warnings.push(line), info: quiet, debug: quiet };
    const { open, write, follow, spy } = await start({}, { logger, logLevel: 'warn' });
    const token = await open();
    await write(token, [1, 3]);
    spy.alter = ({ path }) => (path.includes('/passings/session') ? answerOf(500, {}) : undefined);
    const reader = await new Reader(follow()).until(2);
    await write(token, [4, 5]);
    await reader.until(4);
    await write(token, [2]);
    await polls(spy, 3);
    expect(reader.numbers()).toEqual([1, 3, 4, 5]);
    expect(warnings).toEqual([]);
    spy.alter = undefined;
    expect((await reader.until(5)).numbers().at(-1)).toBe(2);
  });

  it('Retry-After, above the cap of the client, and by date', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy, sandbox } = await start();
    await write(await open(), range(1, 3));
    sandbox.fault({ on: POLL, kind: 'status', status: 429, headers: { 'retry-after': '600' } });
    const reader = new Reader(follow());
    await clock.run(1_000);
    expect(spy.asked.length).toBe(1);
    sandbox.fault({
      on: POLL,
      kind: 'status',
      status: 503,
      headers: { 'retry-after': new Date(Date.now() + 900_000).toUTCString() },
    });
    await clock.run(598_000, 1_000);
    expect(spy.asked.length).toBe(1);
    await clock.run(2_000);
    expect(spy.asked.length).toBe(2);
    await clock.run(290_000, 1_000);
    expect(spy.asked.length).toBe(2);
    await clock.run(20_000, 100);
    expect(reader.numbers()).toEqual([1, 2, 3]);
  });

  it('Retry-After of a range read holds the next poll back, too', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy, sandbox } = await start();
    await write(await open(), [1, 3]);
    sandbox.fault({
      on: 'GET /passings/session/{token_session}',
      kind: 'status',
      status: 429,
      headers: { 'retry-after': '30' },
    });
    new Reader(follow());
    await clock.run(29_500);
    expect(spy.asked.map(({ path }) => path.split('/')[2])).toEqual(['device2', 'session']);
    await clock.run(1_000);
    expect(spy.asked.length).toBeGreaterThan(2);
  });

  it('30 s without an answer', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy, sandbox } = await start();
    const token = await open();
    await write(token, range(1, 3));
    const reader = new Reader(follow());
    await clock.run(1_000);
    sandbox.fault({ on: POLL, times: 2, ...DEADLY_SILENCE });
    await write(token, range(4, 6));
    await clock.run(59_000, 500);
    expect(reader.numbers()).toEqual([1, 2, 3]);
    await clock.run(3_000);
    expect(reader.numbers()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(spy.asked.slice(1).map(({ query }) => query.last))).toEqual(new Set(['3', '6']));
  });

  it('longer and longer, up to pollMs.max, spread, and told once', async () => {
    const clock = fakeClock();
    const lines: [string, object | undefined][] = [];
    const log = (level: string) => (_: string, fields?: object) => void lines.push([level, fields]);
    const logger = { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
    const { open, write, follow, spy } = await start({}, { logger, logLevel: 'info' });
    const token = await open();
    await write(token, range(1, 3));
    let isDown = true;
    spy.alter = () => {
      if (isDown) throw failure('ECONNREFUSED');
      return undefined;
    };
    const reader = new Reader(follow({ pollMs: { min: 100, max: 3_200 } }));
    await clock.run(60_000);
    const at = spy.asked.map((asked) => asked.at);
    const pauses = at.slice(1).map((time, index) => time - at[index]!);
    for (const [index, pause] of pauses.entries()) {
      const ceiling = Math.min(3_200, 100 * 2 ** index);
      expect(pause).toBeLessThanOrEqual(ceiling + 51);
      expect(pause).toBeGreaterThanOrEqual(ceiling / 2);
    }
    expect(pauses.length).toBeGreaterThan(15);
    expect(Math.min(...pauses.slice(5))).toBeLessThan(0.9 * 3_200);
    isDown = false;
    await clock.run(4_000);
    expect(reader.numbers()).toEqual([1, 2, 3]);
    // The next outage begins with a short pause again.
    isDown = true;
    await clock.run(3_300);
    const [first, second] = spy.asked.slice(-20).filter((asked) => asked.at > performance.now() - 3_300);
    expect(second!.at - first!.at).toBeLessThanOrEqual(151);
    const warning = ['warn', { operation: 'passings.poll', code: 'connection' }];
    expect(lines.filter(([level]) => level === 'warn')).toEqual([warning, warning]);
    expect(JSON.stringify(lines)).not.toContain(token);
  });

  it('5 % of everything at once: nothing lost, nothing twice, no bad answer moves the cursor', async () => {
    const clock = fakeClock();
    const { open, write, follow, spy, sandbox } = await start({ pageSize: 40 });
    let seed = 11;
    const chance = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const KINDS: readonly SandboxFault[] = [
      { kind: 'status', status: 500 },
      { kind: 'reset-before' },
      { kind: 'reset-after' },
      { kind: 'truncate' },
      { kind: 'html' },
      { kind: 'status', status: 429, headers: { 'retry-after': '3' } },
      { kind: 'hang' },
    ];
    let faults = 0;
    spy.alter = ({ method, path }) => {
      if (chance() >= 0.05) return undefined;
      const kind = KINDS[faults++ % KINDS.length]!;
      const on = `${method} ${path}`;
      sandbox.fault({ ...kind, on });
      return undefined;
    };
    const reader = new Reader(follow({ pollMs: { min: 500, max: 5_000 } }));
    const written: (readonly [string, number])[] = [];
    for (let session = 0; session < 6; session++) {
      const token = await open();
      for (let next = 1; next <= 3_000; ) {
        const size = 1 + Math.floor(chance() * 50);
        const numbers = [...range(next, Math.min(3_000, next + size - 1))].reverse();
        // One in ten comes a round later.
        const late = numbers.filter(() => chance() < 0.1);
        await write(
          token,
          numbers.filter((number) => !late.includes(number)),
        );
        await clock.run(250);
        await write(token, late);
        next += size;
        written.push(...numbers.map((number) => [token, number] as const));
      }
    }
    await clock.run(300_000, 500);
    const got = reader.batches.flatMap(({ token_session, passings }) =>
      passings.map(({ num_passing }) => `${token_session} ${num_passing}`),
    );
    expect(faults).toBeGreaterThan(2 * KINDS.length);
    expect(got.length).toBe(written.length);
    expect(new Set(got)).toEqual(new Set(written.map(([token, number]) => `${token} ${number}`)));
    for (const batch of reader.batches) {
      const { last, token_session } = batch.cursor;
      expect(token_session).toBe(batch.token_session);
      expect(last).toBeGreaterThanOrEqual(batch.passings.at(-1)!.num_passing);
    }
  }, 60_000);
});

describe('what ends it', () => {
  const STATUSES = [
    [401, AuthenticationError],
    [403, PermissionDeniedError],
    [400, BadRequestError],
  ] as const;
  it.each(STATUSES)('%i', async (status, errorClass) => {
    const { open, write, follow, sandbox, spy } = await start();
    await write(await open(), range(1, 3));
    const reader = await new Reader(follow()).until(3);
    sandbox.fault({ on: POLL, kind: 'status', status });
    await reader.done;
    expect(reader.error).toBeInstanceOf(errorClass);
    expect(spy.inFlight).toBe(0);
  });

  it('418: any other 4xx', async () => {
    const { follow, spy } = await start();
    spy.alter = () => answerOf(418, {});
    const reader = new Reader(follow());
    await reader.done;
    expect(reader.error).toMatchObject({ status: 418 });
  });

  it('403 in the middle of a range read', async () => {
    const { open, write, follow, sandbox } = await start();
    await write(await open(), [1, 3]);
    sandbox.fault({ on: 'GET /passings/session/{token_session}', kind: 'status', status: 403 });
    const reader = new Reader(follow());
    await reader.done;
    expect(reader.error).toBeInstanceOf(PermissionDeniedError);
    expect(reader.numbers()).toEqual([1, 3]);
  });

  it('a session that goes while its holes are looked for', async () => {
    const { open, write, follow, spy } = await start();
    await write(await open(), [1, 3]);
    spy.alter = ({ path }) =>
      path.includes('device2') ? undefined : answerOf(404, { description: 'Session not found' });
    const reader = new Reader(follow());
    await reader.done;
    expect(reader.error).toBeInstanceOf(NotFoundError);
    expect(reader.error).toMatchObject({ operation: 'sessions.get' });
  });

  it('a device that is not there', async () => {
    const { client } = await start();
    const reader = new Reader(client.passings.follow('A'.repeat(64)));
    await reader.done;
    expect(reader.error).toBeInstanceOf(NotFoundError);
    expect(reader.error).toMatchObject({ operation: 'devices.get' });
  });

  it('a device that goes while it is followed, and one that goes while it has no session', async () => {
    for (const hasSession of [true, false]) {
      const { open, write, follow, sandbox, deviceid, spy } = await start();
      if (hasSession) await write(await open(), range(1, 3));
      const reader = new Reader(follow());
      await polls(spy, 3);
      const admin = new RufusClient({ apiKey: sandbox.keys.admin, dispatcher: sandbox.dispatcher });
      await admin.devices.unbind(deviceid);
      await reader.done;
      expect(reader.error).toBeInstanceOf(NotFoundError);
    }
  });

  it('a closed client', async () => {
    const { open, follow, client, spy } = await start();
    await open();
    const reader = new Reader(follow());
    await polls(spy, 1);
    await client.close();
    await reader.done;
    expect(reader.error).toBeInstanceOf(RufusConfigError);
    expect(reader.error).toMatchObject({ code: 'closed' });
  });

  it('a deviceid that cannot be one', async () => {
    const { client, spy } = await start();
    const reader = new Reader(client.passings.follow('..'));
    await reader.done;
    expect(reader.error).toBeInstanceOf(RufusRequestValidationError);
    expect(spy.asked).toEqual([]);
  });

  const OPTIONS = [
    { pollMs: { min: -1 } },
    { pollMs: { min: Number.NaN } },
    { pollMs: { max: 0.5 } },
    { pollMs: { min: 10, max: 9 } },
    { holeTimeoutMs: -1 },
    { holeTimeoutMs: Number.NaN },
    { cursor: { token_session: '', last: 1 } },
  ];
  it.each(OPTIONS)('%j', async (options) => {
    const { follow, spy } = await start();
    const reader = new Reader(follow(options));
    await reader.done;
    expect(reader.error).toBeInstanceOf(RufusConfigError);
    expect(spy.asked).toEqual([]);
  });

  it('nothing more comes after it', async () => {
    const { follow, spy } = await start();
    spy.alter = () => answerOf(403, {});
    const iterator = follow()[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toBeInstanceOf(PermissionDeniedError);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(spy.asked.length).toBe(1);
  });
});
