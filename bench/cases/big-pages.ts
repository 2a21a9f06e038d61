import { z } from 'zod';
import { BareUndici } from '../support/bare-undici.js';
import { RufusClient } from '../support/built.js';
import { duel, inFlight } from '../support/duel.js';
import { atMost, type Case, type Goal } from '../support/report.js';
import { KEY, TOKEN } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { median, spread } from '../support/stats.js';

const coordinate = z.union([z.number(), z.string().transform(Number)]).nullish();
const text = z.string().nullish();

/** What a careful user would write. */
const PageByHand = z.object({
  body: z.object({
    result: z.array(
      z.object({
        timestamp: z.string(),
        num_passing: z.number().int().min(0),
        bib: z.string(),
        participant_id: text,
        chip: text,
        latitude: coordinate,
        longitude: coordinate,
        status: text,
        timezone: text,
        gender: text,
      }),
    ),
  }),
});

export const run: Case = async (effort) => {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const coordinates of ['number', 'string'] as const) {
    await using server = await startServer({ rows: 5_000, coordinates });
    await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
    const bare = new BareUndici(server);
    const subject = inFlight('rufus-client', 1, () => client.passings.listBySession(TOKEN));
    const references = [
      inFlight('undici + JSON.parse', 1, () => bare.page(1)),
      inFlight('fetch + zod', 1, async () => {
        const response = await fetch(`${server.baseUrl}/passings/session/${TOKEN}?page=1`, {
          headers: { 'x-api-key': KEY },
        });
        return PageByHand.parse(await response.json());
      }),
    ];
    for (const reference of references) {
      const fight = await duel(subject, reference, { rounds: effort.rounds(10), sliceMs: effort.ms(700) });
      const times = [fight.subject, fight.reference].map(({ perSecond }) => (1000 / perSecond).toFixed(1));
      const timeRatios = fight.rateRatios.map((ratio) => 1 / ratio);
      rows.push([`${coordinates}s`, reference.name, ...times, spread(timeRatios), spread(fight.cpuRatios)]);
      if (reference === references[0]) {
        const [time, cpu] = coordinates === 'number' ? [1.05, 1.1] : [1.1, 1.15];
        const what = `coordinates as ${coordinates}s`;
        goals.push(atMost(`${what}: time, of bare undici`, time, median(timeRatios)));
        goals.push(atMost(`${what}: CPU, of bare undici`, cpu, median(fight.cpuRatios)));
      }
    }
    await bare.close();
  }
  return {
    title: '2. Big pages',
    how: '`listBySession`: one page of 5,000 passings (1.8 MB), everything validated and coordinates turned into numbers, one request at a time.',
    tables: [{ columns: ['Coordinates', 'Against', 'rufus-client ms', 'it ms', 'time ratio', 'CPU ratio'], rows }],
    goals,
  };
};
