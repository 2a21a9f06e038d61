import type { PassingInput } from 'rufus-client';
import { type Checkpoint, COURSE, gunOf, TIMEZONE } from './course.js';
import type { Random, Runner } from './field.js';

/** What one device has to report: its reads in the order of time, numbered from 1. */
export interface Recording {
  readonly checkpoint: Checkpoint;
  readonly passings: readonly PassingInput[];
}

/** The reads of each mat, for those that saw anybody. `readsPerCrossing` decides how often a chip is read on its way over a mat. */
export function recordRace(runners: readonly Runner[], readsPerCrossing: () => number, random: Random): Recording[] {
  return COURSE.map((checkpoint, index) => {
    const reads = runners.flatMap((runner) => {
      const split = runner.splits[index];
      if (split === undefined) return [];
      const crossedAt = gunOf(runner.wave) + Math.round(split * 1000);
      return Array.from({ length: readsPerCrossing() }, (_, read) => ({
        runner,
        at: read === 0 ? crossedAt : crossedAt + 40 + random.below(1_400),
      }));
    });
    reads.sort((a, b) => a.at - b.at);
    return { checkpoint, passings: reads.map(({ runner, at }, order) => passingOf(checkpoint, runner, at, order + 1)) };
  }).filter(({ passings }) => passings.length > 0);
}

function passingOf({ latitude, longitude }: Checkpoint, { bib, gender }: Runner, at: number, num_passing: number) {
  const timestamp = new Date(at).toISOString();
  return { num_passing, timestamp, bib, chip: `CHIP-${bib}`, gender, timezone: TIMEZONE, latitude, longitude };
}
