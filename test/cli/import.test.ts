import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { PassingInput } from 'rufus-client';
import { describe, expect, test } from 'vitest';
import { type Seen, startServer } from '../support/server.js';
import { type Account, filled, openAccount, passings } from './support/account.js';
import { crossings, hasCrossings } from './support/crossings.js';
import { rufus, start, temporaryFolder } from './support/rufus.js';
import { hasTerminals, onTerminal } from './support/terminal.js';

const T = '2026-05-03T09:00:00.000Z';

async function emptySession({ client }: Account, serial_number = '1'): Promise<string> {
  const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'R1', serial_number });
  return (await client.sessions.create({ deviceid })).token_session;
}

/** A file of the test's own. */
async function file(content: string | Uint8Array, name = 'passings.csv'): Promise<string> {
  const path = join(temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

const jsonLines = (rows: readonly PassingInput[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const held = ({ sandbox }: Account, token_session: string) =>
  sandbox.state.passings(token_session).map(({ num_passing, bib, timestamp }) => ({ num_passing, bib, timestamp }));
const into = (token_session: string, ...args: string[]) => ['passings', 'import', ...args, '--session', token_session];

/** As two exports can differ: in the names of the session and the device. */
const anonymous = (exported: string) => exported.replace(/[0-9A-F]{64}/g, '…');

describe('export, import into another session, export', () => {
  const ODD: PassingInput[] = [
    { num_passing: 0, bib: '=SUM(A1)', timestamp: T, chip: '+cmd|calc', latitude: 41.5, longitude: -2.000001 },
    {
      num_passing: 4,
      bib: 'a "b", c\r\nd\ne',
      timestamp: '2026-05-03T09:00:01.999Z',
      status: '-5',
      participant_id: '@x',
    },
    {
      num_passing: 7,
      bib: 'Ñandú 東京 🏃',
      timestamp: '2024-02-29T23:59:59.001Z',
      chip: '\t-E1 ',
      gender: 'F',
      timezone: 'Europe/Madrid',
    },
    { num_passing: 900_000, bib: '007', timestamp: '1899-12-31T00:00:00.000Z', latitude: 0, longitude: 0 },
  ];

  test.each([
    ['csv', 'file'],
    ['csv', 'stdin'],
    ['jsonl', 'file'],
    ['jsonl', 'stdin'],
  ])('is the same byte for byte, as %s by %s', async (format, way) => {
    const account = await openAccount({ pageSize: 3 });
    const { token_session } = await filled(account, ODD);
    const exported = async (session: string) =>
      (await rufus(['passings', 'export', '--session', session, '--format', format], account)).stdout;
    const first = await exported(token_session);
    const other = await emptySession(account);
    const imported =
      way === 'file'
        ? await rufus(into(other, await file(first)), account)
        : await rufus(into(other, '-'), { ...account, input: first });
    expect(imported).toEqual({ code: 0, stdout: '', stderr: '4 passings imported\n' });
    const second = await exported(other);
    expect(second).not.toBe(first);
    expect(anonymous(second)).toBe(anonymous(first));
  });

  test.runIf(hasCrossings)(
    'the 145,273 crossings of a real marathon (../shared/data)',
    { timeout: 240_000 },
    async () => {
      const account = await openAccount();
      const { token_session } = await filled(account, crossings());
      const folder = temporaryFolder();
      const setting = { ...account, cwd: folder };
      for (const name of ['a.csv', 'a.jsonl']) {
        const exported = await rufus(['passings', 'export', '--session', token_session, '-o', name], setting);
        expect(exported).toMatchObject({ code: 0, stderr: `145,273 passings written to ${name}\n` });
        const first = await readFile(join(folder, name), 'utf8');
        const ways = name === 'a.csv' ? ['file', 'stdin'] : ['stdin'];
        for (const way of ways) {
          const other = await emptySession(account, `${name} ${way}`);
          const imported =
            way === 'file'
              ? await rufus(into(other, name), setting)
              : await rufus(into(other, '-'), { ...setting, input: first });
          expect(imported).toEqual({ code: 0, stdout: '', stderr: '145,273 passings imported\n' });
          await rufus(
            ['passings', 'export', '--session', other, '-o', 'again', '--force', '--format', name.slice(2)],
            setting,
          );
          const second = await readFile(join(folder, 'again'), 'utf8');
          // Not by the matcher, which would print what it compares.
          expect(anonymous(second) === anonymous(first)).toBe(true);
        }
      }
    },
  );
});

describe('run again', () => {
  test.each(['number', 'none'] as const)(
    'after SIGKILL, nothing is lost and nothing doubled (what the server takes for a duplicate: %s)',
    { timeout: 120_000 },
    async (duplicates) => {
      const account = await openAccount({ duplicates, maxBodyBytes: 20_000, latencyMs: 4 });
      const token_session = await emptySession(account);
      const rows = passings(6_000);
      const name = await file(jsonLines(rows), 'a.jsonl');
      let kills = 0;
      for (let goal = 400; goal < 6_000; goal += 1_400) {
        const { child, ended } = start(into(token_session, name), account);
        const isDone = ended.then(() => true);
        while (account.sandbox.state.passings(token_session).length < goal) {
          if (await Promise.race([isDone, setTimeout(5, false)])) break;
        }
        child.kill('SIGKILL');
        if ((await ended).signal === 'SIGKILL') kills++;
      }
      expect(kills).toBeGreaterThanOrEqual(3);
      const last = await rufus(into(token_session, name), account);
      expect(last).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^[\d,]+ passings imported, [\d,]+ were there already\n$/),
      });
      expect(held(account, token_session)).toEqual(rows);
    },
  );

  test('a file without numbers is numbered the same way', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    const lines = (count: number) =>
      `bib,timestamp\n${passings(count)
        .map(({ bib, timestamp }) => `${bib},${timestamp}\n`)
        .join('')}`;
    await rufus(into(token_session, await file(lines(30))), account);
    const again = await rufus(into(token_session, await file(lines(50))), account);
    expect(again).toMatchObject({ code: 0, stderr: '20 passings imported, 30 were there already\n' });
    expect(held(account, token_session)).toEqual(passings(50));
  });

  test('a session that holds other passings under these numbers is left alone', async () => {
    const account = await openAccount();
    const { token_session } = await filled(account, passings(3));
    const other = await file(`bib,timestamp\n1001,${T}\n1002,${T}\n`);
    const refused = await rufus(into(token_session, other), account);
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `${other}:2: num_passing 1 is another passing in the session\n` +
        `${other}:3: num_passing 2 is another passing in the session\n` +
        'rufus: 2 of the numbers are other passings in the session: nothing was sent. From --first-number 4 on they are free.\n',
    });
    expect(held(account, token_session)).toEqual(passings(3));
    const advised = await rufus(into(token_session, other, '--first-number', '4'), account);
    expect(advised).toMatchObject({ code: 0, stderr: '2 passings imported\n' });
    expect(held(account, token_session).map(({ num_passing, bib }) => [num_passing, bib])).toEqual([
      [1, '1'],
      [2, '2'],
      [3, '3'],
      [4, '1001'],
      [5, '1002'],
    ]);
    const numbered = await rufus(into(token_session, '-'), {
      ...account,
      input: jsonLines([{ num_passing: 2, bib: '9', timestamp: T }]),
    });
    expect(numbered).toMatchObject({ code: 1, stderr: expect.stringMatching(/Is it the right session\?\n$/) });
  });
});

describe('what cannot be sent', () => {
  const INPUT = `timestamp,num_passing,bib\n${T},1,7\n2026-05-03 11:00,2,8\n${T},3,\n${T},x,9\n${T},4,10\n${T},1,11\n${T},1,7\n`;

  test('is told line by line, and nothing is sent', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    const { code, stdout, stderr } = await rufus(into(token_session, '-'), { ...account, input: INPUT });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      'standard input:3: timestamp: has no zone; --timezone says which one is meant',
      expect.stringMatching(/^standard input:4: bib: missing/),
      'standard input:5: num_passing: expected digits',
      'standard input:7: num_passing 1 stands further above, with another passing',
      'rufus: 4 of 7 records cannot be sent: nothing was. Mend them, or leave them out with --skip-bad.',
      '',
    ]);
    expect(held(account, token_session)).toEqual([]);
  });

  test('is left out with --skip-bad, which ends with 6', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    const { code, stderr } = await rufus(into(token_session, '-', '--skip-bad'), { ...account, input: INPUT });
    expect(code).toBe(6);
    expect(stderr.trimEnd().split('\n').at(-1)).toBe('2 passings imported, 1 were there already');
    expect(held(account, token_session).map(({ num_passing, bib }) => [num_passing, bib])).toEqual([
      [1, '7'],
      [4, '10'],
    ]);
  });

  test('does not move the numbers of the others once it is mended', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    const lines = ['bib,timestamp', `1,${T}`, '2,noon', `3,${T}`];
    await rufus(into(token_session, '-', '--skip-bad'), { ...account, input: lines.join('\n') });
    const mended = await rufus(into(token_session, '-'), { ...account, input: lines.join('\n').replace('noon', T) });
    expect(mended).toMatchObject({ code: 0, stderr: '1 passings imported, 2 were there already\n' });
    expect(held(account, token_session).map(({ num_passing, bib }) => `${num_passing} ${bib}`)).toEqual([
      '1 1',
      '2 2',
      '3 3',
    ]);
  });

  test('is counted where there is much of it', async () => {
    const { code, stderr } = await rufus(['passings', 'import', '-', '--dry-run'], {
      input: `bib,timestamp\n${'1,noon\n'.repeat(1_000)}`,
    });
    expect(code).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(22);
    expect(lines[20]).toBe('… and 980 more');
    expect(lines[21]).toMatch(/^rufus: 1,000 of 1,000 records cannot be sent/);
  });

  test('numbers in some records and not in others are refused', async () => {
    const input = `${jsonLines([{ num_passing: 1, bib: '1', timestamp: T }])}{"bib":"2","timestamp":"${T}"}\n`;
    const { code, stderr } = await rufus(['passings', 'import', '-', '--dry-run'], { input });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^standard input:2: num_passing: missing\n/);
  });
});

test('--dry-run needs neither key nor network, and sends nothing', async () => {
  const input = 'bib;timestamp\n7;11:00:01\n';
  const args = [
    'passings',
    'import',
    '-',
    '--dry-run',
    '--delimiter',
    ';',
    '--date',
    '2026-05-03',
    '--timezone',
    'Europe/Madrid',
  ];
  expect(await rufus(args, { input })).toEqual({
    code: 0,
    stdout: '',
    stderr: '1 passings can be sent. Nothing was (--dry-run).\n',
  });
});

test('local times, another delimiter, columns without a header', async () => {
  const account = await openAccount();
  const token_session = await emptySession(account);
  const args = [
    '--columns',
    'bib,,timestamp',
    '--delimiter',
    '\\t',
    '--timezone',
    'Europe/Madrid',
    '--ambiguous',
    'later',
  ];
  const input = '7\tx\t2026-05-03 11:00:01.5\n8\ty\t2026-10-25 02:30:00\n';
  expect(await rufus(into(token_session, '-', ...args), { ...account, input })).toMatchObject({ code: 0 });
  expect(held(account, token_session)).toEqual([
    { num_passing: 1, bib: '7', timestamp: '2026-05-03T09:00:01.500Z' },
    { num_passing: 2, bib: '8', timestamp: '2026-10-25T01:30:00.000Z' },
  ]);
});

describe('a failure on the way', () => {
  test('says where it stood, and the next run goes on there', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    const rows = passings(1_200);
    const name = await file(jsonLines(rows), 'a.jsonl');
    let requests = 0;
    const front = await startServer();
    // The third batch is refused.
    front.always(async ({ seen, response }) => {
      const isRefused = seen.method === 'POST' && ++requests === 3;
      const answer = isRefused
        ? undefined
        : await fetch(account.url + seen.target.slice('/v0'.length), requestOf(seen));
      response.writeHead(answer?.status ?? 400, { 'content-type': 'application/json' });
      response.end((await answer?.text()) ?? '{"body":{"description":"Bad passings"}}');
    });
    const failed = await rufus(into(token_session, name), { env: { ...account.env, RUFUS_BASE_URL: front.url } });
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toMatch(
      /^rufus: passings\.insert: .* 400 "Bad passings".* 1,000 of 1,200 passings are sent, up to line 1000\. Run the same command again: what is there is not sent twice\.\n$/,
    );
    const again = await rufus(into(token_session, name), account);
    expect(again).toMatchObject({ code: 0, stderr: '200 passings imported, 1,000 were there already\n' });
    expect(held(account, token_session)).toEqual(rows);
  });

  test.runIf(process.platform !== 'win32')('Ctrl-C stops it, and says how to go on', async () => {
    const account = await openAccount({ latencyMs: 20, maxBodyBytes: 10_000 });
    const token_session = await emptySession(account);
    const { child, ended } = start(into(token_session, await file(jsonLines(passings(20_000)))), account);
    while (account.sandbox.state.passings(token_session).length < 200) await setTimeout(5);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /^rufus: Stopped\. [\d,]+ of 20,000 passings are sent, up to line \d+\. Run the same command again: .*\n$/,
    );
  });

  test('a session that is closed, unknown, or not named is told before anything is sent', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    await account.client.sessions.close(token_session);
    const input = jsonLines(passings(1));
    const closed = await rufus(into(token_session, '-'), { ...account, input });
    expect(closed).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^rufus: The session is closed, .*create.*\n$/),
    });
    const unknown = await rufus(into('F'.repeat(64), '-'), { ...account, input });
    expect(unknown).toMatchObject({ code: 4, stderr: expect.stringContaining('"Session not found"') });
    const missing = await rufus(['passings', 'import', '-'], { ...account, input });
    expect(missing).toMatchObject({ code: 2, stderr: 'rufus: Name the session: --session TOKEN; or --dry-run.\n' });
  });

  test('a file that is not there is told by its name', async () => {
    const { code, stderr } = await rufus(['passings', 'import', 'none.csv', '--dry-run']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "rufus: ENOENT: no such file or directory, open 'none.csv'.\n",
    });
  });

  test.each([
    [['--timezone', 'Nowhere'], /--timezone takes a name such as/],
    [['--delimiter', 'ab'], /--delimiter takes one character/],
    [['--columns', 'bib,when'], /--columns has an unknown field "when"/],
    [['--date', 'monday'], /--date takes a day/],
    [['--format', 'xml'], /Allowed choices are csv, jsonl/],
    [['--api-key-file', '-', '--session', 'A'], /Standard input can hold the key or the passings, not both/],
  ])('misuse: %j', async (args, problem) => {
    const { code, stderr } = await rufus(
      ['passings', 'import', '-', ...(args.includes('--session') ? [] : ['--dry-run']), ...args],
      { input: '' },
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(problem);
    expect(stderr.split('\n')).toHaveLength(2);
  });
});

describe('a key that may only write', () => {
  test('imports what brings its numbers, and says that it has not compared', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    const env = { ...account.env, RUFUS_API_KEY: account.sandbox.keys.write };
    const imported = await rufus(into(token_session, '-'), { env, input: jsonLines(passings(3)) });
    expect(imported.code).toBe(0);
    expect(imported.stderr).toMatch(/^warning: the key may not read: .*\n3 passings imported\n$/);
    expect(held(account, token_session)).toEqual(passings(3));
  });

  test('numbers nothing by a guess', async () => {
    const account = await openAccount();
    const token_session = await emptySession(account);
    const env = { ...account.env, RUFUS_API_KEY: account.sandbox.keys.write };
    const input = `bib,timestamp\n7,${T}\n`;
    const refused = await rufus(into(token_session, '-'), { env, input });
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('--first-number') });
    expect(held(account, token_session)).toEqual([]);
    expect(await rufus(into(token_session, '-', '--first-number', '5'), { env, input })).toMatchObject({ code: 0 });
    expect(held(account, token_session)).toMatchObject([{ num_passing: 5, bib: '7' }]);
  });
});

test('a pipe is copied to a file that nobody else can read, and that is gone afterwards', async () => {
  const account = await openAccount();
  const token_session = await emptySession(account);
  const TMPDIR = await mkdtemp(join(tmpdir(), 'rufus-tmp-'));
  const imported = await rufus(into(token_session, '-'), {
    env: { ...account.env, TMPDIR, TEMP: TMPDIR },
    input: jsonLines(passings(3)),
  });
  expect(imported.code).toBe(0);
  expect(await readdir(TMPDIR)).toEqual([]);
});

test.runIf(hasTerminals)('on a terminal a bar shows how far it is', async () => {
  const account = await openAccount({ latencyMs: 20, maxBodyBytes: 10_000 });
  const token_session = await emptySession(account);
  const name = await file(jsonLines(passings(5_000)), 'a.jsonl');
  const { code, screen } = await onTerminal(into(token_session, name), account).ended;
  expect(code).toBe(0);
  expect(screen).toMatch(/\rImporting █+░+ [\d,]+ of 5,000/);
  expect(screen.endsWith('\r\x1b[K5,000 passings imported\r\n')).toBe(true);
});

function requestOf({ method, headers, body }: Seen): RequestInit {
  const key = String(headers['x-api-key']);
  return {
    method,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: method === 'GET' ? null : body,
  };
}
