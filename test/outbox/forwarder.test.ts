import { describe, expect, it } from 'vitest';
import { assertValid } from '../../src/core/validation/issues.js';
import { wirePassings } from '../../src/core/validation/passings.js';
import {
  RufusAbortError,
  RufusConfigError,
  RufusConnectionError,
  RufusRequestValidationError,
} from '../../src/index.js';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import { answerOf, failure } from '../support/client.js';
import { TOKEN } from '../support/operations.js';
import { rest } from './support/clock.js';
import {
  all,
  counts,
  type Insert,
  listen,
  opened,
  runner,
  runners,
  Script,
  sandboxed,
  scripted,
  stored,
  tempFolder,
} from './support/rig.js';

const answer = (status: number, headers = {}) => answerOf(status, { description: 'No' }, headers);
const reset = () => failure('ECONNRESET', 'socket hang up');

describe('batches', () => {
  it('linger for company, and no longer', async () => {
    const { outbox, script, clock } = await scripted({ batch: { lingerMs: 40 } });
    await outbox.append(runner(1));
    await clock.pass(30);
    await outbox.append(runner(2));
    await clock.pass(9);
    expect(script.inserts).toEqual([]);
    await clock.pass(1);
    expect(script.inserts.map(({ nums }) => nums)).toEqual([[1, 2]]);
  });

  it('linger anew after each request', async () => {
    const { outbox, script, clock } = await scripted({ batch: { lingerMs: 40 } });
    for (const n of [1, 2]) {
      await outbox.append(runner(n));
      await clock.pass(39);
      expect(script.inserts).toHaveLength(n - 1);
      await clock.pass(1_000);
      expect(script.inserts).toHaveLength(n);
    }
  });

  it('wait until the acknowledgement of the one before is durable: one at most is in doubt after a power cut', async () => {
    const { outbox, script, folder } = await scripted({ batch: { max: 2 } });
    const written = folder.holdAcknowledgements();
    await outbox.append(runners(4));
    await rest();
    expect(script.inserts.map(({ nums }) => nums)).toEqual([[1, 2]]);
    written();
    await rest();
    expect(script.inserts.map(({ nums }) => nums)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('that wait for that are not sent once it is paused', async () => {
    const { outbox, script, folder } = await scripted({ batch: { max: 2 } });
    const written = folder.holdAcknowledgements();
    await outbox.append(runners(4));
    await rest();
    outbox.pause();
    written();
    await rest();
    expect(script.inserts.map(({ nums }) => nums)).toEqual([[1, 2]]);
    outbox.resume();
    await rest();
    expect(script.inserts.map(({ nums }) => nums)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('go at once when full', async () => {
    const { outbox, script } = await scripted({ batch: { max: 3, lingerMs: 60_000 } });
    for (const n of [1, 2, 3]) await outbox.append(runner(n));
    await rest();
    expect(script.inserts.map(({ nums }) => nums)).toEqual([[1, 2, 3]]);
  });

  it('go at once when somebody waits for them', async () => {
    const { outbox, script } = await scripted({ batch: { lingerMs: 60_000 } });
    await outbox.append(runner(1));
    await outbox.drained();
    expect(script.inserts.map(({ nums }) => nums)).toEqual([[1]]);
  });

  it('wait for an append that is under way when somebody waits for all', async () => {
    const { outbox, script } = await scripted({ batch: { lingerMs: 60_000 } });
    const append = outbox.append(runner(1));
    await outbox.drained();
    expect(script.inserts).toHaveLength(1);
    await append;
  });

  it('are cut by number and by size', async () => {
    const { outbox, script } = await scripted({ batch: { max: 4, maxBytes: 1_600 } });
    await outbox.append(runners(6));
    await outbox.append(runners(3, 7).map((passing) => ({ ...passing, status: 'x'.repeat(600) })));
    await outbox.drained();
    expect(script.inserts.map(({ nums }) => nums)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7],
      [8, 9],
    ]);
  });

  it('never overlap, and carry what was appended', async () => {
    let open = 0;
    let most = 0;
    const script = new Script();
    script.always = async (insert) => {
      most = Math.max(most, ++open);
      await rest();
      open--;
      return stored(insert);
    };
    const { outbox } = await scripted({ batch: { max: 2 } }, { script });
    const given = runners(9).map((passing, i) => ({ ...passing, chip: `C${i}`, latitude: 41.5 + i, gender: null }));
    for (const passing of given) void outbox.append(passing);
    await outbox.drained();
    expect(most).toBe(1);
    const sent = script.inserts.flatMap(({ passings }) => passings);
    expect(sent).toEqual(given.map((passing, i) => ({ ...passing, num_passing: i + 1 })));
    expect(script.inserts.every(({ token_session }) => token_session === TOKEN)).toBe(true);
  });
});

describe('after a failure', () => {
  it('the same batch again, pauses doubling up to the limit, for ever, until it succeeds', async () => {
    const script = new Script();
    script.always = () => answer(503);
    const { outbox, clock, events } = await scripted({ backoff: { firstMs: 100, maxMs: 1_000 } }, { script });
    await outbox.append(runners(2));
    await clock.pass(50);
    const pauses: number[] = [];
    for (let n = 0; n < 8; n++) {
      const pause = events.of('retry').at(-1)!.delayMs;
      pauses.push(pause);
      await clock.pass(pause);
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000]);
    expect(new Set(script.inserts.map(({ nums }) => nums.join()))).toEqual(new Set(['1,2']));
    expect(
      events
        .of('retry')
        .map(({ attempt, delayMs }) => [attempt, delayMs])
        .slice(0, 3),
    ).toEqual([
      [1, 100],
      [2, 200],
      [3, 400],
    ]);
    expect(outbox.stats()).toMatchObject({ state: 'backoff', requests: 9, retries: 8, pending: 2 });
    script.always = stored;
    await clock.pass(1_000);
    expect(outbox.stats()).toMatchObject({ state: 'idle', delivered: 2, requests: 10, retries: 9 });
    // The next failure is a first one.
    script.replies(answer(503));
    await outbox.append(runner(3));
    await clock.pass(50);
    expect(events.of('retry').at(-1)).toMatchObject({ attempt: 1, delayMs: 100 });
  });

  it('the pause is anything between nothing and its ceiling', async () => {
    const dice = [0, 0.5, 0.25];
    const script = new Script();
    script.always = () => answer(500);
    const { outbox, clock, events } = await scripted(
      { backoff: { firstMs: 1_000 } },
      { script, random: () => dice.shift() ?? 1 },
    );
    await outbox.append(runner(1));
    await clock.pass(5_000);
    expect(
      events
        .of('retry')
        .map(({ delayMs }) => delayMs)
        .slice(0, 4),
    ).toEqual([0, 1_000, 1_000, 8_000]);
  });

  it.each([408, 425, 429, 503])('%i: not before Retry-After', async (status) => {
    const script = new Script().replies(answer(status, { 'retry-after': '20' }));
    const { outbox, clock } = await scripted({}, { script });
    await outbox.append(runner(1));
    await clock.pass(50 + 19_999);
    expect(script.inserts).toHaveLength(1);
    await clock.pass(1);
    expect(script.inserts).toHaveLength(2);
  });

  it('a Retry-After of a year is an hour', async () => {
    const script = new Script().replies(answer(429, { 'retry-after': '31536000' }));
    const { outbox, clock } = await scripted({}, { script });
    await outbox.append(runner(1));
    await clock.pass(50 + 3_600_000);
    expect(script.inserts).toHaveLength(2);
  });

  it('clock steps do not change a pause', async () => {
    const script = new Script().replies(answer(503));
    const { outbox, clock, events } = await scripted({ backoff: { firstMs: 1_000 } }, { script });
    await outbox.append(runner(1));
    await clock.pass(50);
    clock.set(-3_600_000);
    await clock.pass(999);
    expect(script.inserts).toHaveLength(1);
    clock.set(7_200_000);
    await clock.pass(1);
    expect(script.inserts).toHaveLength(2);
    await clock.pass(5_000);
    expect(events.of('clockStep')).toEqual([{ ms: 3_600_000 }]);
    expect(script.inserts[1]!.passings[0]).toMatchObject(runner(1));
  });

  it('resume() ends the pause and starts it small again', async () => {
    const script = new Script();
    script.always = () => answer(503);
    const { outbox, clock, events } = await scripted({ backoff: { firstMs: 100 } }, { script });
    await outbox.append(runner(1));
    await clock.pass(20_000);
    const before = script.inserts.length;
    outbox.resume();
    await rest();
    expect(script.inserts).toHaveLength(before + 1);
    expect(events.of('retry').at(-1)).toMatchObject({ attempt: 1, delayMs: 100 });
    expect(outbox.stats()).toMatchObject({ requests: before + 1, retries: before });
  });

  it('new appends do not shorten the pause', async () => {
    const script = new Script().replies(answer(503));
    const { outbox, clock } = await scripted({ backoff: { firstMs: 1_000 } }, { script });
    await outbox.append(runner(1));
    await clock.pass(50);
    await outbox.append(runners(600, 2));
    await clock.pass(999);
    expect(script.inserts).toHaveLength(1);
    await clock.pass(1);
    expect(script.inserts.map(({ nums }) => nums.length)).toEqual([1, 1, 500, 100]);
  });
});

describe('what may have been stored', () => {
  it('is not a collision when it comes back as duplicates', async () => {
    const script = new Script().replies(reset(), (insert) => stored(insert, 2));
    const { outbox, clock, events } = await scripted({}, { script });
    await outbox.append(runners(2));
    await clock.pass(1_000);
    expect(events.of('retry')).toMatchObject([{ maybeProcessed: true }]);
    expect(events.of('retry')[0]!.cause).toBeInstanceOf(RufusConnectionError);
    expect(outbox.stats()).toMatchObject({ delivered: 2, inserted: 0, duplicates: 2 });
    expect(events.of('delivered')).toEqual([{ count: 2, inserted: 0, duplicates: 2, firstNum: 1, lastNum: 2 }]);
    expect(events.of('collision')).toEqual([]);
  });

  it.each([
    ['a first attempt', () => {}],
    ['one that was never sent', (script: Script) => void script.replies(failure('ECONNREFUSED'))],
    ['one that was declined', (script: Script) => void script.replies(answer(429))],
  ])('is one after %s', async (_, first) => {
    const script = new Script();
    first(script);
    script.always = (insert) => stored(insert, 1);
    const { outbox, clock, events } = await scripted({}, { script });
    await outbox.append(runners(3));
    await clock.pass(1_000);
    expect(events.of('collision')).toEqual([{ token_session: TOKEN, firstNum: 1, lastNum: 3, duplicates: 1 }]);
    expect(outbox.stats()).toMatchObject({ delivered: 3, pending: 0 });
  });

  it('ends where the attempt ended: the next batch has no excuse', async () => {
    const script = new Script().replies(
      reset(),
      (insert) => stored(insert, 2),
      (insert) => stored(insert, 1),
    );
    const { outbox, clock, events } = await scripted({ batch: { max: 2 } }, { script });
    await outbox.append(runners(4));
    await clock.pass(1_000);
    expect(events.of('collision')).toEqual([{ token_session: TOKEN, firstNum: 3, lastNum: 4, duplicates: 1 }]);
  });

  it('is, after a restart, what was pending, up to one batch', async () => {
    const down = new Script();
    down.always = () => failure('ECONNREFUSED');
    const { outbox, folder } = await scripted({ batch: { max: 2 } }, { script: down });
    await outbox.append(runners(4));
    await outbox.close();
    const script = new Script();
    script.always = (insert) => stored(insert, insert.nums.length);
    script.other = () => answerOf(200, { description: 'Success', result: [] });
    const again = await scripted({ batch: { max: 2 } }, { script, folder });
    await again.clock.pass(1_000);
    expect(again.events.of('delivered')).toHaveLength(2);
    expect(again.events.of('collision')).toEqual([{ token_session: TOKEN, firstNum: 3, lastNum: 4, duplicates: 2 }]);
  });
});

describe('too large', () => {
  const limit = (script: Script, most: number) => {
    script.always = (insert) => (insert.nums.length > most ? answer(413) : stored(insert));
  };

  it('halves at once, the same passings first, and remembers what fits', async () => {
    const script = new Script();
    limit(script, 3);
    const { outbox } = await scripted({ batch: { max: 8 } }, { script });
    await outbox.append(runners(16));
    await outbox.drained();
    const sizes = script.inserts.map(({ nums }) => `${nums[0]}-${nums.at(-1)}`);
    expect(sizes.slice(0, 5)).toEqual(['1-8', '1-4', '1-2', '3-4', '5-6']);
    expect(script.inserts.filter(({ nums }) => nums.length > 3)).toHaveLength(2);
    expect(outbox.stats()).toMatchObject({ delivered: 16, retries: 0 });
  });

  it('believes it for an hour', async () => {
    const script = new Script();
    limit(script, 4);
    const { outbox, clock } = await scripted({ batch: { max: 8, maxBytes: 1_360 } }, { script });
    const lengths = async (first: number) => {
      const before = script.inserts.length;
      await outbox.append(runners(8, first));
      await clock.pass(1_000);
      return script.inserts.slice(before).map(({ nums }) => nums.length);
    };
    expect(await lengths(1)).toEqual([8, 4, 4]);
    expect(await lengths(11)).toEqual([4, 4]);
    limit(script, 8);
    await clock.pass(3_600_000);
    expect(await lengths(21)).toEqual([8]);
  });

  it('parks a single one that is, with the answer, and goes on', async () => {
    const script = new Script();
    script.always = (insert) => (insert.bibs.includes('3') ? answer(413) : stored(insert));
    const { outbox, events } = await scripted({}, { script });
    await outbox.append(runners(5));
    await outbox.drained();
    expect(await all(outbox.parked())).toEqual([
      {
        token_session: TOKEN,
        num_passing: 3,
        passing: runner(3),
        reason: 'too-large',
        status: 413,
        response: '{"description":"No"}',
      },
    ]);
    expect(events.of('parked')).toMatchObject([{ passing: { num_passing: 3, reason: 'too-large' } }]);
    expect(script.inserts.filter(({ bibs }) => !bibs.includes('3')).flatMap(({ nums }) => nums)).toEqual([1, 2, 4, 5]);
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 4, parked: 1, pending: 0 });
  });
});

describe.each([400, 422])('bad passings (%i)', (status) => {
  const refuse = (script: Script, ...bad: string[]) => {
    script.always = (insert) => (insert.bibs.some((bib) => bad.includes(bib)) ? answer(status) : stored(insert));
  };

  it.each([
    ['the first', ['1']],
    ['the last', ['64']],
    ['one', ['37']],
    ['two neighbours', ['20', '21']],
    ['many', ['1', '2', '17', '33', '64']],
  ])('%s: they stand alone in the end and are parked, the rest goes on in order', async (_, bad) => {
    const script = new Script();
    refuse(script, ...bad);
    const { outbox, clock } = await scripted({ batch: { max: 64 } }, { script });
    await outbox.append(runners(70));
    await outbox.drained();
    const good = script.inserts.filter(({ bibs }) => !bibs.some((bib) => bad.includes(bib)));
    const numbers = Array.from({ length: 70 }, (_, i) => i + 1);
    expect(good.flatMap(({ nums }) => nums)).toEqual(numbers.filter((num) => !bad.includes(String(num))));
    const parked = await all(outbox.parked());
    expect(parked.map(({ passing, reason, status }) => [passing.bib, reason, status])).toEqual(
      bad.map((bib) => [bib, 'rejected', status]),
    );
    const k = bad.length;
    expect(script.inserts.length).toBeLessThanOrEqual(2 * k * Math.log2(64 / k) + 2 * k + 2);
    expect(counts(outbox)).toEqual({ appended: 70, delivered: 70 - k, parked: k, pending: 0 });
    expect(clock.timers.filter((ms) => ms < 5_000)).toEqual([]);
  });

  it('all of them', async () => {
    const script = new Script();
    script.always = () => answer(status);
    const { outbox } = await scripted({}, { script });
    await outbox.append(runners(5));
    await outbox.drained();
    expect(counts(outbox)).toEqual({ appended: 5, delivered: 0, parked: 5, pending: 0 });
  });

  it('stay pending while their copy cannot be written', async () => {
    const script = new Script();
    script.always = () => answer(status);
    const { outbox, folder, clock, events } = await scripted({ backoff: { firstMs: 100, maxMs: 100 } }, { script });
    folder.fault = (step) => {
      if (step === 'park') throw new Error('disk full');
    };
    await outbox.append(runner(1));
    await clock.pass(500);
    expect(counts(outbox)).toEqual({ appended: 1, delivered: 0, parked: 0, pending: 1 });
    expect(events.of('parked')).toEqual([]);
    expect(outbox.stats()).toMatchObject({ state: 'backoff', lastError: 'disk full' });
    folder.fault = () => {};
    await clock.pass(100);
    expect(counts(outbox)).toEqual({ appended: 1, delivered: 0, parked: 1, pending: 0 });
  });
});

describe('a passing that today’s validation would refuse', () => {
  it('written by an older version, is judged by the server and holds up nobody behind it', async () => {
    const { client, sandbox, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const { token_session } = await client.sessions.create({ deviceid });
    const older = await openJournal({ directory });
    await older.startSession(token_session);
    const wrong = { ...runner(2), timestamp: 'yesterday', heart_rate: 180 };
    await older.append([runner(1), wrong, runner(3)] as never);
    await older.close();
    expect(() => assertValid('insert', wirePassings([{ num_passing: 2, ...wrong }]))).toThrow(
      RufusRequestValidationError,
    );
    const outbox = await opened({ client, directory, session: { token_session } });
    await outbox.append(runner(4));
    await outbox.drained({ signal: AbortSignal.timeout(5_000) });
    expect(counts(outbox)).toEqual({ appended: 4, delivered: 3, parked: 1, pending: 0 });
    expect(sandbox.state.passings(token_session).map(({ bib }) => bib)).toEqual(['1', '3', '4']);
    expect(await all(outbox.parked())).toMatchObject([
      { num_passing: 2, passing: wrong, reason: 'rejected', status: 400 },
    ]);
  });
});

describe('blocked', () => {
  it.each([401, 403])('%i: keeps everything, tries every probeMs, ends by itself', async (status) => {
    const script = new Script();
    script.always = () => answer(status);
    const { outbox, clock, events } = await scripted({ probeMs: 10_000 }, { script });
    await outbox.append(runners(3));
    await clock.pass(50);
    expect(outbox.stats()).toMatchObject({ state: 'blocked', pending: 3, parked: 0 });
    await clock.pass(9_999);
    expect(script.inserts).toHaveLength(1);
    await clock.pass(1 + 20_000);
    expect(script.inserts).toHaveLength(4);
    expect(events.told.filter(([name]) => name === 'state').map(([, state]) => state)).toEqual(['sending', 'blocked']);
    script.always = stored;
    await outbox.append(runner(4));
    await clock.pass(10_000);
    expect(counts(outbox)).toEqual({ appended: 4, delivered: 4, parked: 0, pending: 0 });
    expect(outbox.stats().state).toBe('idle');
  });

  it('resume() tries at once', async () => {
    const script = new Script().replies(answer(401));
    const { outbox, clock } = await scripted({}, { script });
    await outbox.append(runner(1));
    await clock.pass(50);
    outbox.resume();
    await rest();
    expect(counts(outbox)).toMatchObject({ delivered: 1 });
    expect(outbox.stats()).toMatchObject({ requests: 2, retries: 1 });
  });

  it('by the client itself: with the cause, and never parked', async () => {
    const script = new Script();
    const { RufusClient } = await import('../../src/index.js');
    let broken = true;
    const apiKey = () => {
      if (broken) throw new Error('vault sealed');
      return 'ror-0123456789abcdef0123';
    };
    const client = new RufusClient({ apiKey, dispatcher: script, logLevel: 'off' });
    const { outbox, clock, events } = await scripted({ client, probeMs: 1_000 }, { script });
    await outbox.append(runner(1));
    await clock.pass(50);
    const blocked = events.told.find(([name, state]) => name === 'state' && state === 'blocked');
    expect(blocked?.[2]).toBeInstanceOf(RufusConfigError);
    expect(outbox.stats().lastError).toContain('apiKey');
    broken = false;
    await clock.pass(1_000);
    expect(counts(outbox)).toEqual({ appended: 1, delivered: 1, parked: 0, pending: 0 });
  });
});

describe('a listener', () => {
  it('may resume: the key was renewed there and then', async () => {
    const script = new Script().replies(answer(401), answer(503));
    const { outbox, clock } = await scripted({ probeMs: 60_000, backoff: { firstMs: 30_000 } }, { script });
    outbox.on('state', (state) => {
      if (state === 'blocked' || state === 'backoff') outbox.resume();
    });
    await outbox.append(runner(1));
    await clock.pass(50);
    expect(counts(outbox)).toMatchObject({ delivered: 1 });
  });

  it('may append, pause and close', async () => {
    const { outbox, clock } = await scripted();
    const heard: string[] = [];
    outbox.on('delivered', ({ lastNum }) => {
      heard.push(`delivered ${lastNum}`);
      if (lastNum === 1) void outbox.append(runner(2));
      else outbox.pause();
    });
    outbox.on('state', (state) => {
      heard.push(state);
      if (state === 'paused') void outbox.close();
    });
    await outbox.append(runner(1));
    await clock.pass(1_000);
    expect(heard).toEqual(['sending', 'delivered 1', 'idle', 'sending', 'delivered 2', 'paused', 'closed']);
  });
});

describe('pause and resume', () => {
  it('stops, appends go on, and nothing is lost or doubled', async () => {
    const script = new Script();
    let hung: Insert | undefined;
    script.replies((insert) => {
      hung = insert;
      return new Promise(() => {});
    });
    const { outbox, clock, events } = await scripted({}, { script });
    await outbox.append(runner(1));
    await clock.pass(50);
    expect(hung?.nums).toEqual([1]);
    outbox.pause();
    expect(outbox.stats().state).toBe('paused');
    await rest();
    await outbox.append(runner(2));
    await clock.pass(3_600_000);
    expect(script.inserts).toHaveLength(1);
    expect(outbox.stats().state).toBe('paused');
    outbox.resume();
    await clock.pass(50);
    expect(script.inserts.map(({ nums }) => nums)).toEqual([[1], [1], [2]]);
    expect(outbox.stats()).toMatchObject({ requests: 3, retries: 1 });
    expect(events.of('retry')).toEqual([]);
    expect(counts(outbox)).toMatchObject({ delivered: 2 });
  });

  it('pause and resume at once is a repeat at once', async () => {
    const script = new Script().replies(() => new Promise(() => {}));
    const { outbox, clock, events } = await scripted({}, { script });
    await outbox.append(runner(1));
    await clock.pass(50);
    outbox.pause();
    outbox.resume();
    await rest();
    expect(counts(outbox)).toMatchObject({ delivered: 1 });
    expect(events.of('retry')).toEqual([]);
  });

  it("a middleware's own abort is not ours: it is repeated after a pause", async () => {
    const { RufusClient } = await import('../../src/index.js');
    const script = new Script();
    let times = 2;
    const client = new RufusClient({
      apiKey: 'ror-0123456789abcdef0123',
      dispatcher: script,
      logLevel: 'off',
      middleware: [
        (context, next) => {
          if (times-- > 0) throw new RufusAbortError('mine');
          return next(context);
        },
      ],
    });
    const { outbox, clock, events } = await scripted({ client }, { script });
    await outbox.append(runner(1));
    await clock.pass(2_000);
    expect(events.of('retry')).toHaveLength(2);
    expect(counts(outbox)).toMatchObject({ delivered: 1 });
  });
});

describe('listeners', () => {
  it('may throw, or reject, without disturbing anybody', async () => {
    const { outbox, clock } = await scripted();
    const heard: number[] = [];
    outbox.on('delivered', () => {
      throw new Error('mine, not yours');
    });
    outbox.on('state', async () => Promise.reject(new Error('mine too')));
    outbox.on('delivered', ({ lastNum }) => heard.push(lastNum));
    await outbox.append(runner(1));
    await clock.pass(50);
    await outbox.append(runner(2));
    await clock.pass(50);
    expect(heard).toEqual([1, 2]);
    expect(outbox.stats()).toMatchObject({ delivered: 2, lastError: 'mine too' });
  });

  it('are told nothing after off()', async () => {
    const { outbox, clock } = await scripted();
    const heard: number[] = [];
    const listener = ({ lastNum }: { lastNum: number }) => void heard.push(lastNum);
    expect(outbox.on('delivered', listener).off('delivered', listener)).toBe(outbox);
    await outbox.append(runner(1));
    await clock.pass(50);
    expect(heard).toEqual([]);
    expect(listen(outbox).told).toEqual([]);
  });
});

it('survives a folder that cannot be read for a while', async () => {
  const { outbox, folder, clock, events } = await scripted({ backoff: { firstMs: 100, maxMs: 100 } });
  folder.fault = (step) => {
    if (step === 'read') throw new Error('EIO');
  };
  await outbox.append(runner(1));
  await clock.pass(300);
  expect(events.of('retry').length).toBeGreaterThan(1);
  folder.fault = () => {};
  await clock.pass(100);
  expect(counts(outbox)).toMatchObject({ delivered: 1 });
});
