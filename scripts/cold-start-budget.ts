// Fails if the built package takes more CPU to start than it may, as a ratio to what it stands on. The least of several fresh processes
// each: other work on the machine hardly counts.
import { CONTESTS, startsOf } from './cold-starts.js';

/** Well above what was measured, and below what any import of undici or zod at the start would bring. */
const BUDGET: Readonly<Record<string, number>> = {
  'rufus-client, a client': 0.4,
  'rufus-client/outbox': 1.1,
};
const ROUNDS = 5;
/** A machine may be busy for seconds on end. */
const TRIES = 3;

for (const contest of CONTESTS) {
  const limit = BUDGET[contest.name.replace(/^\w+ /, '')];
  if (limit === undefined) continue;
  let ratio = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && ratio > limit; tries++) ratio = Math.min(ratio, ratioOf(contest));
  const isSlow = ratio > limit;
  console.log(
    `${contest.name}: ${ratio.toFixed(2)} of ${contest.against} alone, ${isSlow ? 'OVER' : 'within'} its budget of ${limit}`,
  );
  if (isSlow) process.exitCode = 1;
}

function ratioOf(contest: (typeof CONTESTS)[number]): number {
  const { ours, theirs } = startsOf(contest, ROUNDS);
  const least = (starts: typeof ours): number => Math.min(...starts.map(({ cpuMs }) => cpuMs));
  return least(ours) / least(theirs);
}
