import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { BIN, rufus, start, temporaryFolder } from './support/rufus.js';

const SANDBOX_BIN = join(dirname(BIN), 'rufus-sandbox.js');

/** One implementation, two names. */
const NAMES = [
  ['rufus-sandbox', SANDBOX_BIN, []],
  ['rufus sandbox', BIN, ['sandbox']],
] as const;

describe.each(NAMES)('%s', (name, bin, command) => {
  async function listening(args: readonly string[] = []) {
    const running = start([...command, ...args], { bin });
    await running.printed(/READ_WRITE \+ unbind .*\n/);
    const exported = (variable: string) =>
      new RegExp(`^export ${variable}=(\\S+)$`, 'm').exec(running.output.stdout)?.[1] ?? '';
    return { ...running, url: exported('RUFUS_BASE_URL'), key: exported('RUFUS_API_KEY') };
  }

  // Windows has no signals to send: there a kill is a kill.
  test.skipIf(process.platform === 'win32')(
    'prints what a shell can take over, serves it, and ends on a signal',
    async () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const { child, output, ended, url, key } = await listening(['--envelope', 'flat', '--page-size', '2']);
        expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v0$/);
        expect(output.stdout.match(/ror-[0-9a-f]{20}/g)).toHaveLength(5);
        expect(output.stdout).toContain(`#   READ_WRITE            ${key}\n`);
        for (const line of output.stdout.trim().split('\n')) expect(line).toMatch(/^(#.*|export \S+=\S+|)$/);
        const answer = await fetch(`${url}/devices`, { headers: { 'x-api-key': key } });
        expect(await answer.json()).toMatchObject({ pagination: { limit: 2 }, result: [] });
        child.kill(signal);
        expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
      }
    },
  );

  test('says that a port is in use, and what to do', async () => {
    const { port } = new URL((await listening()).url);
    expect(await rufus([...command, '--port', port], { bin })).toEqual({
      code: 1,
      stdout: '',
      stderr: `${name.split(' ')[0]}: Port ${port} is in use. End what listens there, give another --port, or none for a free one.\n`,
    });
  });

  test('takes a key of yours, exports it, and gives a wrong one the status of --unknown-key', async () => {
    const { output, url, key } = await listening(['--key', 'ror-0123456789abcdef0123', '--unknown-key', '401']);
    expect(key).toBe('ror-0123456789abcdef0123');
    expect(output.stdout).toContain('#   READ_WRITE            ror-0123456789abcdef0123\n');
    const status = async (method: string, path: string, given = key) =>
      (await fetch(url + path, { method, headers: { 'x-api-key': given } })).status;
    expect(await status('GET', '/devices')).toBe(200);
    expect(await status('DELETE', '/devices/D1')).toBe(403);
    expect(await status('GET', '/devices', 'ror-0')).toBe(401);
  });

  test('helps', async () => {
    const help = await rufus([...command, '--help'], { bin });
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain(`Usage: ${name} `);
    for (const option of [
      ...['--port', '--host', '--key', '--state', '--envelope', '--coordinates', '--end-of-pages', '--bind-conflict'],
      ...['--duplicates', '--unknown-key', '--page-size', '--max-body-bytes', '--latency-ms'],
    ]) {
      expect(help.stdout).toContain(`\n  ${option} `);
    }
  });

  test.each([
    [['--prt', '8080'], "unknown option '--prt' (Did you mean --port?)"],
    [['--port', 'x'], 'must be a whole number from 0 to 65535'],
    [['--envelope', 'bare'], 'Allowed choices are spec, flat.'],
    [['--unknown-key', '404'], 'Allowed choices are 403, 401.'],
    [['--page-size', '0'], 'must be a whole number of at least 1'],
    [['--key', 'a b'], 'must consist of letters, digits'],
    [['--host', ''], 'must not be empty'],
    [['--state', ''], 'must not be empty'],
    [['extra'], 'too many arguments'],
  ])('refuses %j', async (args, problem) => {
    const { code, stdout, stderr } = await rufus([...command, ...args], { bin });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(problem);
    expect(stderr).toContain(`See: ${name} --help`);
  });

  test('says what to do where msw is not installed', async () => {
    const elsewhere = temporaryFolder();
    await cp(inject('dist'), join(elsewhere, 'dist'), { recursive: true });
    await mkdir(join(elsewhere, 'node_modules'));
    await writeFile(join(elsewhere, 'package.json'), '{ "type": "module" }');
    const { code, stdout, stderr } = await rufus(command, {
      bin: join(elsewhere, 'dist', bin.slice(dirname(bin).length)),
    });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^[\w-]+: The sandbox needs msw, which is not installed\. .*npm install -D msw.*\n$/);
  });
});

test('rufus-sandbox tells its version', async () => {
  expect(await rufus(['--version'], { bin: SANDBOX_BIN })).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
});
