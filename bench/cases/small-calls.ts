import { BareUndici } from '../support/bare-undici.js';
import { RufusClient } from '../support/built.js';
import { duel, inFlight } from '../support/duel.js';
import { atLeast, atMost, type Case, type Goal } from '../support/report.js';
import { crossing, KEY, TOKEN } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { grouped, median, spread } from '../support/stats.js';

const WIDTHS = [1, 10, 50];

export const run: Case = async (effort) => {
  await using server = await startServer();
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  const bare = new BareUndici(server);
  const passings = [crossing(1)];
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const width of WIDTHS) {
    const fight = await duel(
      inFlight('rufus-client', width, () => client.passings.insert(TOKEN, passings)),
      inFlight('undici', width, () => bare.insert(passings)),
      { rounds: effort.rounds(12), sliceMs: effort.ms(600) },
    );
    const { subject, reference, rateRatios, cpuRatios } = fight;
    rows.push([
      String(width),
      grouped(subject.perSecond),
      grouped(reference.perSecond),
      spread(rateRatios),
      subject.cpuMicros.toFixed(1),
      reference.cpuMicros.toFixed(1),
      spread(cpuRatios),
    ]);
    if (width === 50) {
      goals.push(atLeast('50 in flight: calls a second, of bare undici', 0.85, median(rateRatios)));
      goals.push(atMost('50 in flight: CPU a call, of bare undici', 1.3, median(cpuRatios)));
    }
  }
  await bare.close();
  return {
    title: '1a. Small calls against bare undici',
    how: '`insert` of one passing, against `dispatcher.request()`, `JSON.stringify` and `JSON.parse` with nothing around them; 16 sockets each.',
    tables: [
      {
        columns: ['In flight', 'rufus-client /s', 'undici /s', 'ratio', 'our CPU µs a call', 'its', 'CPU ratio'],
        rows,
      },
    ],
    goals,
  };
};
