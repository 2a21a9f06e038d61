import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Account, filled, openAccount, passings } from './support/account.js';
import { type Running, rufus, start, temporaryFolder } from './support/rufus.js';
import { hasTerminals, onTerminal } from './support/terminal.js';

/** Complete lines that it has printed. */
const linesOf = ({ output }: Running) => output.stdout.split('\n').slice(0, -1);
const numbersOf = (running: Running) => linesOf(running).map((line) => JSON.parse(line).num_passing);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setTimeout(10);
}

async function boundDevice({ client }: Account, serial_number = '1'): Promise<string> {
  return (await client.devices.bind({ type: 'reader', model: 'R1', serial_number, alias: `Mat ${serial_number}` }))
    .deviceid;
}

/** A tail that has found its place: what comes from now on is new to it. */
async function startTail(account: Account, devices: readonly string[], ...options: string[]) {
  const cursors = join(temporaryFolder(), 'cursors');
  const running = start(['passings', 'tail', ...devices, '--cursors', cursors, ...options], account);
  await until(() => existsSync(cursors) && readFileSync(cursors, 'utf8').split('\n').length > devices.length);
  return { ...running, cursors };
}

describe('as they come', () => {
  test('from the next one on, or from the start', async () => {
    const account = await openAccount();
    const { deviceid, token_session } = await filled(account, passings(3));
    const next = await startTail(account, [deviceid]);
    const all = start(['passings', 'tail', deviceid, '--from-start'], account);
    await until(() => linesOf(all).length === 3);
    await account.client.passings.insert(token_session, passings(2, 4));
    await until(() => linesOf(all).length === 5 && linesOf(next).length === 2);
    expect([numbersOf(all), numbersOf(next)]).toEqual([
      [1, 2, 3, 4, 5],
      [4, 5],
    ]);
    expect(linesOf(all).map((line) => JSON.parse(line))).toEqual(account.sandbox.state.passings(token_session));
  });

  test('a hole that was there before is filled when its passing comes', async () => {
    const account = await openAccount();
    const { deviceid, token_session } = await filled(account, [...passings(2), ...passings(2, 5)]);
    const running = await startTail(account, [deviceid]);
    await account.client.passings.insert(token_session, passings(1, 3));
    await until(() => linesOf(running).length === 1);
    await account.client.passings.insert(token_session, passings(1, 7));
    await until(() => linesOf(running).length === 2);
    expect(numbersOf(running)).toEqual([3, 7]);
  });

  test('of a device that has no session yet, and over a change of sessions', async () => {
    const account = await openAccount();
    const deviceid = await boundDevice(account);
    const running = await startTail(account, [deviceid]);
    for (const bib of ['first', 'second']) {
      const { token_session } = await account.client.sessions.create({ deviceid });
      await account.client.passings.insert(
        token_session,
        passings(2).map((passing) => ({ ...passing, bib })),
      );
    }
    await until(() => linesOf(running).length >= 2);
    expect(
      linesOf(running)
        .map((line) => JSON.parse(line).bib)
        .at(-1),
    ).toBe('second');
  });

  test('of several devices, each line whole and with its device', async () => {
    const account = await openAccount();
    const devices = await Promise.all(['1', '2', '3'].map((serial) => boundDevice(account, serial)));
    const running = await startTail(account, devices);
    const sessions = await Promise.all(devices.map((deviceid) => account.client.sessions.create({ deviceid })));
    for (let first = 1; first <= 60; first += 20) {
      await Promise.all(
        sessions.map(({ token_session }) => account.client.passings.insert(token_session, passings(20, first))),
      );
    }
    await until(() => linesOf(running).length >= 180);
    const rows = linesOf(running).map((line) => JSON.parse(line));
    for (const deviceid of devices) {
      const own = rows.filter((row) => row.deviceid === deviceid).map(({ num_passing }) => num_passing);
      expect(own).toEqual(passings(60).map(({ num_passing }) => num_passing));
    }
  });
});

describe('--cursors', () => {
  test('over kill -9 each passing is printed once in all runs together; only the last line of a killed run may come again', {
    timeout: 120_000,
  }, async () => {
    const account = await openAccount({ pageSize: 600 });
    const { deviceid, token_session } = await filled(account, []);
    const cursors = join(temporaryFolder(), 'cursors');
    const total = 6_000;
    const race = (async () => {
      for (let first = 1; first <= total; first += 30) {
        await account.client.passings.insert(token_session, passings(30, first));
        await setTimeout(15);
      }
    })();
    const runs: number[][] = [];
    let kills = 0;
    const printed = () => Math.max(0, ...runs.flat());
    while (printed() < total) {
      const running = start(['passings', 'tail', deviceid, '--cursors', cursors, '--from-start'], account);
      const goal = kills < 8 ? 60 + ((kills * 97) % 300) : Number.POSITIVE_INFINITY;
      await until(
        () => linesOf(running).length >= goal || linesOf(running).at(-1)?.includes(`"num_passing":${total},`) === true,
      );
      running.child.kill('SIGKILL');
      await running.ended;
      kills++;
      runs.push(numbersOf(running));
    }
    await race;
    expect(kills).toBeGreaterThanOrEqual(8);
    for (const [index, run] of runs.entries()) {
      const before = runs[index - 1]?.at(-1);
      if (run[0] === before) run.shift();
    }
    expect(runs.flat()).toEqual(passings(total).map(({ num_passing }) => num_passing));
  });

  test.skipIf(process.platform === 'win32')(
    'what comes while nobody looks is printed by the next run; Ctrl-C says how to go on',
    async () => {
      const account = await openAccount();
      const { deviceid, token_session } = await filled(account, passings(3));
      const running = await startTail(account, [deviceid]);
      running.child.kill('SIGINT');
      expect(await running.ended).toMatchObject({
        code: 130,
        stdout: '',
        stderr: 'rufus: Stopped. Run it again to go on here.\n',
      });
      await account.client.passings.insert(token_session, passings(2, 4));
      const again = start(['passings', 'tail', deviceid, '--cursors', running.cursors], account);
      await until(() => linesOf(again).length === 2);
      expect(numbersOf(again)).toEqual([4, 5]);
      again.child.kill('SIGTERM');
      expect(await again.ended).toMatchObject({ code: 143 });
    },
  );

  test('CSV has one head in all runs together', async () => {
    const account = await openAccount();
    const { deviceid, token_session } = await filled(account, passings(1));
    const running = await startTail(account, [deviceid], '--from-start', '--format', 'csv');
    await until(() => linesOf(running).length === 2);
    expect(running.output.stdout).toMatch(/^timestamp,num_passing,.*\r\n2026-[^\r\n]*\r\n$/);
    running.child.kill('SIGKILL');
    await running.ended;
    await account.client.passings.insert(token_session, passings(1, 2));
    const again = start(['passings', 'tail', deviceid, '--cursors', running.cursors, '--format', 'csv'], account);
    await until(() => linesOf(again).length === 1);
    expect(again.output.stdout).toMatch(/^2026-.*,2,.*\r\n$/);
  });

  test('a cursor is not moved past a line that nobody took', async () => {
    const account = await openAccount();
    const { deviceid } = await filled(account, passings(2_000));
    const cursors = join(temporaryFolder(), 'cursors');
    const running = start(['passings', 'tail', deviceid, '--cursors', cursors, '--from-start'], account);
    await running.printed(/"num_passing":20,/);
    running.child.stdout.destroy();
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
    const { cursor } = JSON.parse(readFileSync(cursors, 'utf8').trimEnd().split('\n').at(-1)!);
    expect(cursor.last).toBeLessThan(2_000);
  });

  test('a file that is none, or of another account, is refused', async () => {
    const account = await openAccount();
    const { deviceid } = await filled(account, passings(1));
    const cursors = join(temporaryFolder(), 'cursors');
    const tail = ['passings', 'tail', deviceid, '--cursors', cursors];
    writeFileSync(cursors, 'bib,timestamp\n');
    expect(await rufus(tail, account)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no file of cursors'),
    });
    writeFileSync(cursors, `${JSON.stringify({ deviceid, cursor: { token_session: 'F'.repeat(64), last: 3 } })}\n`);
    const foreign = await rufus(tail, account);
    expect(foreign).toMatchObject({ code: 4, stdout: '' });
    expect(foreign.stderr).not.toContain('F'.repeat(20));
  });
});

describe('what goes wrong', () => {
  test('an unknown device ends it, and those beside it', async () => {
    const account = await openAccount();
    const { deviceid } = await filled(account, passings(1));
    const ended = await rufus(['passings', 'tail', deviceid, 'F'.repeat(64)], account);
    expect(ended).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringMatching(/^rufus: devices\.get: .*"Device not found".*\n$/),
    });
    expect(await rufus(['passings', 'tail'], account)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("missing required argument 'device'"),
    });
  });

  test('an outage is told, waited out, and its end is told', async () => {
    const account = await openAccount();
    const { deviceid, token_session } = await filled(account, []);
    const running = await startTail(account, [deviceid]);
    account.sandbox.fault({ on: 'GET /passings/device2/{deviceid}', kind: 'html', times: 3 });
    await running.printed(
      /^warning: no answer from RUFUS since \d\d:\d\d:\d\d \(UTC\), still asking: .*captive portal.*\n/,
      'stderr',
    );
    await running.printed(/\nRUFUS answers again since .*\n/, 'stderr');
    await account.client.passings.insert(token_session, passings(1));
    await until(() => linesOf(running).length === 1);
  });

  test.runIf(process.platform === 'linux')('the key is in no argument of the process', async () => {
    const account = await openAccount();
    const { deviceid } = await filled(account, []);
    const running = await startTail(account, [deviceid]);
    const commandLine = readFileSync(`/proc/${running.child.pid}/cmdline`, 'utf8');
    expect(commandLine).toContain('tail');
    expect(commandLine).not.toContain(account.env.RUFUS_API_KEY);
  });
});

test.runIf(hasTerminals)('on a terminal it is a table that fits, with names of devices and no token', async () => {
  const account = await openAccount();
  const [first, second] = await Promise.all(['1', '2'].map((serial) => boundDevice(account, serial)));
  const { token_session } = await account.client.sessions.create({ deviceid: first! });
  await account.client.passings.insert(token_session, passings(2));
  const terminal = onTerminal(['passings', 'tail', first!, second!, '--from-start', '--no-color'], account);
  await terminal.shows(
    /device {2}timestamp {17}num_passing {2}bib {4}chip\r\nMat 1 {3}2026-05-03T09:00:01\.000Z {12}1 {2}1\r\nMat 1 .* 2 {2}2\r\n/,
  );
  terminal.type('\x03');
  const { code, screen } = await terminal.ended;
  expect(code).toBe(130);
  expect(screen).toMatch(/rufus: Stopped\. With --cursors FILE it would go on here\.\r\n$/);
  expect(screen).not.toContain(token_session.slice(0, 12));
});
