import { type Passing, passingTime } from 'rufus-client';
import type { OutboxStats } from 'rufus-client/outbox';
import { TIMEZONE } from '../../src/simulation/course.js';
import { table } from '../support/table.js';
import type { Outcome } from './device.js';

const localTime = new Intl.DateTimeFormat('en-GB', { timeZone: TIMEZONE, timeStyle: 'medium' });
const clock = (passing: Passing | undefined) => (passing === undefined ? '' : localTime.format(passingTime(passing)));
export const count = (value: number): string => value.toLocaleString('en');

/** A line for each checkpoint, from what the server gave back. */
export function checkpointTable(outcomes: readonly Outcome[]): string {
  const right = 'right' as const;
  return table(
    [
      { title: 'Checkpoint' },
      { title: 'km', align: right },
      { title: 'Crossings', align: right },
      { title: 'Reads', align: right },
      { title: 'First', align: right },
      { title: 'Last', align: right },
      { title: 'Peak/min', align: right },
      { title: 'First over the mat' },
    ],
    outcomes.map(({ recording: { checkpoint }, tally }) => [
      checkpoint.name,
      checkpoint.km.toFixed(1),
      count(tally.crossings),
      count(tally.reads),
      clock(tally.first),
      clock(tally.last),
      count(tally.peakPerMinute),
      [...tally.leaders]
        .sort()
        .map(([gender, { bib }]) => `${gender} ${bib}`)
        .join(', '),
    ]),
  );
}

export type Totals = Pick<OutboxStats, 'delivered' | 'parked' | 'duplicates' | 'requests' | 'retries'>;

export function total(outboxes: readonly OutboxStats[]): Totals {
  const sum = { delivered: 0, parked: 0, duplicates: 0, requests: 0, retries: 0 };
  for (const stats of outboxes) {
    for (const name of Object.keys(sum) as (keyof Totals)[]) sum[name] += stats[name];
  }
  return sum;
}

/** One below the other. */
export const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, times]) => `  ${times} × ${what}`)
    .join('\n');

/** What is wrong with a checkpoint, or undefined. */
export function complaint({
  recording: { checkpoint },
  differences,
}: Pick<Outcome, 'recording' | 'differences'>): string | undefined {
  const wrong = Object.entries(differences).filter(([, passings]) => passings > 0);
  if (wrong.length === 0) return undefined;
  return `${checkpoint.name}: ${wrong.map(([what, passings]) => `${count(passings)} ${what}`).join(', ')}`;
}
