import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSX = import.meta.resolve('tsx');
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function start(args: readonly string[], root = ROOT) {
  // msw looks for localStorage, and Node 26 warns whoever does.
  const node = ['--disable-warning=ExperimentalWarning', '--import', TSX];
  const child = spawn(process.execPath, [...node, join(root, 'src/testing/bin.ts'), ...args], { cwd: root });
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
  while (!output.stdout.includes('READ_WRITE + unbind')) await Promise.race([once(child.stdout, 'data'), ended]);
  const exported = (name: string) => new RegExp(`^export ${name}=(\\S+)$`, 'm').exec(output.stdout)?.[1] ?? '';
  return { child, output, ended, url: exported('RUFUS_BASE_URL'), key: exported('RUFUS_API_KEY') };
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
    const { output, key } = await listening([]);
    expect(output.stdout).toContain(`#   READ_WRITE            ${key}\n`);
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

  it('helps, and says its version', async () => {
    const [help, version] = await Promise.all([start(['--help']).ended, start(['--version']).ended]);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const option of ['--port', '--envelope', '--end-of-pages', '--bind-conflict', '--max-body-bytes']) {
      expect(help.stdout).toContain(option);
    }
    expect(version).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  });

  it.each([
    [['--prt', '8080'], "Unknown option '--prt'"],
    [['--port', 'x'], '--port must be a whole number, not x'],
    [['--envelope', 'bare'], 'envelope must be one of spec, flat, not bare'],
    [['--page-size', '0'], 'pageSize must be an integer of 1 or more, not 0'],
    [['extra'], "Unexpected argument 'extra'"],
  ])('refuses %j', async (args, problem) => {
    const { code, stdout, stderr } = await start(args).ended;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(problem);
    expect(stderr).toContain('See rufus-sandbox --help');
  });

  it('says what to do where msw is not installed', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'rufus-sandbox-'));
    try {
      await cp(join(ROOT, 'src'), join(elsewhere, 'src'), { recursive: true });
      await writeFile(join(elsewhere, 'package.json'), '{ "type": "module" }');
      const { code, stdout, stderr } = await start([], elsewhere).ended;
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        'rufus-sandbox: The sandbox needs msw, which is not installed. Install it beside rufus-client: npm install -D msw\n',
      );
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });
});
