import { RufusClient } from '../support/built.js';
import { duel, inFlight } from '../support/duel.js';
import { atLeast, type Case, type Goal } from '../support/report.js';
import { KEY, TOKEN } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { median, spread } from '../support/stats.js';

const ROWS = 200_000;
const LATENCY_MS = 50;

export const run: Case = async (effort) => {
  await using server = await startServer({ rows: ROWS, latencyMs: LATENCY_MS });
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });

  const readAll = (prefetch: number) =>
    inFlight(`prefetch ${prefetch}`, 1, async () => {
      let last = 0;
      for await (const { num_passing } of client.passings.listBySession(TOKEN, { prefetch })) {
        if (num_passing !== ++last) throw new Error(`expected passing ${last}, got ${num_passing}`);
      }
      if (last !== ROWS) throw new Error(`the session ended after ${last} passings`);
    });

  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const prefetch of [1, 4, 8]) {
    const fight = await duel(readAll(prefetch), readAll(0), { rounds: effort.rounds(5), sliceMs: 0 });
    const seconds = [fight.subject, fight.reference].map(({ perSecond }) => (1 / perSecond).toFixed(2));
    rows.push([String(prefetch), ...seconds, spread(fight.rateRatios)]);
    if (prefetch === 4) {
      goals.push(atLeast('prefetch 4: times as fast as sequential', 3.5, median(fight.rateRatios)));
    }
  }
  return {
    title: '3. A whole session',
    how: `Every one of 200,000 passings in order, 41 requests, each answered after ${LATENCY_MS} ms.`,
    tables: [{ columns: ['Prefetch', 'seconds', 'sequential', 'times as fast'], rows }],
    goals,
  };
};
