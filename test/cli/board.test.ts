import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import { expect, onTestFinished, test } from 'vitest';
import { rufus, start, temporaryFolder } from './support/rufus.js';

interface State {
  readonly title: string;
  readonly devices: readonly { readonly deviceid: string; readonly alias: string; readonly reads: number }[];
}

/** An account with two mats, and some passings at the first. */
async function account() {
  const sandbox = new Sandbox();
  const { url, close } = await sandbox.listen();
  onTestFinished(close);
  const client = new RufusClient({ apiKey: sandbox.keys.readWrite, baseUrl: url });
  onTestFinished(() => client.close());
  const bind = async (alias: string) => {
    const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: alias, alias });
    const { token_session } = await client.sessions.create({ deviceid });
    return { deviceid, token_session };
  };
  const mats = [await bind('Start'), await bind('Finish')] as const;
  let number = 0;
  const cross = (count: number) =>
    client.passings.insert(
      mats[0].token_session,
      Array.from({ length: count }, () => ({ num_passing: ++number, bib: `${number}`, timestamp: new Date() })),
    );
  return { env: { RUFUS_BASE_URL: url, RUFUS_API_KEY: sandbox.keys.read }, mats, cross };
}

async function serving(args: readonly string[], env: Record<string, string> = {}) {
  const running = start(['board', '--listen', '127.0.0.1:0', ...args], { env });
  const [line] = await running.printed(/^http:\/\/127\.0\.0\.1:\d+\n/);
  const url = line!.trim();
  const state = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/api/state`, { headers });
    return { status: response.status, state: response.ok ? ((await response.json()) as State) : undefined };
  };
  /** The reads of each device, once there are so many of them. */
  const reads = async (total: number): Promise<number[]> => {
    for (;;) {
      const counts = (await state()).state!.devices.map((device) => device.reads);
      if (counts.reduce((sum, count) => sum + count, 0) >= total) return counts;
      await sleep(20);
    }
  };
  return { ...running, url, state, reads };
}

test('--demo shows a race, without a key', async () => {
  const { child, ended, state, url } = await serving(['--demo', '--title', 'Sunday']);
  const shown = (await state()).state!;
  expect(shown.title).toBe('Sunday');
  expect(shown.devices.length).toBeGreaterThan(3);
  expect(await (await fetch(url)).text()).toMatch(/^<!doctype html>/i);
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 130, stdout: `${url}\n`, stderr: '' });
});

test('shows every device of the account, or those that are named, in their order', async () => {
  const { env, mats, cross } = await account();
  await cross(3);
  const all = await serving([], env);
  await all.reads(3);
  const aliases = async (board: Pick<typeof all, 'state'>) =>
    (await board.state()).state!.devices.map((device) => device.alias);
  expect((await aliases(all)).sort()).toEqual(['Finish', 'Start']);
  const named = await serving([mats[1].deviceid, mats[0].deviceid], env);
  expect(await named.reads(3)).toEqual([0, 3]);
  expect(await aliases(named)).toEqual(['Finish', 'Start']);
});

test('--state goes on exactly after a kill', async () => {
  const { env, mats, cross } = await account();
  const file = join(temporaryFolder(), 'race.board');
  await cross(200);
  const first = await serving([mats[0].deviceid, '--state', file], env);
  await first.reads(200);
  first.child.kill('SIGKILL');
  await first.ended;
  await cross(50);
  const second = await serving([mats[0].deviceid, '--state', file], env);
  expect(await second.reads(250)).toEqual([250]);
});

test('--token lets in who has it, and nobody else; it is not printed into a log', async () => {
  const { child, state, ended } = await serving(['--demo', '--token', 'sesame-0123']);
  expect((await state()).status).toBe(401);
  expect((await state({ authorization: 'Bearer sesame-0124' })).status).toBe(401);
  expect((await state({ authorization: 'Bearer sesame-0123' })).status).toBe(200);
  child.kill('SIGTERM');
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(143);
  expect(stdout + stderr).not.toContain('sesame');
});

// On Windows and macOS other programs open a browser.
test.skipIf(process.platform !== 'linux')('--open opens it in the browser, with the token', async () => {
  const folder = temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await writeFile(
    join(folder, 'bin/xdg-open'),
    `#!/bin/sh\nprintf %s "$1" > ${folder}/opened.new\nmv ${folder}/opened.new ${folder}/opened\n`,
  );
  await chmod(join(folder, 'bin/xdg-open'), 0o755);
  const { url } = await serving(['--demo', '--open', '--token', 'sesame'], {
    PATH: `${folder}/bin:${process.env.PATH}`,
  });
  const opened = async (): Promise<string> => {
    for (;;) {
      const text = await readFile(join(folder, 'opened'), 'utf8').catch(() => undefined);
      if (text !== undefined) return text;
      await sleep(20);
    }
  };
  expect(await opened()).toBe(`${url}/#token=sesame`);
});

test.skipIf(process.platform !== 'linux')('--open goes on where there is no browser', async () => {
  const { state, output } = await serving(['--demo', '--open'], { PATH: '/nowhere' });
  expect((await state()).status).toBe(200);
  expect(output.stderr).toMatch(/^warning: no browser could be opened: spawn xdg-open ENOENT\n$/);
});

test.each([
  [['--demo', '--listen', '0.0.0.0:0'], 2, /where others can reach it: give it a --token, or say --public\./],
  [['--demo', 'D1'], 2, /With --demo the devices are simulated: name none\./],
  [['--demo', '--timezone', 'Mars/Base'], 2, /--timezone must be a time zone such as Europe\/Madrid, not Mars\/Base\./],
  [['--demo', '--token', 'a b'], 2, /--token must be a text of letters, digits/],
  [['--demo', '--listen', 'x:y:z'], 2, /Write it as HOST:PORT/],
  [[], 2, /The API key is missing|rufus login/],
])('refuses %j', async (args, code, problem) => {
  const ended = await rufus(['board', ...args]);
  expect([ended.code, ended.stdout]).toEqual([code, '']);
  expect(ended.stderr).toMatch(/^rufus: [^\n]+\n$/);
  expect(ended.stderr).toMatch(problem);
});

test('says that a port is in use, and what to do', async () => {
  const { url } = await serving(['--demo']);
  const ended = await rufus(['board', '--demo', '--listen', `127.0.0.1:${new URL(url).port}`]);
  expect(ended.stderr).toMatch(/EADDRINUSE.* Name another port with --listen, or 0 for a free one\.\n$/);
  expect(ended.code).toBe(2);
});
