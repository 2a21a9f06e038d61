// The built `rufus` as a child process, in a world of its own: no key, no profile, no RUFUS_ variable but those given.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import type { Ended } from '../../support/child.js';

export const BIN = join(inject('dist'), 'rufus.js');

export interface Setting {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What comes on standard input. Default: nothing. */
  readonly input?: string | Uint8Array;
  readonly bin?: string;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<Ended & { signal: NodeJS.Signals | null }>;
  /** Resolves once it has printed what fits. */
  printed(pattern: RegExp, stream?: 'stdout' | 'stderr'): Promise<RegExpExecArray>;
}

/** Runs it to its end. */
export async function rufus(args: readonly string[], setting: Setting = {}): Promise<Ended> {
  const { child, ended } = start(args, setting);
  child.stdin.on('error', () => {});
  child.stdin.end(setting.input ?? '');
  const { code, stdout, stderr } = await ended;
  return { code, stdout, stderr };
}

/** Starts it; killed at the end of the test. */
export function start(args: readonly string[], { env, cwd, bin = BIN }: Setting = {}): Running {
  const child = spawn(process.execPath, [...NODE_OPTIONS, bin, ...args], { cwd, env: environment(env) });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const ended = new Promise<Ended & { signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  const printed = (pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout') =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(output[stream]);
        if (found !== null) resolve(found);
      };
      look();
      child[stream].on('data', look);
      void ended.then(({ code, stderr }) =>
        reject(new Error(`It ended with ${code} before it printed ${pattern}: ${stderr}`)),
      );
    });
  return { child, output, ended, printed };
}

/** msw looks for localStorage, and Node 26 warns whoever does. */
const NODE_OPTIONS = ['--disable-warning=ExperimentalWarning'];

export function environment(given: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RUFUS_|NO_COLOR|FORCE_COLOR)/.test(name));
  return { ...Object.fromEntries(inherited), XDG_CONFIG_HOME: join(tmpdir(), 'no-such-folder'), ...given };
}

/** A folder of the test's own. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rufus-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
