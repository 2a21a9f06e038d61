import { CONTESTS, type Start, startsOf } from '../../scripts/cold-starts.js';
import { atMost, type Case, type Goal } from '../support/report.js';
import { median, spread } from '../support/stats.js';

const FIELDS = ['ms', 'rssMb', 'heapMb'] as const;
const GOALS: Readonly<Record<string, number>> = {
  'rufus-client, a client': 1.15,
  'rufus-client/outbox': 1.1,
};

export const run: Case = async (effort) => {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const contest of CONTESTS) {
    const { ours, theirs } = startsOf(contest, effort.rounds(25));
    const ratios = (field: keyof Start) => ours.map((start, round) => start[field] / theirs[round]![field]);
    rows.push([
      contest.name,
      contest.against,
      ...FIELDS.flatMap((field) => [middle(ours, field), middle(theirs, field), spread(ratios(field))]),
    ]);
    const goal = GOALS[contest.name.replace(/^\w+ /, '')];
    if (goal === undefined) continue;
    goals.push(atMost(`${contest.name}: time, of ${contest.against} alone`, goal, median(ratios('ms'))));
    goals.push(atMost(`${contest.name}: resident memory, of ${contest.against} alone`, 1.1, median(ratios('rssMb'))));
  }
  return {
    title: '8. Cold start',
    how: 'Fresh processes, in turn: what users import, up to a client that exists or has made its first call (which nobody answers), and what it stands on, alone. The time is that beyond a process that does nothing. Resident memory is that of the whole process; the heap, collected, is what the program alone has added.',
    tables: [
      {
        columns: [
          'Program',
          'Against',
          ...['ms', 'resident MB', 'heap MB'].flatMap((field) => [field, 'alone', 'ratio']),
        ],
        rows,
      },
    ],
    goals,
  };
};

function middle(starts: readonly Start[], field: keyof Start): string {
  return median(starts.map((each) => each[field])).toFixed(1);
}
