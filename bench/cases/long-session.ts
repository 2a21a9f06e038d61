import { resultOf } from '../support/child-result.js';
import type { LongReading } from '../support/long-session-process.js';
import { atLeast, atMost, type Case } from '../support/report.js';
import { type Server, startServer } from '../support/server.js';
import { grouped, median } from '../support/stats.js';

const SHORT = 200_000;
const LONG = 10_000_000;
/** Enough to see how much memory it takes. */
const MEDIUM = 1_000_000;
/** By default V8 lets garbage lie for as long as the machine has memory. */
const SMALL_HEAP = ['--max-old-space-size=64', '--max-semi-space-size=2'];

export const run: Case = async (effort) => {
  const long = effort.quick ? LONG / 10 : LONG;
  await using server = await startServer({ rows: long, templated: true });
  const ours = await reading('rufus-client', server, long);
  const theirs = await reading('undici', server, MEDIUM);
  const small = await reading('rufus-client', server, MEDIUM, SMALL_HEAP);
  const [most, early, late] = resident(ours);
  return {
    title: '3b. A long session',
    how: `\`listBySession\` into a file, a line of JSON for each passing, waiting where the file falls behind; and the same with bare undici and \`JSON.parse\`. Against the first ${grouped(SHORT)} passings, read in the same process. Resident memory is that of the whole process.`,
    tables: [
      {
        columns: [
          '',
          'passings',
          '/s',
          'the first 200,000 /s',
          'file MB',
          'most resident MiB',
          'first tenth',
          'last tenth',
        ],
        rows: [
          row('rufus-client', long, ours),
          row('undici + JSON.parse', MEDIUM, theirs),
          row(`rufus-client, node ${SMALL_HEAP.join(' ')}`, MEDIUM, small),
        ],
      },
    ],
    goals: [
      atMost('resident memory', 120, most, ' MiB'),
      atMost('resident memory, with that small heap', 120, resident(small)[0], ' MiB'),
      atMost('the last tenth, against the first', 1.1, late / early),
      atLeast(`rate, of that of ${grouped(SHORT)}`, 0.9, ours.perSecond / median(ours.shortPerSecond)),
    ],
  };
};

function reading(
  reader: 'rufus-client' | 'undici',
  { origin }: Server,
  count: number,
  execArgv: string[] = [],
): Promise<LongReading> {
  return resultOf('long-session-process', [reader, origin, String(count), String(SHORT)], { execArgv });
}

/** The most, on the whole way, in its first and in its last tenth. */
function resident({ residentMiB }: LongReading): [number, number, number] {
  const tenth = residentMiB.length / 10;
  return [residentMiB, residentMiB.slice(0, tenth), residentMiB.slice(-tenth)].map((part) => Math.max(...part)) as [
    number,
    number,
    number,
  ];
}

function row(name: string, count: number, reading: LongReading): string[] {
  const memory = resident(reading).map((mib) => mib.toFixed(0));
  const rates = [count, reading.perSecond, median(reading.shortPerSecond), reading.bytes / 1e6];
  return [name, ...rates.map((figure) => grouped(figure)), ...memory];
}
