import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { build } from 'tsup';
import { machineMarkdown } from './support/machine.js';
import { type Report, reportMarkdown } from './support/report.js';

// npm run bench                  all cases; writes bench/RESULTS.md
// npm run bench -- NAME …        these cases only, to the terminal
// npm run bench -- --quick …     a rough look, to see that they run

const CASES = [
  'small-calls',
  'small-calls-others',
  'big-pages',
  'whole-session',
  'insert-many',
  'outbox',
  'follow',
  'cold-start',
  'size',
  'cli',
];

const wanted = process.argv.slice(2).filter((argument) => argument !== '--quick');
const pace = process.argv.includes('--quick') ? 'quick' : 'full';
const unknown = wanted.filter((name) => !CASES.includes(name));
if (unknown.length > 0) {
  console.error(`No such case: ${unknown.join(', ')}. There are: ${CASES.join(', ')}.`);
  process.exit(2);
}

const [load = 0] = loadavg();
if (load > 1)
  console.warn(`The load of this machine is ${load.toFixed(1)}: absolute figures will be low, and ratios wide.`);

await prepare();
const sections: string[] = [];
for (const name of wanted.length > 0 ? wanted : CASES) {
  const startedAt = performance.now();
  const section = reportMarkdown(await runCase(name));
  sections.push(section);
  console.log(`\n${section}\n\n(${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s)`);
}
if (wanted.length === 0 && pace === 'full') {
  writeFileSync('bench/RESULTS.md', `${[machineMarkdown(), ...sections].join('\n\n')}\n`);
  console.log('\nWritten to bench/RESULTS.md.');
}

async function prepare(): Promise<void> {
  if (!existsSync('bench/node_modules')) execFileSync('npm', ['ci', '--prefix', 'bench'], { stdio: 'inherit' });
  execFileSync('npx', ['tsc', '-p', 'bench'], { stdio: 'inherit' });
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] });
  // Compiled beforehand: a loader in the measured process would count, and dress up its functions.
  await build({
    entry: {
      ...Object.fromEntries(CASES.map((name) => [name, `bench/cases/${name}.ts`])),
      'backlog-process': 'bench/support/backlog-process.ts',
      'case-process': 'bench/support/case-process.ts',
      'outbox-process': 'bench/support/outbox-process.ts',
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

async function runCase(name: string): Promise<Report> {
  const child = fork('bench/dist/case-process.js', [name, pace], { execArgv: ['--expose-gc'] });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with exit code ${code}, without a report`);
  });
  const [report] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {});
  return report as Report;
}
