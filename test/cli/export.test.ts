import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { json } from '../support/behaviours.js';
import { startServer } from '../support/server.js';
import { filled, openAccount, passings } from './support/account.js';
import { rufus, start, temporaryFolder } from './support/rufus.js';
import { hasTerminals, onTerminal } from './support/terminal.js';

const HEAD =
  'timestamp,num_passing,latitude,longitude,status,bib,chip,participant_id,timezone,gender,token_session,deviceid\r\n';
const ODD = [
  {
    num_passing: 0,
    bib: '=SUM(A1)',
    timestamp: '2026-05-03T09:00:00.001Z',
    chip: '+cmd|calc',
    latitude: 41.5,
    longitude: -2,
  },
  { num_passing: 1, bib: 'a "b", c\r\nd', timestamp: '2026-05-03T09:00:01.000Z', status: '-5', participant_id: '@x' },
  { num_passing: 7, bib: 'Ñandú 東京', timestamp: '2026-05-03T09:00:02.000Z', chip: '-E1', gender: '', timezone: null },
];

describe('a session', () => {
  test('is CSV as RFC 4180 has it, nothing changed', async () => {
    const account = await openAccount();
    const { deviceid, token_session } = await filled(account, ODD);
    const { code, stdout, stderr } = await rufus(['passings', 'export', '--session', token_session], account);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const ids = `${token_session},${deviceid}`;
    expect(stdout).toBe(
      `${HEAD}2026-05-03T09:00:00.001Z,0,41.5,-2,,=SUM(A1),+cmd|calc,,,,${ids}\r\n` +
        `2026-05-03T09:00:01.000Z,1,,,-5,"a ""b"", c\r\nd",,@x,,,${ids}\r\n` +
        `2026-05-03T09:00:02.000Z,7,,,,Ñandú 東京,-E1,,,,${ids}\r\n`,
    );
  });

  test('--spreadsheet makes formulas harmless, and leaves numbers alone', async () => {
    const account = await openAccount();
    const { token_session } = await filled(account, ODD);
    const { stdout } = await rufus(['passings', 'export', '--session', token_session, '--spreadsheet'], account);
    expect(stdout).toContain(",-2,,'=SUM(A1),'+cmd|calc,");
    expect(stdout).toContain(`,-5,"a ""b"", c\r\nd",,'@x,`);
    expect(stdout).toContain(",Ñandú 東京,'-E1,");
  });

  test('is JSON lines with every field that the API gave', async () => {
    const account = await openAccount();
    const { token_session } = await filled(account, ODD);
    const { stdout } = await rufus(['passings', 'export', '--session', token_session, '--json'], account);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toEqual(account.sandbox.state.passings(token_session));
  });

  test('is read page by page, and in part on demand', async () => {
    const account = await openAccount({ pageSize: 7 });
    const { token_session } = await filled(account, passings(50));
    const numbers = async (...range: string[]) => {
      const args = ['passings', 'export', '--session', token_session, '--json', ...range];
      const { stdout } = await rufus(args, account);
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line).num_passing);
    };
    expect(await numbers()).toEqual(passings(50).map(({ num_passing }) => num_passing));
    expect(await numbers('--first', '10', '--last', '12')).toEqual([10, 11, 12]);
    expect(await numbers('--first', '51')).toEqual([]);
  });
});

test('what a device has read, over its sessions, in a window of time', async () => {
  const account = await openAccount();
  const { deviceid } = await filled(account, passings(3));
  await filled(account, passings(3, 11));
  const window = ['--from', '2026-05-03T11:00:02+02:00', '--to', '2026-05-03T09:00:12Z'];
  const { code, stdout } = await rufus(['passings', 'export', '--device', deviceid, '--json', ...window], account);
  expect(code).toBe(0);
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).num_passing),
  ).toEqual([2, 3, 11, 12]);
});

test('times with an offset are written with Z, and those without a zone as they came', async () => {
  const server = await startServer();
  const row = (num_passing: number, timestamp: string) => ({ num_passing, bib: '1', timestamp });
  const result = [
    row(1, '2026-05-03T11:00:00.250+02:00'),
    row(2, '2026-05-03 11:00:00'),
    row(3, '2026-05-03T09:00:00.000Z'),
  ];
  const description = 'Success';
  server.always(json(200, { description, result: [] })).replies(json(200, { description, result }));
  const env = { RUFUS_BASE_URL: server.url, RUFUS_API_KEY: 'ror-1' };
  const { stdout, stderr } = await rufus(['passings', 'export', '--session', 'A', '--json'], { env });
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).timestamp),
  ).toEqual(['2026-05-03T09:00:00.250Z', '2026-05-03 11:00:00', '2026-05-03T09:00:00.000Z']);
  expect(stderr).toMatch(/^rufus: warning: An answer differs .*timestamp.*\n$/);
});

describe('a file', () => {
  test('appears when it is complete, in the format that its name says', async () => {
    const account = await openAccount();
    const { token_session } = await filled(account, passings(3));
    const folder = temporaryFolder();
    const { env } = account;
    const exported = (...args: string[]) =>
      rufus(['passings', 'export', '--session', token_session, ...args], { env, cwd: folder });
    expect(await exported('-o', 'a.csv')).toEqual({ code: 0, stdout: '', stderr: '3 passings written to a.csv\n' });
    expect(await exported('-o', 'a.jsonl', '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
    await exported('-o', 'a.json');
    await exported('-o', 'a.txt', '--json');
    expect((await readdir(folder)).sort()).toEqual(['a.csv', 'a.json', 'a.jsonl', 'a.txt']);
    const [csv, jsonl, array, text] = await Promise.all(
      ['a.csv', 'a.jsonl', 'a.json', 'a.txt'].map((file) => readFile(join(folder, file), 'utf8')),
    );
    expect(csv).toBe((await exported()).stdout);
    expect(jsonl).toBe(text);
    expect(JSON.parse(array!)).toEqual(account.sandbox.state.passings(token_session));
  });

  test('is not replaced without --force', async () => {
    const account = await openAccount();
    const { token_session } = await filled(account, passings(3));
    const file = join(temporaryFolder(), 'results.csv');
    await writeFile(file, 'mine', { mode: 0o600 });
    const args = ['passings', 'export', '--session', token_session, '-o', file];
    expect(await rufus(args, account)).toEqual({
      code: 2,
      stdout: '',
      stderr: `rufus: ${file} exists already: give another name, or --force.\n`,
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect(await rufus([...args, '--force'], account)).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toMatch(/^timestamp,/);
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('stays as it was where the export fails, and nothing else is left', async () => {
    const account = await openAccount({ pageSize: 2 });
    const { token_session } = await filled(account, passings(20));
    const folder = temporaryFolder();
    const file = join(folder, 'a.csv');
    await writeFile(file, 'mine');
    account.sandbox.fault({ on: 'GET /passings/session/{token_session}', kind: 'status', status: 400, times: 3 });
    const args = ['passings', 'export', '--session', token_session, '-o', file, '--force'];
    const failed = await rufus(args, account);
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^rufus: .*400.*\n$/) });
    const unknown = await rufus(
      ['passings', 'export', '--session', 'F'.repeat(64), '-o', join(folder, 'b.csv')],
      account,
    );
    expect(unknown).toMatchObject({ code: 4, stderr: expect.stringMatching(/^rufus: .*"Session not found".*\n$/) });
    expect(unknown.stderr).not.toContain('F'.repeat(20));
    expect(await readdir(folder)).toEqual(['a.csv']);
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  test.runIf(process.platform !== 'win32')('that is none, or only points to one, is not replaced by one', async () => {
    const account = await openAccount();
    const { token_session } = await filled(account, passings(3));
    const folder = temporaryFolder();
    const args = ['passings', 'export', '--session', token_session, '--force', '-o'];
    expect(await rufus([...args, '/dev/null'], account)).toMatchObject({ code: 0 });
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
    await mkdir(join(folder, 'there'));
    await writeFile(join(folder, 'there/real.csv'), 'mine');
    await symlink(join(folder, 'there/real.csv'), join(folder, 'link.csv'));
    expect(await rufus([...args, join(folder, 'link.csv')], account)).toMatchObject({ code: 0 });
    expect(await readFile(join(folder, 'there/real.csv'), 'utf8')).toMatch(/^timestamp,/);
  });

  test('a folder that is not there is told in one line', async () => {
    const account = await openAccount();
    const file = join(temporaryFolder(), 'none/a.csv');
    const { code, stderr } = await rufus(['passings', 'export', '--session', 'A', '-o', file], account);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^rufus: ENOENT: no such file or directory, .*\n$/);
  });
});

describe('stopped', () => {
  test.runIf(process.platform !== 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s it ends with %d, leaves no file, and says so', async (signal, exitCode) => {
    const account = await openAccount({ pageSize: 1, latencyMs: 20 });
    const { token_session } = await filled(account, passings(2_000));
    const folder = temporaryFolder();
    const { child, ended } = start(['passings', 'export', '--session', token_session, '-o', 'a.csv'], {
      ...account,
      cwd: folder,
    });
    while (!(await readdir(folder)).includes('a.csv.part')) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    const { code, stderr } = await ended;
    expect(code).toBe(exitCode);
    expect(stderr).toMatch(/^rufus: Stopped after \d+ passings: no file was written\. Run it again\.\n$/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('by a reader that has seen enough it is no error', async () => {
    const account = await openAccount({ pageSize: 100 });
    const { token_session } = await filled(account, passings(5_000));
    const { child, ended, printed } = start(['passings', 'export', '--session', token_session], account);
    await printed(/,50,/);
    child.stdout.destroy();
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });
});

test.each([
  [[], 'Name either --session or --device.'],
  [['--session', 'A', '--device', 'B'], 'Name either --session or --device.'],
  [['--session', 'A', '--from', '2026-05-03T09:00:00Z'], '--from and --to go with --device.'],
  [['--device', 'A', '--last', '3'], '--first and --last go with --session.'],
  [['--device', 'A', '--from', 'noon'], 'from'],
  [['--device', 'A', '--from', '2026-05-03T09:00:00'], 'zone'],
  [['--session', 'A', '--first', '-1'], 'whole number'],
])('misuse: %j', async (args, problem) => {
  const { env } = await openAccount();
  const { code, stdout, stderr } = await rufus(['passings', 'export', ...args], { env });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(problem);
  expect(stderr.split('\n')).toHaveLength(2);
});

test.runIf(hasTerminals)('on a terminal a bar shows how far it is, on one line, and is gone at the end', async () => {
  const account = await openAccount({ pageSize: 50, latencyMs: 30 });
  const { token_session } = await filled(account, passings(2_000));
  const file = join(temporaryFolder(), 'a.csv');
  const { code, screen } = await onTerminal(['passings', 'export', '--session', token_session, '-o', file], account)
    .ended;
  expect(code).toBe(0);
  expect(screen).toMatch(/\rExporting █+░+ [\d,]+ of 2,000/);
  expect(screen.endsWith(`\r\x1b[K2,000 passings written to ${file}\r\n`)).toBe(true);
  const drawn = screen.split('\r').map((line) => line.replace('\x1b[K', ''));
  expect(Math.max(...drawn.slice(0, -2).map((line) => line.length))).toBeLessThan(80);
  // The cursor is never hidden.
  expect(screen).not.toContain('\x1b[?25l');
});
