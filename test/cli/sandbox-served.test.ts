// `rufus sandbox` for others: on an address, and in a file. Processes, signals, sockets and files are real.
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { RufusClient } from 'rufus-client';
import { describe, expect, it } from 'vitest';
import { rufus, start, temporaryFolder } from './support/rufus.js';

async function listening(args: readonly string[]) {
  const running = start(['sandbox', ...args]);
  await running.printed(/READ_WRITE \+ unbind .*\n/);
  const exported = (name: string) => new RegExp(`^export ${name}=(\\S+)$`, 'm').exec(running.output.stdout)?.[1] ?? '';
  return { ...running, url: exported('RUFUS_BASE_URL'), key: exported('RUFUS_API_KEY') };
}

describe('--host', { timeout: 60_000 }, () => {
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
    expect((await ended).stderr).toMatch(/^warning: It listens on 0\.0\.0\.0, where other machines reach it\./);
  });

  it('says that an address is not of this machine', async () => {
    const { code, stderr } = await rufus(['sandbox', '--host', '192.0.2.1']);
    expect([code, stderr]).toEqual([
      1,
      'rufus: 192.0.2.1 is no address of this machine. Give another --host, or 0.0.0.0 for all that it has.\n',
    ]);
  });
});

describe('--state', { timeout: 60_000 }, () => {
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
    const file = join(temporaryFolder(), 'state.json');
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
    const folder = temporaryFolder();
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
    const folder = temporaryFolder();
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
      const file = join(temporaryFolder(), 'state.json');
      await writeFile(file, text);
      expect(await rufus(['sandbox', '--state', file])).toEqual({
        code: 1,
        stdout: '',
        stderr: `rufus: ${file} is not a state file of this version of rufus-sandbox. Move it away, or give another --state.\n`,
      });
      expect(await readFile(file, 'utf8')).toBe(text);
    },
  );

  it('says where it cannot be written', async () => {
    const file = join(temporaryFolder(), 'missing', 'state.json');
    const { code, stdout, stderr } = await rufus(['sandbox', '--state', file]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`rufus: The state file ${file} cannot be written: ENOENT`);
  });

  it('answers no write that it could not keep, and says why', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'state.json');
    const { url, key, output } = await listening(['--state', file]);
    await rm(folder, { recursive: true });
    await using client = new RufusClient({ apiKey: key, baseUrl: url, retry: false });
    await expect(client.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' })).rejects.toMatchObject({
      status: 500,
    });
    expect(output.stderr).toContain(`rufus: The state file ${file} cannot be written: ENOENT`);
    await mkdir(folder);
    await expect(client.devices.bind({ type: 'reader', model: 'R1', serial_number: '2' })).resolves.toBeDefined();
  });
});
