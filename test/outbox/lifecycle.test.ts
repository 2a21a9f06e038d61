import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, inspect, promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  RufusAbortError,
  RufusClient,
  type RufusClientOptions,
  RufusConfigError,
  RufusRequestValidationError,
} from '../../src/index.js';
import { Outbox, OutboxClosedError, OutboxLockedError, openOutbox } from '../../src/outbox/index.js';
import type { JournalOptions } from '../../src/outbox/journal.js';
import { openOutboxWith } from '../../src/outbox/open.js';
import type { OutboxOptions } from '../../src/outbox/types.js';
import { hang } from '../support/behaviours.js';
import { answerOf, clientOf, failure, KEY, rejection } from '../support/client.js';
import { TOKEN } from '../support/operations.js';
import { startServer } from '../support/server.js';
import { HandClock, rest } from './support/clock.js';
import { MemoryFolder } from './support/memory-journal.js';
import {
  all,
  counts,
  listen,
  logbook,
  opened,
  runner,
  runners,
  Script,
  START,
  sandboxed,
  scripted,
  stored,
  tempFolder,
} from './support/rig.js';

const session = { token_session: TOKEN, startAt: 1 };

describe('append', () => {
  it.each([
    ['no bib', { timestamp: START }, ['passings', 0, 'bib']],
    ['a timestamp without a zone', { timestamp: '2026-03-15T09:00:00', bib: '1' }, ['passings', 0, 'timestamp']],
    ['a field that does not exist', { timestamp: START, bib: '1', chips: 'E1' }, ['passings', 0, 'chips']],
    ['a number of its own', { timestamp: START, bib: '1', num_passing: 7 }, ['passings', 0, 'num_passing']],
    ['a list with one that is bad', [runner(1), { timestamp: START, bib: 7 }], ['passings', 1, 'bib']],
    ['an empty list', [], ['passings']],
    ['nothing', undefined, ['passings', 0]],
  ])('refuses %s, and burns no number', async (_, given, path) => {
    const { outbox } = await scripted();
    const { issues } = await rejection(RufusRequestValidationError, outbox.append(given as never));
    expect(issues.map((issue) => issue.path)).toContainEqual(path);
    expect(await outbox.append(runner(1))).toEqual({ token_session: TOKEN, num_passing: 1 });
    expect(counts(outbox)).toMatchObject({ appended: 1 });
  });

  it('sends what insert would send', async () => {
    const { outbox, script } = await scripted();
    const timestamp = new Date(START);
    const at = '2026-03-15T11:00:00.1239+02:00';
    await outbox.append([
      { timestamp, bib: '1', chip: undefined, status: null },
      { timestamp: at, bib: '2' },
    ]);
    await outbox.drained();
    expect(script.inserts[0]!.passings).toEqual([
      { timestamp: START, bib: '1', status: null, num_passing: 1 },
      { timestamp: '2026-03-15T09:00:00.123Z', bib: '2', num_passing: 2 },
    ]);
  });

  it('a passing later changed by its owner is not', async () => {
    const { outbox, script } = await scripted();
    const passing = runner(1);
    const append = outbox.append(passing);
    passing.bib = 'changed';
    await append;
    await outbox.drained();
    expect(script.inserts[0]!.bibs).toEqual(['1']);
  });

  it('a commit that fails burns no number', async () => {
    const { outbox, folder } = await scripted();
    folder.fault = () => {
      throw new Error('disk full');
    };
    await expect(outbox.append(runners(2))).rejects.toThrow('disk full');
    folder.fault = () => {};
    expect(await outbox.append(runner(1))).toEqual({ token_session: TOKEN, num_passing: 1 });
  });

  it.each([
    [{ name: '', position: 1 }, 'name'],
    [{ name: 'd', position: Number.NaN }, 'position'],
    [{ name: 'd', position: null as never }, 'position'],
  ])('refuses the source %j', async (source, field) => {
    const { outbox } = await scripted();
    const { issues } = await rejection(RufusRequestValidationError, outbox.append(runners(1), { source }));
    expect(issues[0]!.path).toEqual(['source', field]);
  });
});

it('keeps the position of a source with the list, over a restart, also with an empty one', async () => {
  const { client, deviceid } = await sandboxed();
  const directory = await tempFolder();
  const first = await opened({ client, directory, session: { deviceid, open: 'active-or-new' } });
  expect(first.position('decoder')).toBeUndefined();
  await first.append(runners(2), { source: { name: 'decoder', position: 4711 } });
  await first.append(runners(1, 3), { source: { name: 'other', position: 'a/7' } });
  expect(await first.append([], { source: { name: 'decoder', position: 4712 } })).toEqual([]);
  await first.close();
  const second = await opened({ client, directory, session: { deviceid, open: 'active-or-new' } });
  expect([second.position('decoder'), second.position('other')]).toEqual([4712, 'a/7']);
  expect(await second.append(runner(4))).toMatchObject({ num_passing: 4 });
});

describe('drained', () => {
  it('waits for what was appended before, not for what comes after', async () => {
    const script = new Script();
    const { outbox } = await scripted({ batch: { max: 2 } }, { script });
    await outbox.append(runners(2));
    let settled = false;
    const drained = outbox.drained().then(() => {
      settled = true;
    });
    script.replies(stored);
    script.always = () => new Promise(() => {});
    await outbox.append(runners(2, 3));
    await rest();
    expect(settled).toBe(true);
    expect(counts(outbox)).toMatchObject({ delivered: 2, pending: 2 });
    await drained;
  });

  it('counts what is parked as done, and resolves at once where nothing is pending', async () => {
    const script = new Script();
    script.always = () => answerOf(400, {});
    const { outbox } = await scripted({}, { script });
    await outbox.drained();
    await outbox.append(runners(3));
    await outbox.drained();
    expect(counts(outbox)).toMatchObject({ parked: 3 });
    expect(outbox.stats().state).toBe('idle');
  });

  it('does not wait for what the disk has damaged', async () => {
    const folder = new MemoryFolder();
    let events: JournalOptions['events'];
    const openJournal = (options: JournalOptions) => {
      ({ events } = options);
      return folder.open(options);
    };
    const { outbox } = await scripted({}, { folder, openJournal });
    outbox.pause();
    await outbox.append(runners(3));
    const drained = outbox.drained();
    await outbox.append(runners(2, 4));
    folder.ack = 3;
    events!.damaged!({ records: 0, tornBytes: 0, corruptRecords: 3 });
    await drained;
  });

  it('can be given up, by signal or by closing', async () => {
    const script = new Script();
    script.always = () => failure('ECONNREFUSED');
    const { outbox } = await scripted({}, { script });
    await outbox.append(runner(1));
    const abort = new AbortController();
    const aborted = rejection(RufusAbortError, outbox.drained({ signal: abort.signal }));
    const closed = rejection(OutboxClosedError, outbox.drained());
    await rest();
    abort.abort(new Error('enough'));
    expect((await aborted).cause).toMatchObject({ message: 'enough' });
    await rejection(RufusAbortError, outbox.drained({ signal: AbortSignal.abort() }));
    await outbox.close();
    await closed;
  });
});

describe('close', () => {
  it('refuses everything after it, resolves alike when called twice, and lets go of the folder', async () => {
    const { client, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const options = { client, directory, session: { deviceid, open: 'active-or-new' } } as const;
    const outbox = await opened(options);
    await outbox.append(runners(2));
    const closing = outbox.close();
    await rejection(OutboxClosedError, outbox.append(runner(3)));
    expect(await outbox.close()).toEqual(await closing);
    for (const call of [
      () => outbox.append(runner(3)),
      () => outbox.drained(),
      () => outbox.requeue(),
      () => outbox.rewind({ from: START, to: START }),
      () => outbox.switchSession(options.session),
    ]) {
      await rejection(OutboxClosedError, call());
    }
    expect(outbox.stats()).toMatchObject({ state: 'closed', appended: 2 });
    outbox.pause();
    outbox.resume();
    expect(outbox.stats().state).toBe('closed');
    await opened(options);
  });

  it('finishes the appends that are under way', async () => {
    const { client, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const outbox = await opened({ client, directory, session: { deviceid, open: 'active-or-new' } });
    const append = outbox.append(runners(3));
    await outbox.close();
    expect(await append).toHaveLength(3);
  });

  it('with drainMs delivers what it can, and no longer than that', async () => {
    const { outbox, script, clock } = await scripted({ batch: { lingerMs: 60_000 } });
    await outbox.append(runners(2));
    expect(await outbox.close({ drainMs: 10_000 })).toEqual({ pending: 0, parked: 0 });
    expect(script.inserts).toHaveLength(1);
    expect(clock.timers).toEqual([]);

    const down = new Script();
    down.always = () => failure('ECONNREFUSED');
    const stuck = await scripted({}, { script: down });
    await stuck.outbox.append(runners(2));
    let closed: unknown;
    void stuck.outbox.close({ drainMs: 10_000 }).then((left) => {
      closed = left;
    });
    await stuck.clock.pass(9_999);
    expect(closed).toBeUndefined();
    await stuck.clock.pass(1);
    expect(closed).toEqual({ pending: 2, parked: 0 });
    expect(stuck.clock.timers).toEqual([]);
    expect(stuck.folder.closed).toBe(1);
  });

  it('does not wait for a pause to end', async () => {
    const { outbox } = await scripted();
    outbox.pause();
    await outbox.append(runner(1));
    expect(await outbox.close({ drainMs: 3_600_000 })).toEqual({ pending: 1, parked: 0 });
  });

  it.each<[string, RufusClientOptions]>([
    ['a server that never answers', {}],
    ['an API key that never comes', { apiKey: () => new Promise<string>(() => {}) }],
    ['a middleware that never ends', { middleware: [() => new Promise(() => {})] }],
  ])('does not wait for %s', async (_, options) => {
    const server = await startServer();
    server.always(hang());
    const client = new RufusClient({ apiKey: KEY, baseUrl: server.url, logLevel: 'off', ...options });
    const outbox = await opened({ client, directory: await tempFolder(), session });
    await outbox.append(runner(1));
    await expect.poll(() => outbox.stats().state).toBe('sending');
    expect(await outbox.close({ drainMs: 20 })).toEqual({ pending: 1, parked: 0 });
  });

  it('happens by itself with `await using`', async () => {
    const { client, deviceid } = await sandboxed();
    const options = { client, directory: await tempFolder(), session: { deviceid, open: 'active-or-new' } } as const;
    {
      await using outbox = await openOutbox(options);
      expect(outbox).toBeInstanceOf(Outbox);
      await outbox.append(runner(1));
      await rejection(OutboxLockedError, openOutbox(options));
    }
    const again = await opened(options);
    await again.drained();
    expect(again.stats()).toMatchObject({ delivered: 1 });
  });

  it('right after opening sends nothing', async () => {
    const script = new Script();
    const folder = new MemoryFolder();
    const first = await scripted({}, { folder });
    first.outbox.pause();
    await first.outbox.append(runner(1));
    await first.outbox.close();
    const { openOutboxWith } = await import('../../src/outbox/open.js');
    const client = new RufusClient({ apiKey: KEY, dispatcher: script, logLevel: 'off' });
    const outbox = await openOutboxWith(
      { client, directory: 'memory', session },
      { clock: new HandClock(), openJournal: folder.open },
    );
    await outbox.close();
    await rest();
    expect(script.inserts).toEqual([]);
  });
});

describe('stats and events', () => {
  it('tell how old the oldest pending one is, and when the last was delivered', async () => {
    const script = new Script();
    script.always = () => failure('ECONNREFUSED');
    const { outbox, clock } = await scripted({}, { script });
    expect(outbox.stats()).toMatchObject({
      state: 'idle',
      oldestPendingAgeMs: null,
      lastDeliveredAt: null,
      lastError: null,
      storage: 'ok',
    });
    await outbox.append(runner(1));
    await clock.pass(60_000);
    expect(outbox.stats()).toMatchObject({ token_session: TOKEN, oldestPendingAgeMs: 60_000, lastDeliveredAt: null });
    expect(outbox.stats().lastError).toContain('ECONNREFUSED');
    clock.set(-3_600_000);
    expect(outbox.stats().oldestPendingAgeMs).toBe(0);
    script.always = stored;
    outbox.resume();
    await outbox.drained();
    expect(outbox.stats()).toMatchObject({
      oldestPendingAgeMs: null,
      lastDeliveredAt: new Date(clock.wall()).toISOString(),
    });
  });

  it('show the token whole to those who ask for it, and nowhere else', async () => {
    const { outbox } = await scripted();
    const stats = outbox.stats();
    expect(stats.token_session).toBe(TOKEN);
    const { token_session } = stats;
    expect(token_session).toBe(TOKEN);
    const shown = `${TOKEN.slice(0, 8)}…`;
    expect(JSON.parse(JSON.stringify({ outbox: stats }))).toEqual({ outbox: { ...stats, token_session: shown } });
    expect(Object.keys(JSON.parse(JSON.stringify(stats)))).toEqual([
      'state',
      'storage',
      'token_session',
      'appended',
      'delivered',
      'parked',
      'pending',
      'inserted',
      'duplicates',
      'requests',
      'retries',
      'diskBytes',
      'oldestPendingAgeMs',
      'lastDeliveredAt',
      'lastError',
    ]);
    const bodies = [
      JSON.stringify({ ok: true, ...stats }),
      inspect(stats),
      inspect({ ...stats }),
      format('%j %o', stats, stats),
    ];
    for (const body of bodies) expect(body).not.toContain(TOKEN);
    expect(inspect(stats)).toContain(`token_session: '${shown}'`);
  });

  it('are not idle while something is pending: before the first turn, in a linger, and between two batches', async () => {
    const { outbox, script, clock, folder, events } = await scripted({ batch: { lingerMs: 40 } });
    const states = () => events.told.flatMap(([name, state]) => (name === 'state' ? [state] : []));
    const appended = outbox.append(runner(1));
    outbox.on('state', (state) => expect(state === 'idle' && outbox.stats().pending > 0).toBe(false));
    await appended;
    expect(outbox.stats()).toMatchObject({ state: 'sending', pending: 1 });
    await clock.pass(39);
    expect(outbox.stats()).toMatchObject({ state: 'sending', pending: 1, requests: 0 });
    expect(states()).toEqual(['sending']);
    await clock.pass(1);
    expect(outbox.stats()).toMatchObject({ state: 'idle', pending: 0, requests: 1 });
    expect(states()).toEqual(['sending', 'idle']);
    outbox.pause();
    await outbox.append(runner(2));
    expect(outbox.stats()).toMatchObject({ state: 'paused', pending: 1 });
    await outbox.close();
    const client = new RufusClient({ apiKey: KEY, dispatcher: script, logLevel: 'off' });
    const again = await openOutboxWith(
      { client, directory: 'memory', session },
      { clock: new HandClock(), openJournal: folder.open },
    );
    expect(again.stats()).toMatchObject({ state: 'sending', pending: 1 });
    const later = listen(again);
    await again.drained();
    expect(later.told.flatMap(([name, state]) => (name === 'state' ? [state] : []))).toEqual(['sending', 'idle']);
  });

  it('last as long as the folder', async () => {
    const { client, deviceid, sandbox } = await sandboxed();
    const options = { client, directory: await tempFolder(), session: { deviceid, open: 'active-or-new' } } as const;
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    const first = await opened(options);
    await first.append(runners(3));
    await first.drained();
    const { state: _, diskBytes: __, lastError: ___, ...before } = first.stats();
    await first.close();
    expect((await opened(options)).stats()).toMatchObject(before);
    expect(before).toMatchObject({ delivered: 3, inserted: 0, duplicates: 3, requests: 2, retries: 1 });
  });

  it('what opening found is told in the first turn after it', async () => {
    const folder = new MemoryFolder();
    folder.found = { records: 7, tornBytes: 120, corruptRecords: 1 };
    const { events } = await scripted({}, { folder });
    expect(events.of('recovered')).toEqual([{ records: 7, tornBytes: 120, corruptRecords: 1 }]);
    expect((await scripted()).events.of('recovered')).toEqual([]);
  });

  it('a clock step is told, drift is not', async () => {
    const { events, clock } = await scripted();
    clock.set(900);
    await clock.pass(5_000);
    expect(events.of('clockStep')).toEqual([]);
    clock.set(3_600_000);
    await clock.pass(5_000);
    clock.set(-3_600_000);
    await clock.pass(20_000);
    expect(events.of('clockStep')).toEqual([{ ms: 3_600_000 }, { ms: -3_600_000 }]);
  });

  it.skipIf(process.platform !== 'linux')(
    'a clock step over a restart is told, if the machine has not been booted since',
    async () => {
      const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
      const folder = new MemoryFolder();
      const clock = new HandClock();
      folder.lastCommit = { wall: clock.wall() - 10_000, mono: clock.mono() - 40_000, boot };
      expect((await scripted({}, { folder, clock })).events.of('clockStep')).toEqual([{ ms: -30_000 }]);
      folder.lastCommit = { ...folder.lastCommit, boot: 'another' };
      expect((await scripted({}, { folder, clock })).events.of('clockStep')).toEqual([]);
    },
  );

  it('the key is nowhere in the folder, and no token in an error', async () => {
    const { sandbox, client, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const outbox = await opened({ client, directory, session: { deviceid, open: 'new' } });
    const events = listen(outbox);
    sandbox.fault({ kind: 'status', status: 500, on: 'POST /passings' });
    sandbox.fault({ kind: 'status', status: 400, on: 'POST /passings' });
    await outbox.append(runner(1));
    await outbox.drained();
    const names = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = names.filter((name) => name.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const contents = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    expect(contents.some((text) => text.includes('"bib":"1"'))).toBe(true);
    expect(contents.join('')).not.toContain(sandbox.keys.readWrite);
    const told = events.of('retry').map(({ cause }) => String(cause));
    expect([...told, outbox.stats().lastError].join()).not.toContain(outbox.token_session);
    expect(events.of('parked')).toHaveLength(1);
  });

  it('appended is delivered, parked and pending, always', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 7 }) }),
        fc.record({
          do: fc.constantFrom(
            'requeue' as const,
            'rewind' as const,
            'pause' as const,
            'resume' as const,
            'restart' as const,
          ),
        }),
        fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 2_000 }) }),
      ),
      { maxLength: 25 },
    );
    const answers = fc.array(fc.constantFrom(201, 201, 201, 201, 400, 413, 429, 500, 401, -1), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, answers, async (steps, statuses) => {
        const server = new Map<number, string>();
        const script = new Script();
        script.always = (insert) => {
          const status = statuses.shift() ?? 201;
          if (status >= 400) return answerOf(status, {});
          const fresh = insert.nums.filter((num) => !server.has(num));
          insert.nums.forEach((num, index) => {
            if (server.has(num)) expect(server.get(num)).toBe(insert.bibs[index]);
            server.set(num, insert.bibs[index]!);
          });
          return status === -1 ? failure('ECONNRESET') : stored(insert, insert.nums.length - fresh.length);
        };
        script.other = () => answerOf(200, { result: [] });
        const folder = new MemoryFolder();
        const clock = new HandClock();
        const options = { batch: { max: 4 }, probeMs: 500, backoff: { firstMs: 50, maxMs: 200 } };
        const logs: string[][] = [];
        const open = () => {
          const log = logbook();
          logs.push(log.lines);
          return scripted(options, { ...log.options, script, folder, clock });
        };
        let { outbox, events } = await open();
        let given = 0;
        const check = () => {
          const { appended, delivered, parked, pending } = counts(outbox);
          expect(delivered + parked + pending).toBe(appended);
          expect(appended).toBe(given);
          const { state } = outbox.stats();
          if (pending > 0) expect(state).not.toBe('idle');
        };
        for (const step of steps) {
          if (step.do === 'append') {
            await outbox.append(runners(step.count, given + 1));
            given += step.count;
          } else if (step.do === 'requeue') await outbox.requeue();
          else if (step.do === 'rewind') void outbox.rewind({ from: new Date(0), to: new Date(4e12) }).catch(() => {});
          else if (step.do === 'pass') await clock.pass(step.ms);
          else if (step.do === 'restart') {
            await outbox.close();
            ({ outbox, events } = await open());
          } else outbox[step.do]();
          check();
        }
        outbox.resume();
        statuses.length = 0;
        await clock.pass(5_000);
        check();
        const parked = await all(outbox.parked());
        expect(counts(outbox)).toMatchObject({ pending: 0, parked: parked.length });
        const arrived = [...server.values(), ...parked.map(({ passing }) => passing.bib)];
        // A reset after which the answer was 400 leaves a passing in both: the server has it, and an operator sees it.
        expect(new Set(arrived).size).toBe(given);
        expect(events.of('collision')).toEqual([]);
        await outbox.close();
        // Of each trouble at most an outage and a block are told before it is over, once.
        for (const lines of logs) {
          const told = lines.filter((line) => /nothing can be delivered|answers/.test(line));
          expect(told.map((line) => line[0]).join('')).toMatch(/^(w{1,2}i)*w{0,2}$/);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('options', () => {
  const bad: [string, object][] = [
    ['client', { client: {} }],
    ['directory', { directory: '' }],
    ['session', { session: undefined }],
    ['session.token_session', { session: { token_session: '' } }],
    ['session.startAt', { session: { token_session: TOKEN, startAt: -1 } }],
    ['session.deviceid', { session: { deviceid: '..', open: 'new' } }],
    ['session.open', { session: { deviceid: 'D', open: 'old' } }],
    ['session.alias', { session: { deviceid: 'D', open: 'new', alias: 7 } }],
    ['onSessionClosed', { onSessionClosed: 'drop' }],
    ['maxDiskBytes', { maxDiskBytes: 0 }],
    ['minFreeBytes', { minFreeBytes: -1 }],
    ['maxPendingBytes', { maxPendingBytes: 1.5 }],
    ['retain.hours', { retain: { hours: -1 } }],
    ['retain.maxBytes', { retain: { maxBytes: Number.NaN } }],
    ['batch.max', { batch: { max: 0 } }],
    ['batch.maxBytes', { batch: { maxBytes: 0 } }],
    ['batch.lingerMs', { batch: { lingerMs: -1 } }],
    ['backoff.firstMs', { backoff: { firstMs: 0 } }],
    ['backoff.maxMs', { backoff: { maxMs: 'long' } }],
    ['probeMs', { probeMs: 0 }],
    ['durability', { durability: 'none' }],
  ];
  it.each(bad)('%s is checked before anything is touched', async (name, options) => {
    const { outboxSettings } = await import('../../src/outbox/options.js');
    const client = clientOf(await startServer());
    const given = { client, directory: '/nowhere/at/all', session, ...options } as OutboxOptions;
    const error = await rejection(RufusConfigError, openOutbox(given).then());
    expect(error.message).toContain(`\`${name}\``);
    expect(() => outboxSettings(given)).toThrow(RufusConfigError);
  });
});

it('a process that waits for a drained outbox does not end before it is', async () => {
  const { server, sandbox, deviceid } = await sandboxed();
  const directory = await tempFolder();
  sandbox.fault({ kind: 'status', status: 503, on: 'POST /passings', times: 2 });
  const source = `
    import { RufusClient } from './src/index.js';
    import { openOutbox } from './src/outbox/index.js';
    const client = new RufusClient({ apiKey: '${sandbox.keys.readWrite}', baseUrl: '${server.url}', logLevel: 'off' });
    const outbox = await openOutbox({ client, directory: '${directory}', session: { deviceid: '${deviceid}', open: 'new' } });
    await outbox.append({ timestamp: new Date(), bib: '1' });
    await outbox.drained();
    console.log(JSON.stringify(outbox.stats().delivered));
    await outbox.close();
    await client.close();`;
  const run = promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', source]);
  expect(await run).toEqual({ stdout: '1\n', stderr: '' });
});
