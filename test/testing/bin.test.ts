// The command as it is built: processes, signals, sockets and files are real.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { RufusClient } from 'rufus-client';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { VERSION } from '../../src/version.js';
import { builtPackage } from '../support/build.js';

const built = builtPackage();
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function start(args: readonly string[], folder = built.folder) {
  // msw looks for localStorage, and Node 26 warns whoever does.
  const node = ['--disable-warning=ExperimentalWarning', join(folder, 'rufus-sandbox.js')];
  const child = spawn(process.execPath, [...node, ...args], { cwd: folder });
  started.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return { child, output, ended: once(child, 'close').then(([code, signal]) => ({ code, signal, ...output })) };
}

async function listening(args: readonly string[]) {
  const { child, output, ended } = start(args);
  while (!output.stdout.includes('READ_WRITE + unbind')) {
    const over = await Promise.race([once(child.stdout, 'data').then(() => undefined), ended]);
    if (over !== undefined) throw new Error(`It ended: ${JSON.stringify(over)}`);
  }
  const exported = (name: string) => new RegExp(`^export ${name}=(\\S+)$`, 'm').exec(output.stdout)?.[1] ?? '';
  return { child, output, ended, url: exported('RUFUS_BASE_URL'), key: exported('RUFUS_API_KEY') };
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rufus-sandbox-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('rufus-sandbox', { timeout: 60_000 }, () => {
  it('prints what a shell can take over, serves it, and ends on a signal', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const { child, output, ended, url, key } = await listening(['--envelope', 'flat', '--page-size', '2']);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v0$/);
      expect(output.stdout.match(/ror-[0-9a-f]{20}/g)).toHaveLength(5);
      for (const line of output.stdout.trim().split('\n')) expect(line).toMatch(/^(#.*|export \S+=\S+|)$/);
      const answer = await fetch(`${url}/devices`, { headers: { 'x-api-key': key } });
      expect(await answer.json()).toMatchObject({ pagination: { limit: 2 }, result: [] });
      child.kill(signal);
      expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    }
  });

  it('exports the key that may read and write, not the one that may unbind', async () => {
    const { output, url, key } = await listening([]);
    expect(output.stdout).toContain(`#   READ_WRITE            ${key}\n`);
    const status = async (method: string, path: string) =>
      (await fetch(url + path, { method, headers: { 'x-api-key': key } })).status;
    expect([await status('GET', '/devices'), await status('DELETE', '/devices/D1')]).toEqual([200, 403]);
  });

  it('takes a key of yours for that one', async () => {
    const { output, url, key } = await listening(['--key', 'ror-0123456789abcdef0123']);
    expect(key).toBe('ror-0123456789abcdef0123');
    expect(output.stdout).toContain('#   READ_WRITE            ror-0123456789abcdef0123\n');
    await using client = new RufusClient({ apiKey: key, baseUrl: url });
    await expect(client.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' })).resolves.toBeDefined();
    await expect(client.devices.list()).resolves.toMatchObject({ items: [{ serial_number: '1' }] });
  });

  it('says that a port is in use, and what to do', async () => {
    const { url } = await listening([]);
    const { port } = new URL(url);
    expect(await start(['--port', port]).ended).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: `rufus-sandbox: Port ${port} is in use. End what listens there, give another --port, or none for a free one\n`,
    });
  });

  it('gives a wrong key the status of --unknown-key', async () => {
    const { url } = await listening(['--unknown-key', '401']);
    expect((await fetch(`${url}/devices`, { headers: { 'x-api-key': 'ror-0' } })).status).toBe(401);
  });

  it('helps, and says its version', async () => {
    const [help, version] = await Promise.all([start(['--help']).ended, start(['--version']).ended]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const option of [
      ...['--port', '--host', '--key', '--state', '--envelope', '--coordinates', '--end-of-pages', '--bind-conflict'],
      ...['--duplicates', '--unknown-key', '--page-size', '--max-body-bytes', '--latency-ms'],
    ]) {
      expect(help.stdout).toContain(`\n  ${option} `);
    }
    expect(version).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  });

  it.each([
    [['--prt', '8080'], "Unknown option '--prt'"],
    [['--port', 'x'], '--port must be a whole number of at most 65535, not x'],
    [['--port', '65536'], '--port must be a whole number of at most 65535, not 65536'],
    [['--envelope', 'bare'], 'envelope must be one of spec, flat, not bare'],
    [['--unknown-key', '404'], 'unknownKey must be one of 403, 401, not 404'],
    [['--page-size', '0'], 'pageSize must be an integer of 1 or more, not 0'],
    [['--key', 'a b'], '--key must consist of letters, digits'],
    [['--host', ''], '--host must not be empty'],
    [['--state', ''], '--state must not be empty'],
    [['extra'], "Unexpected argument 'extra'"],
  ])('refuses %j', async (args, problem) => {
    const { code, stdout, stderr } = await start(args).ended;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(problem);
    expect(stderr).toContain('See rufus-sandbox --help');
  });

  it('says what to do where msw is not installed', async () => {
    const elsewhere = await emptyFolder();
    await cp(built.folder, elsewhere, { recursive: true });
    await writeFile(join(elsewhere, 'package.json'), '{ "type": "module" }');
    const { code, stdout, stderr } = await start([], elsewhere).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'rufus-sandbox: The sandbox needs msw, which is not installed. Install it beside rufus-client: npm install -D msw\n',
    );
  });
});

describe('rufus-sandbox --host', { timeout: 60_000 }, () => {
  const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

  it.for(['127.0.0.1', 'localhost', '::1'])(
    'listens on %s without a word: it is this machine',
    async (host, { skip }) => {
      skip(host === '::1' && !hasIPv6, 'this machine has no IPv6');
      const { child, ended, url, key } = await listening(['--host', host]);
      expect((await fetch(`${url}/devices`, { headers: { 'x-api-key': key } })).status).toBe(200);
      child.kill('SIGTERM');
      expect((await ended).stderr).toBe('');
    },
  );

  it('warns where other machines can reach it, and exports an address that can be called', async () => {
    const { child, ended, url, key } = await listening(['--host', '0.0.0.0']);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v0$/);
    expect((await fetch(`${url}/devices`, { headers: { 'x-api-key': key } })).status).toBe(200);
    child.kill('SIGTERM');
    expect((await ended).stderr).toMatch(
      /^rufus-sandbox: Warning: it listens on 0\.0\.0\.0, where other machines reach it\./,
    );
  });

  it('says that an address is not of this machine', async () => {
    const { code, stderr } = await start(['--host', '192.0.2.1']).ended;
    expect([code, stderr]).toEqual([
      1,
      'rufus-sandbox: 192.0.2.1 is no address of this machine. Give another --host, or 0.0.0.0 for all that it has\n',
    ]);
  });
});

describe('rufus-sandbox --state', { timeout: 60_000 }, () => {
  /** A device, a closed session, an open one, and some passings in each. */
  async function race({ url, key }: { url: string; key: string }) {
    await using client = new RufusClient({ apiKey: key, baseUrl: url });
    const { deviceid } = await client.devices.bind({
      type: 'reader',
      model: 'R1',
      serial_number: '1',
      alias: 'Finish',
    });
    const passing = (num_passing: number) => ({
      num_passing,
      bib: String(num_passing),
      timestamp: new Date(),
      latitude: 41.38,
    });
    for (const alias of ['Heat 1', 'Heat 2']) {
      const { token_session } = await client.sessions.create({ deviceid, alias });
      await client.passings.insert(token_session, [passing(2), passing(1)]);
    }
    return deviceid;
  }
  async function everything({ url, key }: { url: string; key: string }, deviceid: string) {
    await using client = new RufusClient({ apiKey: key, baseUrl: url });
    const sessions = await client.sessions.listByDevice(deviceid);
    const passings = sessions.map(({ token_session }) =>
      client.passings.listBySession(token_session).toArray({ limit: 9 }),
    );
    return { device: await client.devices.get(deviceid), sessions, passings: await Promise.all(passings) };
  }

  it('keeps all of it, and the keys, over a kill', async () => {
    const file = join(await emptyFolder(), 'state.json');
    const first = await listening(['--state', file]);
    expect(first.output.stdout).toContain(`# RUFUS sandbox, kept in ${file}.`);
    const deviceid = await race(first);
    const before = await everything(first, deviceid);
    expect(before).toMatchObject({
      device: { passings: 4, sessions: 2 },
      sessions: [{ active: true }, { active: false }],
    });
    first.child.kill('SIGKILL');
    await first.ended;

    const second = await listening(['--state', file]);
    expect(second.key).toBe(first.key);
    expect(second.output.stdout.match(/ror-\w+/g)).toEqual(first.output.stdout.match(/ror-\w+/g));
    expect(await everything(second, deviceid)).toEqual(before);
    // It goes on where it was: the open session takes passings, and a new one is the newest.
    await using client = new RufusClient({ apiKey: second.key, baseUrl: second.url });
    const { token_session } = await client.sessions.create({ deviceid, alias: 'Heat 3' });
    expect((await client.sessions.getActive(deviceid))?.token_session).toBe(token_session);
  });

  it('holds what was answered at the moment of a kill, whatever was under way, and is never half a file', async () => {
    const folder = await emptyFolder();
    const file = join(folder, 'state.json');
    const { url, key, child, ended } = await listening(['--state', file, '--key', 'k1']);
    await using client = new RufusClient({ apiKey: key, baseUrl: url, retry: false });
    const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' });
    const { token_session } = await client.sessions.create({ deviceid });
    const answered: number[] = [];
    const send = async (num_passing: number) => {
      await client.passings.insert(token_session, [{ num_passing, bib: '7', timestamp: new Date() }]);
      answered.push(num_passing);
      if (answered.length === 200) child.kill('SIGKILL');
    };
    await Promise.allSettled(Array.from({ length: 1_000 }, (_, index) => send(index + 1)));
    await ended;
    expect(answered.length).toBeGreaterThanOrEqual(200);
    expect(answered.length).toBeLessThan(1_000);

    const again = await listening(['--state', file, '--key', 'k2']);
    expect(again.key).toBe('k2'); // in place of the one in the file
    await using reader = new RufusClient({ apiKey: 'k2', baseUrl: again.url });
    const held = (await reader.passings.listBySession(token_session).toArray({ limit: 1_000 })).map(
      (row) => row.num_passing,
    );
    expect(held).toEqual(expect.arrayContaining(answered));
  });

  it('is a file for its owner alone, replaced as a whole, and leaves no other behind', async () => {
    const folder = await emptyFolder();
    const { child, ended, url, key } = await listening(['--state', join(folder, 'state.json')]);
    const { ino } = await stat(join(folder, 'state.json'));
    await using client = new RufusClient({ apiKey: key, baseUrl: url });
    await client.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' });
    expect((await stat(join(folder, 'state.json'))).ino).not.toBe(ino);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(folder)).toEqual(['state.json']);
    if (process.platform !== 'win32') expect((await stat(join(folder, 'state.json'))).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{', '{"format":"rufus-sandbox 2"}', '[1]'])(
    'refuses a file that holds %j, and leaves it as it is',
    async (text) => {
      const file = join(await emptyFolder(), 'state.json');
      await writeFile(file, text);
      expect(await start(['--state', file]).ended).toEqual({
        code: 1,
        signal: null,
        stdout: '',
        stderr: `rufus-sandbox: ${file} is not a state file of this version of rufus-sandbox. Move it away, or give another --state\n`,
      });
      expect(await readFile(file, 'utf8')).toBe(text);
    },
  );

  it('says where it cannot be written', async () => {
    const file = join(await emptyFolder(), 'missing', 'state.json');
    const { code, stdout, stderr } = await start(['--state', file]).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`rufus-sandbox: The state file ${file} cannot be written: ENOENT`);
  });

  it('answers no write that it could not keep, and says why', async () => {
    const folder = await emptyFolder();
    const file = join(folder, 'state.json');
    const { url, key, output } = await listening(['--state', file]);
    await rm(folder, { recursive: true });
    await using client = new RufusClient({ apiKey: key, baseUrl: url, retry: false });
    await expect(client.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' })).rejects.toMatchObject({
      status: 500,
    });
    expect(output.stderr).toContain(`rufus-sandbox: The state file ${file} cannot be written: ENOENT`);
    await mkdir(folder);
    await expect(client.devices.bind({ type: 'reader', model: 'R1', serial_number: '2' })).resolves.toBeDefined();
  });
});
