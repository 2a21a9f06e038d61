import type { Checkpoint } from './store.js';

type Minutes = Pick<Checkpoint, 'minutes'>;

/** A pause of so many minutes parts two races, or a race from the tests of the evening before. */
const GAP = 360;
/** A wrongly set clock has some crossings in another year. They are not the race. */
const LEAST_SHARE = 0.01;

export interface Span {
  readonly first: number;
  readonly last: number;
}

/**
 * The last stretch of minutes in which there was a race, without the minute that is not over yet: it would look like a
 * decline. Undefined before the first crossing.
 */
export function raceSpan(checkpoints: readonly Minutes[], thisMinute: number): Span | undefined {
  const totals = new Map<number, number>();
  for (const { minutes } of checkpoints) {
    for (const [minute, crossings] of minutes) totals.set(minute, (totals.get(minute) ?? 0) + crossings);
  }
  const stretches: { first: number; last: number; crossings: number }[] = [];
  let all = 0;
  for (const [minute, crossings] of [...totals].sort(([a], [b]) => a - b)) {
    all += crossings;
    const current = stretches.at(-1);
    if (current === undefined || minute - current.last > GAP)
      stretches.push({ first: minute, last: minute, crossings });
    else Object.assign(current, { last: minute, crossings: current.crossings + crossings });
  }
  const race = stretches.findLast(({ crossings }) => crossings >= all * LEAST_SHARE);
  if (race === undefined) return undefined;
  const { first, last } = race;
  return { first, last: last === thisMinute ? Math.max(first, last - 1) : last };
}

/** How many crossed in each minute of a span. */
export function series({ minutes }: Minutes, first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => minutes.get(first + index) ?? 0);
}
