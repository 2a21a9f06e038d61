import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Account, openAccount } from './support/account.js';
import { rufus, temporaryFolder } from './support/rufus.js';
import { hasTerminals, onTerminal } from './support/terminal.js';

const LIST = ['events', 'list', '--json'];
const isPosix = process.platform !== 'win32';

/** Where profiles lie, and the environment in which they are found. */
function home({ url }: Account) {
  const folder = temporaryFolder();
  return { profiles: join(folder, 'rufus/profiles'), env: { XDG_CONFIG_HOME: folder, RUFUS_BASE_URL: url } };
}

describe('the key', () => {
  test('comes from the environment, a file, or standard input', async () => {
    const { env, url, sandbox } = await openAccount();
    const key = sandbox.keys.readWrite;
    const file = join(temporaryFolder(), 'key');
    await writeFile(file, `${key}\n`, { mode: 0o600 });
    const RUFUS_BASE_URL = url;

    const expected = await rufus(LIST, { env });
    expect(expected).toMatchObject({ code: 0, stderr: '' });
    expect(await rufus([...LIST, '--api-key-file', file], { env: { RUFUS_BASE_URL } })).toEqual(expected);
    expect(await rufus([...LIST, '--api-key-file', '-'], { env: { RUFUS_BASE_URL }, input: `${key}\n` })).toEqual(
      expected,
    );
    // What stands on the command line goes before the environment.
    const wrong = { RUFUS_BASE_URL, RUFUS_API_KEY: 'ror-00000000000000000000' };
    expect(await rufus([...LIST, '--api-key-file', file], { env: wrong })).toEqual(expected);
  });

  test.each([
    ['--api-key', 'ror-0123456789abcdef0123'],
    ['--api-key=ror-0123456789abcdef0123'],
    ['--apikey=ror-0123456789abcdef0123'],
  ])('is refused as an argument, and not repeated: %s', async (...option) => {
    const { env } = await openAccount();
    const { code, stdout, stderr } = await rufus([...LIST, ...option], { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^rufus: An API key is no argument: .*rufus login.*RUFUS_API_KEY.*--api-key-file\.\n$/);
    expect(stderr).not.toContain('0123456789');
  });

  test('is not repeated either where it was put in a wrong place', async () => {
    const { env } = await openAccount();
    for (const args of [['ror-0123456789abcdef0123'], [...LIST, '--profile=ror-0123456789abcdef0123']]) {
      const { code, stderr } = await rufus(args, { env });
      expect(code).toBe(2);
      expect(stderr).not.toContain('0123456789');
    }
  });

  test('a file that cannot be read, or holds none, is told by its name', async () => {
    const { env } = await openAccount();
    const file = join(temporaryFolder(), 'key');
    const missing = await rufus([...LIST, '--api-key-file', file], { env });
    expect(missing).toMatchObject({
      code: 2,
      stderr: `rufus: The key file ${file} cannot be read (ENOENT): check --api-key-file.\n`,
    });
    await writeFile(file, '\n', { mode: 0o600 });
    const empty = await rufus([...LIST, '--api-key-file', file], { env });
    expect(empty).toMatchObject({ code: 2, stderr: expect.stringMatching(/holds no API key.*\n$/) });
  });

  test.runIf(isPosix)(
    'a key file that everybody may read is used, with a warning: secrets of containers are such files',
    async () => {
      const { env, sandbox } = await openAccount();
      const file = join(temporaryFolder(), 'key');
      await writeFile(file, sandbox.keys.read);
      await chmod(file, 0o644);
      const { code, stderr } = await rufus([...LIST, '--api-key-file', file], { env });
      expect(code).toBe(0);
      expect(stderr).toMatch(/^warning: every user of this machine can read the key in .*chmod 600.*\n$/);
      expect((await rufus([...LIST, '--api-key-file', file, '--quiet'], { env })).stderr).toBe('');
    },
  );
});

describe('rufus login', () => {
  test('checks the key and keeps it for its owner alone; logout forgets it', async () => {
    const account = await openAccount();
    const { profiles, env } = home(account);
    const { readWrite: key } = account.sandbox.keys;
    const login = await rufus(['login'], { env, input: `${key}\n` });
    expect(login).toMatchObject({ code: 0, stdout: '' });
    expect(login.stderr).toBe(`The key may read and write. Kept in ${join(profiles, 'default.json')}\n`);
    if (isPosix) {
      expect((await stat(profiles)).mode & 0o777).toBe(0o700);
      expect((await stat(join(profiles, 'default.json'))).mode & 0o777).toBe(0o600);
    }
    expect(await readdir(profiles)).toEqual(['default.json']);

    // The address of the server was kept with the key: it is for that server.
    const { RUFUS_BASE_URL: _, ...elsewhere } = env;
    expect(await rufus(LIST, { env: elsewhere })).toMatchObject({ code: 0, stderr: '' });

    expect(await rufus(['logout'], { env })).toMatchObject({ code: 0, stderr: expect.stringContaining('Forgotten') });
    expect(await rufus(LIST, { env })).toMatchObject({ code: 2, stderr: expect.stringContaining('rufus login') });
    expect(await rufus(['logout'], { env })).toMatchObject({ code: 1 });
  });

  test('keeps as many profiles as are named', async () => {
    const account = await openAccount();
    const { env } = home(account);
    const { read, write } = account.sandbox.keys;
    await rufus(['login', '--profile', 'reads'], { env, input: read });
    const login = await rufus(['login', '--profile', 'writes'], { env, input: write });
    expect(login.stderr).toMatch(/^The key may write\. /);
    const listed = await rufus(['profiles'], { env });
    expect(listed.stdout).toBe(`profile,base_url\r\nreads,${account.url}\r\nwrites,${account.url}\r\n`);

    expect(await rufus(['--profile', 'reads', ...LIST], { env })).toMatchObject({ code: 0 });
    expect(await rufus(['--profile', 'writes', ...LIST], { env })).toMatchObject({ code: 3 });
    const unknown = await rufus(['--profile', 'nobody', ...LIST], { env });
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/no profile nobody.*rufus login/) });
    const wrong = await rufus(['--profile', '../etc', ...LIST], { env });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/A profile is named by letters/) });
    // A profile that is asked for goes before the environment.
    const both = { ...env, RUFUS_API_KEY: write };
    expect(await rufus(['--profile', 'reads', ...LIST], { env: both })).toMatchObject({ code: 0 });
  });

  test('keeps nothing that the API refuses', async () => {
    const account = await openAccount();
    const { profiles, env } = home(account);
    const refused = await rufus(['login'], { env, input: 'ror-00000000000000000000' });
    expect(refused).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/refuses this key: nothing was kept/),
    });
    expect(refused.stderr).not.toContain('00000');
    const malformed = await rufus(['login'], { env, input: 'not a key' });
    expect(malformed).toMatchObject({ code: 2, stderr: expect.stringContaining('malformed') });
    expect(malformed.stderr).not.toContain('not a key');
    const unreachable = await rufus(['login', '--base-url', 'http://127.0.0.1:9/v0'], { env, input: 'ror-0123' });
    expect(unreachable.code).toBe(5);
    await expect(readdir(profiles)).rejects.toThrow('ENOENT');
    expect(await rufus(['login'], { env })).toMatchObject({ code: 2, stderr: 'rufus: No key was given.\n' });
  });

  test.runIf(isPosix)('does not use a profile that others may read, as ssh does', async () => {
    const account = await openAccount();
    const { profiles, env } = home(account);
    await rufus(['login'], { env, input: account.sandbox.keys.readWrite });
    const file = join(profiles, 'default.json');
    for (const mode of [0o640, 0o604, 0o660]) {
      await chmod(file, mode);
      const { code, stdout, stderr } = await rufus(LIST, { env });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(
        `rufus: Others can read the key in ${file} (mode ${mode.toString(8).padStart(4, '0')}): it is not used. Run: chmod 600 '${file}', or log in again with a new key.\n`,
      );
    }
    // Logging in again mends it.
    expect(await rufus(['login'], { env, input: account.sandbox.keys.readWrite })).toMatchObject({ code: 0 });
    expect(await rufus(LIST, { env })).toMatchObject({ code: 0 });
  });

  test.runIf(process.getuid?.() === 0)('leaves the folders of other users alone', async () => {
    const account = await openAccount();
    const { profiles, env } = home(account);
    const { readWrite } = account.sandbox.keys;
    await rufus(['login'], { env, input: readWrite });
    await chown(join(profiles, 'default.json'), 4321, 4321);
    expect(await rufus(LIST, { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('belongs to another user'),
    });

    const theirs = home(account);
    await mkdir(join(theirs.env.XDG_CONFIG_HOME, 'rufus'));
    await chown(join(theirs.env.XDG_CONFIG_HOME, 'rufus'), 4321, 4321);
    const login = await rufus(['login'], { env: theirs.env, input: readWrite });
    expect(login).toMatchObject({ code: 2, stderr: expect.stringContaining('belongs to another user') });
    expect(await readdir(join(theirs.env.XDG_CONFIG_HOME, 'rufus'))).toEqual([]);
  });

  test('tells of a damaged profile without what is in it', async () => {
    const account = await openAccount();
    const { profiles, env } = home(account);
    await mkdir(profiles, { recursive: true });
    await writeFile(join(profiles, 'default.json'), `{"apiKey": ${account.sandbox.keys.read}`, { mode: 0o600 });
    const { code, stderr } = await rufus(LIST, { env });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `rufus: ${join(profiles, 'default.json')} is damaged. Log in again: rufus login\n`,
    });
  });

  test('warns where the environment goes before it', async () => {
    const account = await openAccount();
    const { env } = home(account);
    const { read } = account.sandbox.keys;
    const login = await rufus(['login'], { env: { ...env, RUFUS_API_KEY: read }, input: read });
    expect(login).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: RUFUS_API_KEY is set/m) });
  });

  test.runIf(hasTerminals)('reads the key from a terminal without showing it', async () => {
    const account = await openAccount();
    const { profiles, env } = home(account);
    const { readWrite: key } = account.sandbox.keys;
    const terminal = onTerminal(['login'], { env });
    await terminal.shows(/API key \(not shown\): /);
    terminal.type(`x\x7f${key}\r`);
    const { code, screen } = await terminal.ended;
    expect(code).toBe(0);
    expect(screen).not.toContain(key.slice(0, 6));
    expect(screen).toMatch(/The key may read and write/);
    expect(JSON.parse(await readFile(join(profiles, 'default.json'), 'utf8')).apiKey).toBe(key);
  });

  test.runIf(hasTerminals)('is left by Ctrl-C and by Ctrl-D', async () => {
    const account = await openAccount();
    const { env } = home(account);
    for (const [key, exitCode] of [
      ['\x03', 130],
      ['\x04', 2],
    ] as const) {
      const terminal = onTerminal(['login'], { env });
      await terminal.shows(/API key \(not shown\): /);
      terminal.type(key);
      expect((await terminal.ended).code).toBe(exitCode);
    }
  });
});
