import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { build } from 'tsup';

/** Builds the package, and compiles these cases and the processes they start into bench/dist. */
export async function prepare(cases: readonly string[]): Promise<void> {
  if (!existsSync('bench/node_modules')) execFileSync('npm', ['ci', '--prefix', 'bench'], { stdio: 'inherit' });
  execFileSync('npx', ['tsc', '-p', 'bench'], { stdio: 'inherit' });
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] });
  // Compiled beforehand: a loader in the measured process would count, and dress up its functions.
  await build({
    entry: {
      ...Object.fromEntries(cases.map((name) => [name, `bench/cases/${name}.ts`])),
      'backlog-process': 'bench/support/backlog-process.ts',
      'board-readers-process': 'bench/support/board-readers-process.ts',
      'case-process': 'bench/support/case-process.ts',
      'fleet-process': 'bench/support/fleet-process.ts',
      'long-session-process': 'bench/support/long-session-process.ts',
      'outbox-process': 'bench/support/outbox-process.ts',
      'peers-process': 'bench/support/peers-process.ts',
      'server-process': 'bench/support/server-process.ts',
    },
    outDir: 'bench/dist',
    format: 'esm',
    target: 'node20',
    clean: true,
    silent: true,
    config: false,
    skipNodeModulesBundle: true,
  });
}
