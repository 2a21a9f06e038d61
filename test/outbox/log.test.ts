import { describe, expect, it } from 'vitest';
import { RufusTimeoutError } from '../../src/index.js';
import { OutboxFullError } from '../../src/outbox/index.js';
import { openOutboxWith } from '../../src/outbox/open.js';
import type { OutboxOptions } from '../../src/outbox/types.js';
import { runChild } from '../support/child.js';
import { answerOf, failure, rejection } from '../support/client.js';
import { TOKEN } from '../support/operations.js';
import { rest } from './support/clock.js';
import { logbook, runner, runners, type Script, sandboxed, scripted, stored, tempFolder } from './support/rig.js';
import { race } from './support/session-race.js';

const FORBIDDEN = answerOf(403, { message: 'Forbidden' });
const down = (): Error => failure('ECONNRESET', 'socket hang up');
const SHOWN = `${TOKEN.slice(0, 8)}…`;

async function logged(options: Partial<OutboxOptions> = {}, parts: Parameters<typeof scripted>[1] = {}) {
  const log = logbook();
  return { ...(await scripted(options, { ...log.options, ...parts })), log };
}
/** So many requests fail, then all is well. */
const fails = (script: Script, count: number, reply = down) =>
  script.replies(...Array.from({ length: count }, () => reply));

describe('an outage', () => {
  it('of hours and hundreds of retries is one warning, and one line when it is over', async () => {
    const { outbox, script, clock, log } = await logged();
    script.always = down;
    await outbox.append(runners(2));
    await clock.pass(3 * 3_600_000);
    expect(outbox.stats().requests).toBeGreaterThan(300);
    expect(log.lines).toEqual([expect.stringMatching(/^warn: nothing can be delivered to session .*ECONNRESET/)]);
    expect(log.lines[0]).toContain(SHOWN);
    expect(log.lines[0]).toContain('2 passings pending');
    expect(log.fields).toEqual([{ operation: 'outbox', session: SHOWN, code: 'connection' }]);
    await outbox.append(runner(3));
    script.always = (insert) => stored(insert);
    await clock.pass(60_000);
    expect(log.lines.slice(1)).toEqual([
      expect.stringMatching(/^info: the API answers .* again, after 3 h; 3 passings/),
    ]);
    await clock.pass(60_000);
    expect(log.lines).toHaveLength(2);
  });

  it.each([1, 2])('is not what %i failures in a row are, if the next attempt succeeds', async (count) => {
    const { outbox, script, clock, log } = await logged();
    fails(script, count);
    await outbox.append(runner(1));
    await clock.pass(60_000);
    expect(outbox.stats()).toMatchObject({ delivered: 1, retries: count });
    expect(log.lines).toEqual([]);
  });

  it('is what a third failure in a row is', async () => {
    const { outbox, script, clock, log } = await logged();
    fails(script, 3);
    await outbox.append(runner(1));
    await clock.pass(60_000);
    expect(log.lines.map((line) => line.slice(0, 4))).toEqual(['warn', 'info']);
  });

  it('is what a single failure is that nothing follows for 5 s', async () => {
    const { outbox, script, clock, log } = await logged();
    script.replies(answerOf(503, {}, { 'retry-after': '600' }));
    await outbox.append(runner(1));
    await clock.pass(4_900);
    expect(log.lines).toEqual([]);
    await clock.pass(200);
    expect(log.lines).toHaveLength(1);
    await clock.pass(600_000);
    expect(log.lines[1]).toMatch(/^info: .*after 10 min/);
  });

  it('that comes again is told again; one that flaps within a minute, from the fifth failure in a row', async () => {
    const { outbox, script, clock, log } = await logged({ backoff: { firstMs: 10, maxMs: 10 } });
    const outage = async (failures: number) => {
      fails(script, failures);
      await outbox.append(runner(1));
      await outbox.drained();
      await clock.pass(100);
    };
    const pairs = () => log.lines.map((line) => line.slice(0, 4)).join();
    const turn = async (failures: number) => {
      const done = outage(failures);
      await clock.pass(2_000);
      await done;
      return pairs();
    };
    expect(await turn(3)).toBe('warn,info');
    for (let n = 0; n < 10; n++) expect(await turn(4)).toBe('warn,info');
    expect(await turn(5)).toBe('warn,info,warn,info');
    await clock.pass(60_000);
    expect(await turn(3)).toBe('warn,info,warn,info,warn,info');
    expect(log.lines.at(-1)).toContain('after 0 s');
  });

  it('outlasts a pause, and is over with the first answer, whatever it says', async () => {
    const { outbox, script, clock, log } = await logged();
    fails(script, 3);
    await outbox.append(runners(2));
    await clock.pass(400);
    outbox.pause();
    await clock.pass(60_000);
    fails(script, 1);
    script.replies(answerOf(413, { description: 'Too large' }));
    outbox.resume();
    await clock.pass(60_000);
    expect(log.lines.map((line) => line.slice(0, 4))).toEqual(['warn', 'info']);
    expect(log.lines[1]).toContain('2 passings had piled up');
  });

  it('is none of the logger’s business once the outbox is closed', async () => {
    const { outbox, script, clock, log } = await logged();
    fails(script, 1);
    await outbox.append(runner(1));
    await clock.pass(60);
    await outbox.close();
    await clock.pass(60_000);
    expect(log.lines).toEqual([]);
  });
});

describe('a block', () => {
  it('is one warning at once, with what to do, and one line when it is over', async () => {
    const { outbox, script, clock, log } = await logged({ probeMs: 300_000 });
    script.always = () => FORBIDDEN;
    await outbox.append(runner(1));
    await clock.pass(3_600_000);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn: .*403.*WRITE.*tried again every 5 min, and at once on resume\(\)\. 1 passing /),
    ]);
    expect(log.fields).toEqual([{ operation: 'outbox', session: SHOWN, code: 'permission_denied', status: 403 }]);
    script.always = (insert) => stored(insert);
    outbox.resume();
    await rest();
    expect(log.lines.slice(1)).toEqual([expect.stringMatching(/^info: .*after 60 min/)]);
  });

  it('that an outage turns into is told; an outage that it turns into is not', async () => {
    const { outbox, script, clock, log } = await logged({ probeMs: 1_000 });
    fails(script, 3);
    script.replies(FORBIDDEN, down, down, down, FORBIDDEN, down);
    await outbox.append(runner(1));
    await clock.pass(120_000);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn: .*ECONNRESET/),
      expect.stringMatching(/^warn: .*403/),
      expect.stringMatching(/^info: /),
    ]);
  });

  it('without probes says that resume() is what helps', async () => {
    const { outbox, script, clock, log } = await logged({ probeMs: Number.POSITIVE_INFINITY });
    script.always = () => FORBIDDEN;
    await outbox.append(runner(1));
    await clock.pass(100);
    expect(log.lines[0]).toContain('tried again on resume()');
  });
});

describe('the level', () => {
  it.each([
    ['off', []],
    ['error', []],
    ['warn', ['warn']],
    ['info', ['warn', 'info']],
  ] as const)('%s is heeded', async (logLevel, levels) => {
    const { outbox, script, clock, log } = await logged({}, { logLevel });
    fails(script, 3);
    await outbox.append(runner(1));
    await clock.pass(60_000);
    expect(log.lines.map((line) => line.slice(0, 4))).toEqual(levels);
  });

  it('of a logger that throws disturbs nothing', async () => {
    const throws = (): never => {
      throw new Error('of the logger');
    };
    const logger = { error: throws, warn: throws, info: throws, debug: throws };
    const { outbox, script, clock } = await scripted({}, { logger, logLevel: 'debug' });
    fails(script, 3);
    await outbox.append(runner(1));
    await clock.pass(60_000);
    expect(outbox.stats()).toMatchObject({ delivered: 1 });
  });
});

describe('a parked passing', () => {
  it('is told of where there was none, and when there is none any more', async () => {
    const { outbox, script, clock, log } = await logged();
    const poison = () => answerOf(400, { description: 'No such runner' });
    script.replies(poison(), poison());
    await outbox.append(runner(7));
    await clock.pass(100);
    await outbox.append(runner(8));
    await clock.pass(100);
    expect(outbox.stats().parked).toBe(2);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn: passing 1 of session .*400.*No such runner.*requeue\(\)/),
    ]);
    await outbox.requeue(({ num_passing }) => num_passing === 1);
    expect(log.lines).toHaveLength(1);
    await outbox.requeue();
    expect(log.lines.slice(1)).toEqual(['info: nothing is parked any more']);
    await outbox.requeue();
    await clock.pass(100);
    script.replies(poison());
    await outbox.append(runner(9));
    await clock.pass(100);
    expect(log.lines.slice(2)).toEqual([expect.stringMatching(/^warn: passing 5 of session/)]);
  });

  it('of the folder, from before, is no news', async () => {
    const { outbox, script, clock, folder } = await scripted();
    script.replies(answerOf(400, {}), answerOf(400, {}));
    await outbox.append(runner(1));
    await clock.pass(100);
    await outbox.close();
    const again = await logged({}, { folder, script });
    await again.outbox.append(runner(2));
    await again.clock.pass(100);
    expect(again.outbox.stats().parked).toBe(2);
    expect(again.log.lines).toEqual([]);
  });
});

describe('a session', () => {
  it("that somebody closed, 'park': one warning, however much is parked", async () => {
    const log = logbook();
    const { server, open, token_session, clock, clientOf } = await race();
    const { outbox } = await open({}, clientOf(log.options));
    await server.sessions.close(token_session);
    for (let n = 1; n <= 5; n++) {
      await outbox.append(runner(n));
      await clock.pass(100);
    }
    expect(outbox.stats().parked).toBe(5);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn: session .* closed .*switchSession\(\), then requeue\(\)/),
    ]);
    expect(log.lines.join()).not.toContain(token_session);
  });

  it("that somebody closed, 'new-session': one warning for each replacement, one for the fight, one when it is over", async () => {
    const log = logbook();
    const { server, deviceid, open, clock, clientOf, tokens } = await race({ onSessionClosed: 'new-session' });
    const { outbox } = await open({}, clientOf(log.options));
    for (let n = 1; n <= 4; n++) {
      await server.sessions.create({ deviceid });
      await outbox.append(runner(n));
      await clock.pass(1_000);
    }
    const replaced = (at: number) => expect.stringContaining(`goes to session ${tokens()[at]!.slice(0, 8)}…`);
    expect(log.lines).toEqual([
      replaced(2),
      replaced(4),
      replaced(6),
      expect.stringMatching(/^warn: .*Does another process/),
    ]);
    outbox.resume();
    await clock.pass(100);
    expect(log.lines.slice(4)).toEqual([replaced(8), expect.stringMatching(/^info: the API answers/)]);
  });

  it('that was left as asked is no warning, its creation lost or not', async () => {
    const log = logbook();
    const { sandbox, deviceid, open, clock, clientOf } = await race();
    const { outbox } = await open({}, clientOf(log.options));
    await outbox.append(runner(1));
    await outbox.switchSession({ token_session: await outbox.switchSession({ deviceid, open: 'new' }) });
    sandbox.fault({ kind: 'reset-after', on: 'POST /sessions' });
    const switched = outbox.switchSession({ deviceid, open: 'new' });
    await rest();
    await outbox.append(runner(2));
    await clock.pass(5_000);
    await switched;
    expect(log.lines).toEqual([
      expect.stringMatching(/^info: session .* left/),
      expect.stringMatching(/^info: session .* left/),
    ]);
  });

  it.each([
    ['in passing', 429],
    ['for good, while nobody waits for it', 403],
  ])('that cannot be left because creating one fails %s: one warning', async (_, status) => {
    const log = logbook();
    const { sandbox, deviceid, open, clock, clientOf } = await race({ probeMs: 1_000 });
    const before = (await open()).outbox;
    before.pause();
    await before.append(runner(1));
    await before.close();
    sandbox.fault({ kind: 'status', status, on: 'POST /sessions', times: 20 });
    const { outbox } = await open({ session: { deviceid, open: 'new' } }, clientOf(log.options));
    await clock.pass(5_000);
    expect(outbox.stats().pending).toBe(0);
    expect(log.lines).toEqual([expect.stringMatching(new RegExp(`^warn: session .* cannot be left: .*${status}`))]);
    await clock.pass(10 * 60_000);
    expect(log.lines.slice(1)).toEqual([expect.stringMatching(/^info: session .* was left/)]);
  });

  it('whose change is given up says no more of it, and the next change is told of anew', async () => {
    const log = logbook();
    const { sandbox, deviceid, open, clock, clientOf } = await race();
    const { outbox } = await open({}, clientOf(log.options));
    sandbox.fault({ kind: 'status', status: 429, on: 'POST /sessions', times: 1_000 });
    for (let n = 1; n <= 2; n++) {
      const given = outbox.switchSession({ deviceid, open: 'new' }, { timeoutMs: 60_000 }).catch(() => 'given up');
      await clock.pass(60_000);
      expect(await given).toBe('given up');
      await clock.pass(60_000);
      expect(log.lines).toHaveLength(n);
    }
  });

  it('that cannot be left is told once, whoever gives up waiting for his turn meanwhile', async () => {
    const log = logbook();
    const { sandbox, deviceid, open, clock, clientOf } = await race();
    const { outbox } = await open({}, clientOf(log.options));
    sandbox.fault({ kind: 'status', status: 429, on: 'POST /sessions', times: 20 });
    const switched = outbox.switchSession({ deviceid, open: 'new' });
    for (let n = 1; n <= 3; n++) {
      const given = rejection(
        RufusTimeoutError,
        outbox.switchSession({ deviceid, open: 'new' }, { timeoutMs: 10_000 }),
      );
      await clock.pass(10_000);
      await given;
    }
    await clock.pass(10 * 60_000);
    await switched;
    expect(log.lines.map((line) => line.slice(0, 4))).toEqual(['warn', 'info']);
  });

  it('that somebody else writes to, with our numbers: one warning', async () => {
    const { outbox, script, clock, log } = await logged();
    script.always = (insert) => stored(insert, insert.nums.length);
    for (let n = 1; n <= 3; n++) {
      await outbox.append(runner(n));
      await clock.pass(100);
    }
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn: session .* 1 of the numbers 1 to 1 already: somebody else/),
    ]);
  });
});

describe('the disk', () => {
  type JournalOpen = NonNullable<Parameters<typeof scripted>[1]>['openJournal'];

  async function onDisk() {
    let events: Parameters<NonNullable<JournalOpen>>[0]['events'];
    const log = logbook();
    const { folder, ...rig } = await scripted();
    await rig.outbox.close();
    const again = await scripted(
      {},
      {
        ...log.options,
        folder,
        openJournal: (options) => {
          ({ events } = options);
          return folder.open(options);
        },
      },
    );
    return { ...again, log, events: () => events! };
  }

  it('full and failed are one warning each, room again one line; room that does not last is none', async () => {
    const { clock, log, events } = await onDisk();
    const full = new OutboxFullError('No room for 150 bytes.', { usedBytes: 1, freeBytes: 0 });
    for (let n = 0; n < 5; n++) {
      events().storage!('full', full);
      await clock.pass(100);
      events().storage!('ok', undefined);
      await clock.pass(100);
    }
    expect(log.lines).toEqual([expect.stringMatching(/^warn: memory is full: .*No room for 150 bytes$/)]);
    await clock.pass(5_000);
    expect(log.lines.slice(1)).toEqual(['info: memory takes appends again']);
    events().storage!('full', full);
    expect(log.lines.slice(2)).toEqual([expect.stringMatching(/^warn: memory is full/)]);
    events().storage!('failed', new Error('EIO'));
    expect(log.lines.slice(3)).toEqual([expect.stringMatching(/^warn: memory can no longer be written: .*EIO/)]);
  });

  it('damage is told at once, and more of it once a minute, and at the end', async () => {
    const { outbox, clock, log, events } = await onDisk();
    const damaged = (corruptRecords: number) => events().damaged!({ records: 0, tornBytes: 0, corruptRecords });
    events().damaged!({ records: 5, tornBytes: 10, corruptRecords: 0 });
    for (let n = 0; n < 100; n++) damaged(1);
    expect(log.lines).toEqual([expect.stringMatching(/^warn: 1 passing in memory can no longer be read/)]);
    await clock.pass(60_000);
    expect(log.lines.slice(1)).toEqual([expect.stringMatching(/^warn: 99 passings in memory/)]);
    damaged(3);
    await outbox.close();
    expect(log.lines.slice(2)).toEqual([expect.stringMatching(/^warn: 3 passings/)]);
  });

  it('that has no room to park is told of by its own state, and by nothing else', async () => {
    const log = logbook();
    const { server, open, folder, token_session, clock, clientOf } = await race();
    const { outbox } = await open({}, clientOf(log.options));
    folder.fault = (step) => {
      if (step === 'park') throw new OutboxFullError('No room', { usedBytes: 1, freeBytes: 0 });
    };
    await server.sessions.close(token_session);
    await outbox.append(runner(1));
    await clock.pass(60_000);
    expect(outbox.stats()).toMatchObject({ state: 'backoff', pending: 1 });
    expect(log.lines).toEqual([expect.stringMatching(/^warn: session .* closed/)]);
  });

  it('what opening found is told', async () => {
    const { folder } = await scripted();
    folder.found = { records: 1, tornBytes: 2, corruptRecords: 3 };
    const { log } = await logged({}, { folder });
    expect(log.lines).toEqual([expect.stringMatching(/^warn: 3 passings in memory can no longer be read/)]);
  });

  it('numbers that were skipped are told, with the reason', async () => {
    const { outbox, folder } = await scripted();
    await outbox.close();
    folder.suspect = true;
    const { log } = await logged({ session: { token_session: TOKEN } }, { folder });
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn: which numbers of session .*: the next one is 1000001, not 1, .*was not expected/),
    ]);
  });
});

it('a client that only looks like one is told nothing, and works', async () => {
  const { client, deviceid } = await sandboxed();
  const { devices, sessions, passings } = client;
  const outbox = await openOutboxWith(
    {
      client: { devices, sessions, passings } as never,
      directory: await tempFolder(),
      session: { deviceid, open: 'new' },
    },
    {},
  );
  await outbox.append(runner(1));
  await outbox.drained();
  await outbox.close();
});

/** A box at a finish line, from the outside. */
async function box(env: Record<string, string>, options = '{}') {
  const { sandbox, server, clientOf, deviceid } = await sandboxed();
  // One that a key may find that can only read.
  const { token_session } = await clientOf({ apiKey: sandbox.keys.admin }).sessions.create({ deviceid });
  const key = sandbox.keys.read;
  const source = `
    import { RufusClient } from '../src/index.js';
    import { openOutbox } from '../src/outbox/index.js';
    const client = new RufusClient(${options});
    const session = { deviceid: process.env.DEVICE, open: 'active-or-new' };
    const outbox = await openOutbox({ client, directory: process.env.FOLDER, probeMs: 40, session });
    for (let n = 0; n < 20; n++) {
      await outbox.append({ timestamp: new Date(), bib: String(n) });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await outbox.close({ drainMs: 200 });
    await client.close();`;
  const where = { RUFUS_API_KEY: key, RUFUS_BASE_URL: server.url, FOLDER: await tempFolder(), DEVICE: deviceid };
  return { ...(await runChild(source, { ...where, ...env })), token_session, key };
}

describe('a process whose key may only read', () => {
  it('says so on standard error, once, by default', async () => {
    const { code, stdout, stderr, token_session, key } = await box({});
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr.match(/rufus-client: outbox: /g)).toHaveLength(1);
    expect(stderr).toMatch(/^rufus-client: outbox: nothing can be delivered to session .*403/);
    expect(stderr).toContain(token_session.slice(0, 8));
    expect(stderr).not.toContain(token_session);
    expect(stderr).not.toContain(key);
  });

  it('is silent where RUFUS_LOG or logLevel say so', async () => {
    expect(await box({ RUFUS_LOG: 'off' })).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await box({ RUFUS_LOG: 'debug' }, "{ logLevel: 'error' }")).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});
