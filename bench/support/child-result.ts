import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Runs a module of bench/dist in a process of its own; what it sends is its result. */
export async function resultOf<T>(
  module: string,
  args: readonly string[],
  { cwd = process.cwd(), execPath = process.execPath, execArgv = [] as string[] } = {},
): Promise<T> {
  const child = fork(`bench/dist/${module}.js`, args, { cwd, execPath, execArgv });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${module} ${args.join(' ')} ended with exit code ${code}, without a result`);
  });
  const [result] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {});
  return result as T;
}
