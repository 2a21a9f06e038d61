import { execFileSync } from 'node:child_process';
import { entryUrl } from '../support/built.js';
import { atMost, type Case, type Goal } from '../support/report.js';
import { median, spread } from '../support/stats.js';

/** Each entry, and what it brings of others, alone. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  index: ['undici', 'zod'],
  outbox: ['zod'],
  schemas: ['zod'],
  testing: ['undici', 'zod', 'msw'],
};

interface Start {
  readonly ms: number;
  /** Of the process, once it has imported. */
  readonly rssMb: number;
  /** By how much the heap has grown, collected. */
  readonly heapMb: number;
}
const FIELDS = ['ms', 'rssMb', 'heapMb'] as const;

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
    const ratios = (field: keyof Start) => ours.map((start, round) => start[field] / theirs[round]![field]);
    rows.push([
      entry === 'index' ? 'rufus-client' : `rufus-client/${entry}`,
      dependencies.join(' + '),
      ...FIELDS.flatMap((field) => [middle(ours, field), middle(theirs, field), spread(ratios(field))]),
    ]);
    if (entry === 'index') {
      goals.push(atMost('importing rufus-client: time, of undici + zod alone', 1.1, median(ratios('ms'))));
      goals.push(
        atMost('importing rufus-client: resident memory, of undici + zod alone', 1.1, median(ratios('rssMb'))),
      );
    }
  }
  return {
    title: '8. Cold start',
    how: '`import()` of each entry in a fresh process, in turn with one that imports only its dependencies. Resident memory is that of the whole process; the heap, collected, is what the import alone has added.',
    tables: [
      {
        columns: [
          'Entry',
          'Against',
          ...['ms', 'resident MB', 'heap MB'].flatMap((field) => [field, 'alone', 'ratio']),
        ],
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
    const before = process.memoryUsage().heapUsed;
    const startedAt = performance.now();
    ${modules.map((module) => `await import(${JSON.stringify(module)});`).join('\n')}
    const ms = performance.now() - startedAt;
    gc();
    const { rss, heapUsed } = process.memoryUsage();
    console.log(JSON.stringify({ ms, rssMb: rss / 2 ** 20, heapMb: (heapUsed - before) / 2 ** 20 }));`;
  const flags = ['--expose-gc', '--input-type=module', '--eval', script];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' }));
}

function middle(starts: readonly Start[], field: keyof Start): string {
  return median(starts.map((each) => each[field])).toFixed(1);
}
