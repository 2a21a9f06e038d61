// The commands that only read a folder: what they say, and that nothing of it changes.
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openOutbox } from 'rufus-client/outbox';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Random } from '../../outbox/disk/random.js';
import { fingerprint } from '../../support/fingerprint.js';
import { BIN, environment, rufus, temporaryFolder } from '../support/rufus.js';
import { DAMAGES, filledFolder, READING, ruin, spoil } from './folders.js';

const COUNTS = { appended: 20, delivered: 10, parked: 4, pending: 6 };

/** Runs all of them, and holds that the folder is as it was before. */
async function readAll(directory: string) {
  const before = fingerprint(directory);
  const [status, parked, exported, verify] = await Promise.all(
    READING.map((command) => rufus(['outbox', command, directory, '--json'])),
  );
  expect(fingerprint(directory)).toEqual(before);
  for (const { stderr } of [status!, parked!, exported!, verify!]) expect(stderr).not.toMatch(/\n\s+at |Error:/);
  return { status: status!, parked: parked!, exported: exported!, verify: verify! };
}

const rows = (text: string) =>
  text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
const numbered = (text: string) => rows(text).map(({ bib }) => Number(bib));

describe('a healthy folder', () => {
  test('status, parked, export and verify say what is in it, without a key', async () => {
    const { directory, token_session } = await filledFolder();
    const { status, parked, exported, verify } = await readAll(directory);
    for (const { code } of [status, parked, exported, verify]) expect(code).toBe(0);
    expect(JSON.parse(status.stdout)).toEqual({
      state: 'closed',
      storage: 'ok',
      token_session: `${token_session.slice(0, 8)}…`,
      ...COUNTS,
      inserted: 10,
      duplicates: 0,
      requests: expect.any(Number),
      retries: 0,
      diskBytes: expect.any(Number),
      oldestPendingAgeMs: expect.any(Number),
      lastDeliveredAt: expect.stringMatching(/Z$/),
      lastError: null,
    });
    expect(status.stderr).toBe('');
    expect(
      rows(parked.stdout).map(({ bib, num_passing, reason, http_status }) => [bib, num_passing, reason, http_status]),
    ).toEqual([11, 12, 13, 14].map((bib) => [String(bib), bib, 'session-closed', 404]));
    expect(rows(parked.stdout)[0]).toMatchObject({
      timestamp: '2026-05-03T09:00:11.000Z',
      response: expect.any(String),
    });
    expect(numbered(exported.stdout)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20]);
    expect(rows(exported.stdout).map(({ state }) => state)).toEqual([
      ...Array(10).fill('delivered'),
      ...Array(6).fill('pending'),
    ]);
    expect(verify.stdout).toBe('');
    expect(verify.stderr).toMatch(/is as it was written: nothing is damaged\.\n$/);
    for (const { stdout, stderr } of [status, parked, verify]) expect(stdout + stderr).not.toContain(token_session);
  });

  test('as a table and as CSV, with the token shortened', async () => {
    const { directory, token_session } = await filledFolder();
    const table = await rufus(['outbox', 'status', directory, '--format', 'table']);
    expect(table.stdout).toMatch(/^appended +20$/m);
    const csv = await rufus(['outbox', 'status', directory]);
    expect(csv.stdout).toMatch(/^state,storage,token_session,appended,[^\r]*\r\nclosed,ok,\w{8}…,20,10,4,6,/);
    const parked = await rufus(['outbox', 'parked', directory, '--format', 'table']);
    expect(parked.stdout).toMatch(/^num_passing +timestamp +bib +chip +reason +http_status/);
    for (const { stdout } of [table, csv, parked]) expect(stdout).not.toContain(token_session);
  });

  test('an export is a file that appears when it is complete, and can be imported', async () => {
    const { directory, env, sandbox, deviceid, client } = await filledFolder();
    const file = join(temporaryFolder(), 'backup.csv');
    const { code, stderr } = await rufus(['outbox', 'export', directory, '-o', file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `16 passings written to ${file}\n` });
    expect(readFileSync(file, 'utf8')).toMatch(
      /^timestamp,num_passing,[^\r]*,token_session,state\r\n2026-05-03T09:00:01\.000Z,1,/,
    );
    expect((await rufus(['outbox', 'export', directory, '-o', file])).code).toBe(2);
    expect((await rufus(['outbox', 'export', directory, '-o', file, '--force'])).code).toBe(0);
    const json = join(temporaryFolder(), 'pending.jsonl');
    const { stdout } = await rufus(['outbox', 'export', directory, '--json']);
    writeFileSync(
      json,
      stdout
        .split('\n')
        .filter((line) => line.includes('"pending"'))
        .join('\n')
        .concat('\n'),
    );
    const { token_session } = await client.sessions.create({ deviceid });
    expect((await rufus(['passings', 'import', json, '--session', token_session], { env })).code).toBe(0);
    expect(sandbox.state.passings(token_session).map(({ bib }) => bib)).toEqual(['15', '16', '17', '18', '19', '20']);
  });
});

describe('a damaged folder', () => {
  test.each(DAMAGES)('%s: told, and left as it is', async (_, damage) => {
    const { directory } = await filledFolder();
    damage(directory);
    const { status, parked, exported, verify } = await readAll(directory);
    for (const { code } of [status, parked, exported]) expect(code).toBe(0);
    expect(verify.code).toBe(1);
    expect(rows(verify.stdout)).toHaveLength(1);
    expect(verify.stderr.split('\n')).toHaveLength(2);
    expect(verify.stderr).toMatch(/^rufus: \S+ is damaged in one place\. /);
    const { appended, delivered, pending, parked: aside } = JSON.parse(status.stdout);
    expect(appended).toBe(delivered + pending + aside);
    expect(rows(parked.stdout)).toHaveLength(4);
  });

  test('verify says which bytes, which passings, and what to do', async () => {
    const { directory, token_session } = await filledFolder();
    const where = spoil(directory, 17);
    const { code, stdout, stderr } = await rufus(['outbox', 'verify', directory, '--json']);
    expect(code).toBe(1);
    expect(rows(stdout)).toEqual([
      {
        file: expect.stringMatching(/^\d{16}\.log$/),
        ...where,
        kind: 'corrupt',
        passings: 1,
        undelivered: 1,
        token_session: `${token_session.slice(0, 8)}…`,
        first: 3,
        last: 3,
        appendedAfter: expect.stringMatching(/Z$/),
        appendedBefore: expect.stringMatching(/Z$/),
      },
    ]);
    expect(stderr).toMatch(
      /1 passings that were not delivered cannot be read: take the reads .* from the decoder's own memory/,
    );
    const { stderr: warned } = await rufus(['outbox', 'status', directory]);
    expect(warned).toMatch(/damaged: see rufus outbox verify/);
  });

  test('at random: no crash, no change', async () => {
    const seed = Number(process.env.DAMAGE_SEED ?? 5);
    const random = new Random(seed);
    for (let round = 0; round < 3; round++) {
      const { directory } = await filledFolder();
      const done = [1, 2].map(() => ruin(directory, (below) => random.int(below))).join(', ');
      const where = `DAMAGE_SEED=${seed}, round ${round}: ${done}`;
      const { status, parked, exported, verify } = await readAll(directory);
      for (const { code, stderr } of [status, parked, exported])
        expect({ code, stderr }, where).toMatchObject({ code: 0 });
      expect([0, 1], where).toContain(verify.code);
      const bibs = numbered(exported.stdout);
      expect(
        bibs.every((bib, index) => index === 0 || bib > bibs[index - 1]!),
        where,
      ).toBe(true);
    }
  }, 60_000);
});

describe('while another process writes at full speed', () => {
  test('no figure is wrong, and nothing is taken from it', async () => {
    const directory = temporaryFolder();
    const busy = fork(fileURLToPath(new URL('../../outbox/support/busy-process.ts', import.meta.url)), [directory], {
      execArgv: ['--import', 'tsx'],
    });
    onTestFinished(() => void busy.kill('SIGKILL'));
    let promised: { appended: number; delivered: number; stats?: { appended: number } } = { appended: 0, delivered: 0 };
    busy.on('message', (message) => {
      promised = message as typeof promised;
    });
    await once(busy, 'message');
    for (let round = 0; round < 3; round++) {
      const before = promised;
      const [{ stdout, code }, exported, verify] = (await Promise.all(
        ['status', 'export', 'verify'].map((command) => rufus(['outbox', command, directory, '--json'])),
      )) as [Awaited<ReturnType<typeof rufus>>, Awaited<ReturnType<typeof rufus>>, Awaited<ReturnType<typeof rufus>>];
      const { appended, delivered, parked, pending, state } = JSON.parse(stdout);
      expect({ code, state }).toEqual({ code: 0, state: process.platform === 'linux' ? 'sending' : 'closed' });
      expect(appended).toBe(delivered + parked + pending);
      expect(appended).toBeGreaterThanOrEqual(before.appended);
      expect(delivered).toBeGreaterThanOrEqual(before.delivered);
      while (promised.appended < appended || promised.delivered < delivered) await once(busy, 'message');
      expect({ code: verify.code, stdout: verify.stdout }).toEqual({ code: 0, stdout: '' });
      const bibs = numbered(exported.stdout);
      expect(new Set(bibs).size).toBe(bibs.length);
    }
    busy.send('stop');
    await once(busy, 'exit');
    const { stdout } = await rufus(['outbox', 'status', directory, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ appended: promised.stats!.appended, state: 'closed' });
  }, 60_000);

  test('a folder that is held and at rest does not change', async () => {
    const { directory, client, token_session } = await filledFolder();
    const outbox = await openOutbox({ client, directory, session: { token_session } });
    onTestFinished(async () => void (await outbox.close()));
    await outbox.drained();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { status } = await readAll(directory);
    expect(JSON.parse(status.stdout)).toMatchObject({
      state: process.platform === 'linux' ? 'idle' : 'closed',
      pending: 0,
    });
  });
});

const isRoot = process.getuid?.() === 0;

describe('a folder that cannot be written', () => {
  test('of mode 0500, its files 0400', async () => {
    const { directory } = await filledFolder();
    for (const name of readdirSync(directory)) chmodSync(join(directory, name), name.includes('.') ? 0o400 : 0o500);
    chmodSync(directory, 0o500);
    onTestFinished(() => {
      execFileSync('chmod', ['-R', 'u+w', directory]);
    });
    const { status, verify } = await readAll(directory);
    expect([status.code, verify.code]).toEqual([0, 0]);
    expect(JSON.parse(status.stdout)).toMatchObject(COUNTS);
  });

  test.runIf(isRoot && process.platform === 'linux')('on a file system that is mounted read-only', async ({ skip }) => {
    const { directory } = await filledFolder();
    const place = temporaryFolder();
    const isMounted =
      spawnSync('mount', ['--bind', directory, place]).status === 0 &&
      spawnSync('mount', ['-o', 'remount,bind,ro', place]).status === 0;
    onTestFinished(() => void spawnSync('umount', [place]));
    if (!isMounted) skip();
    expect(() => writeFileSync(join(place, 'x'), '')).toThrow(/EROFS/);
    const { status } = await readAll(place);
    expect(JSON.parse(status.stdout)).toMatchObject(COUNTS);
  });
});

test.runIf(isRoot)(
  "another user's folder: read where it may be read, refused in one line where not",
  async ({ skip }) => {
    const { directory } = await filledFolder();
    chmodSync(dirname(BIN), 0o755);
    const asNobody = async (args: readonly string[]) => {
      const child: ChildProcess = spawn(process.execPath, [BIN, ...args], {
        env: environment(),
        uid: 65_534,
        gid: 65_534,
      });
      const said = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) child[name]!.on('data', (text) => (said[name] += text));
      const [code] = await once(child, 'close');
      return { code, ...said };
    };
    if ((await asNobody(['--version'])).code !== 0) skip('This project lies where nobody else may read.');
    chmodSync(dirname(directory), 0o755);
    const before = fingerprint(directory);
    for (const command of READING) {
      const { code, stderr } = await asNobody(['outbox', command, directory]);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^rufus: .* cannot be read: EACCES[^\n]*\n$/),
      });
    }
    expect(fingerprint(directory)).toEqual(before);
    execFileSync('chmod', ['-R', 'a+rX', directory]);
    const readable = fingerprint(directory);
    const { code, stdout } = await asNobody(['outbox', 'status', directory, '--json']);
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, ...COUNTS });
    expect(fingerprint(directory)).toEqual(readable);
  },
);

describe('a folder that is no outbox', () => {
  test.each(['status', 'verify', 'requeue', 'rewind'])('%s: exit code 1, one line, nothing made', async (command) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'other/parked'), { recursive: true });
    writeFileSync(join(folder, 'file'), 'x');
    writeFileSync(join(folder, 'other/server.log'), 'x');
    const before = fingerprint(folder);
    const window = command === 'rewind' ? ['--from', '2026-05-03T09:00:00Z', '--to', '2026-05-03T10:00:00Z'] : [];
    const reasons = { other: 'is no outbox folder', file: 'ENOTDIR', none: 'ENOENT' };
    const said = await Promise.all(
      Object.entries(reasons).map(async ([name, reason]) => {
        const ended = await rufus(['outbox', command, join(folder, name), ...window]);
        return { ...ended, isRight: ended.stderr.startsWith('rufus: ') && ended.stderr.includes(reason) };
      }),
    );
    for (const { code, stdout, stderr, isRight } of said) {
      expect({ code, stdout, isRight, lines: stderr.split('\n').length }, stderr).toEqual({
        code: 1,
        stdout: '',
        isRight: true,
        lines: 2,
      });
    }
    expect(fingerprint(folder)).toEqual(before);
  });
});
