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

  test('helps', async () => {
    const help = await rufus([...command, '--help'], { bin });
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const part of [`Usage: ${name} `, '--port', '--envelope', '--end-of-pages', '--max-body-bytes']) {
      expect(help.stdout).toContain(part);
    }
  });

  test.each([
    [['--prt', '8080'], "unknown option '--prt' (Did you mean --port?)"],
    [['--port', 'x'], 'must be a whole number from 0 to 65535'],
    [['--envelope', 'bare'], 'Allowed choices are spec, flat.'],
    [['--page-size', '0'], 'must be a whole number of at least 1'],
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
