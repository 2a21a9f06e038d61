import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

const TEST_FOLDER = fileURLToPath(new URL('..', import.meta.url));
export const PROJECT_FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a TypeScript module, whose imports are relative to test/, in a process of its own, and waits until it ends by itself. */
export function runChild(source: string, env: Record<string, string> = {}): Promise<Ended> {
  return runNode(['--import', 'tsx', '--input-type=module', '--eval', source], { cwd: TEST_FOLDER, env });
}

/** Runs a TypeScript file, named relative to the project's folder, as `npx tsx FILE ...ARGS` there does. */
export function runScript(
  file: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Ended> {
  return runNode(['--import', 'tsx', file, ...args], { cwd: PROJECT_FOLDER, env, timeoutMs: 120_000 });
}

/** Node with these arguments, without the RUFUS_ variables of whoever runs the tests, until it ends by itself. */
export async function runNode(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; timeoutMs?: number },
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('RUFUS_'));
  // msw looks for localStorage, and Node 26 warns whoever does.
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: options.cwd,
    env: { ...Object.fromEntries(inherited), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 28_000,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}
