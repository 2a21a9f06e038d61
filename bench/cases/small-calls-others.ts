import { RufusClient } from '../support/built.js';
import { clients } from '../support/contestants.js';
import { duel, inFlight } from '../support/duel.js';
import { atLeast, type Case, type Goal } from '../support/report.js';
import { crossing, KEY, TOKEN } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { grouped, median, spread } from '../support/stats.js';

const WIDTHS = [1, 10, 50];

export const run: Case = async (effort) => {
  await using server = await startServer();
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  const passings = [crossing(1)];
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const [name, insert] of Object.entries(clients(server))) {
    for (const width of WIDTHS) {
      const fight = await duel(
        inFlight('rufus-client', width, () => client.passings.insert(TOKEN, passings)),
        inFlight(name, width, () => insert(passings)),
        { rounds: effort.rounds(5), sliceMs: effort.ms(400) },
      );
      const { subject, reference, rateRatios } = fight;
      const cpu = [subject, reference].map(({ cpuMicros }) => cpuMicros.toFixed(0));
      const rates = [grouped(subject.perSecond), grouped(reference.perSecond)];
      rows.push([name, String(width), ...rates, spread(rateRatios, 1), ...cpu]);
      if (width === 50) goals.push(atLeast(`50 in flight: calls a second, of ${name}`, 3.5, median(rateRatios)));
    }
  }
  return {
    title: '1b. Small calls against other clients',
    how: 'The same call through `fetch` by hand and four popular clients, each as its documentation shows it, sockets kept alive, retries off.',
    tables: [
      {
        columns: ['Against', 'In flight', 'rufus-client /s', 'it /s', 'ratio', 'our CPU µs a call', 'its'],
        rows,
      },
    ],
    goals,
  };
};
