import { execFileSync } from 'node:child_process';
import { entryUrl } from '../support/built.js';
import { atMost, type Case, type Goal } from '../support/report.js';
import { median, spread } from '../support/stats.js';

/** Each entry, and what it brings of others, alone. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  index: ['undici', 'zod'],
  outbox: ['undici', 'zod'],
  schemas: ['zod'],
  testing: ['undici', 'zod', 'msw'],
};

interface Start {
  readonly ms: number;
  readonly heapMb: number;
  readonly rssMb: number;
}

export const run: Case = async (effort) => {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const [entry, dependencies] of Object.entries(ENTRIES)) {
    const ours: Start[] = [];
    const theirs: Start[] = [];
    const turns = [() => ours.push(start([entryUrl(entry)])), () => theirs.push(start(dependencies))];
    for (let round = 0; round < effort.rounds(25); round++) {
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) turn();
    }
    const timeRatios = ours.map(({ ms }, round) => ms / theirs[round]!.ms);
    const heapRatios = ours.map(({ heapMb }, round) => heapMb / theirs[round]!.heapMb);
    rows.push([
      entry === 'index' ? 'rufus-client' : `rufus-client/${entry}`,
      dependencies.join(' + '),
      middle(ours, 'ms'),
      middle(theirs, 'ms'),
      spread(timeRatios),
      middle(ours, 'heapMb'),
      middle(theirs, 'heapMb'),
      middle(ours, 'rssMb'),
      middle(theirs, 'rssMb'),
    ]);
    if (entry === 'index') {
      goals.push(atMost('importing rufus-client: time, of undici + zod alone', 1.1, median(timeRatios)));
      goals.push(atMost('importing rufus-client: heap, of undici + zod alone', 1.1, median(heapRatios)));
    }
  }
  return {
    title: '7. Cold start',
    how: '`import()` of each entry in a fresh process, in turn with one that imports only its dependencies. Heap collected, and resident memory, both as growth over an empty process.',
    tables: [
      {
        columns: ['Entry', 'Against', 'ms', 'alone', 'time ratio', 'heap MB', 'alone ', 'resident MB', 'alone  '],
        rows,
      },
    ],
    goals,
  };
};

/** Imports the modules in a process of its own. */
function start(modules: readonly string[]): Start {
  const script = `
    gc();
    const before = process.memoryUsage();
    const startedAt = performance.now();
    ${modules.map((module) => `await import(${JSON.stringify(module)});`).join('\n')}
    const ms = performance.now() - startedAt;
    gc();
    const after = process.memoryUsage();
    const grown = (field) => (after[field] - before[field]) / 2 ** 20;
    console.log(JSON.stringify({ ms, heapMb: grown('heapUsed'), rssMb: grown('rss') }));`;
  const flags = ['--expose-gc', '--input-type=module', '--eval', script];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' }));
}

function middle(starts: readonly Start[], field: keyof Start): string {
  return median(starts.map((each) => each[field])).toFixed(1);
}
