import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { resultOf } from './support/child-result.js';
import { machineMarkdown } from './support/machine.js';
import { prepare } from './support/prepare.js';
import { type Report, reportMarkdown } from './support/report.js';

// npm run bench                  all cases; writes bench/RESULTS.md
// npm run bench -- NAME …        these cases only, to the terminal
// npm run bench -- --quick …     a rough look, to see that they run

const CASES = [
  'small-calls',
  'small-calls-others',
  'big-pages',
  'whole-session',
  'long-session',
  'insert-many',
  'outbox',
  'outboxes',
  'follow',
  'follow-many',
  'board',
  'cold-start',
  'size',
  'cli',
  'fleet',
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

await prepare(CASES);
const sections: string[] = [];
for (const name of wanted.length > 0 ? wanted : CASES) {
  const startedAt = performance.now();
  const section = reportMarkdown(await resultOf<Report>('case-process', [name, pace], { execArgv: ['--expose-gc'] }));
  sections.push(section);
  console.log(`\n${section}\n\n(${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s)`);
}
if (wanted.length === 0 && pace === 'full') {
  writeFileSync('bench/RESULTS.md', `${[machineMarkdown(), ...sections].join('\n\n')}\n`);
  console.log('\nWritten to bench/RESULTS.md.');
}
