import type { PassingInput } from '../../src/index.js';
import { BareUndici } from '../support/bare-undici.js';
import { RufusClient } from '../support/built.js';
import { crossings } from '../support/crossings.js';
import { duel, inFlight } from '../support/duel.js';
import { atLeast, atMost, type Case } from '../support/report.js';
import { crossing, KEY, TOKEN } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { grouped, median, spread } from '../support/stats.js';

const BATCH = 500;
const MIB = 2 ** 20;

export const run: Case = async (effort) => {
  await using server = await startServer();
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  // First of all: what is garbage later must not be part of the base line.
  await heapGrowth(client, 50_000);
  const growth = await heapGrowth(client, effort.quick ? 100_000 : 1_000_000);
  const bare = new BareUndici(server);
  const { source, passings } = crossings();
  const fight = await duel(
    inFlight('insertMany', 1, async () => {
      const { inserted_count } = await client.passings.insertMany(TOKEN, passings, { batchSize: BATCH });
      expectAll(inserted_count, passings.length);
    }),
    inFlight('a loop of posts', 1, async () => {
      let inserted = 0;
      for (let first = 0; first < passings.length; first += BATCH) {
        const answer = await bare.insert(passings.slice(first, first + BATCH));
        inserted += (answer as { body: { inserted_count: number } }).body.inserted_count;
      }
      expectAll(inserted, passings.length);
    }),
    { rounds: effort.rounds(10), sliceMs: effort.ms(1_200) },
  );
  await bare.close();
  const rates = [fight.subject, fight.reference].map(({ perSecond }) => grouped(perSecond * passings.length));
  return {
    title: '4. Sending many',
    how: `\`insertMany\` of ${grouped(passings.length)} crossings (${source}) in batches of ${BATCH}, against a hand-written loop of bare undici posts with the same batches. Heap growth: the most that the heap, collected, grew while 1,000,000 passings came out of a generator.`,
    tables: [
      {
        columns: ['', 'passings /s', 'by the loop', 'ratio', 'CPU ratio', 'heap growth MB'],
        rows: [['insertMany', ...rates, spread(fight.rateRatios), spread(fight.cpuRatios), growth.toFixed(1)]],
      },
    ],
    goals: [
      atLeast('passings a second, of a bare loop', 0.8, median(fight.rateRatios)),
      atMost('heap growth over 1,000,000', 32, growth, ' MB'),
    ],
  };
};

function expectAll(inserted: number, wanted: number): void {
  if (inserted !== wanted) throw new Error(`${inserted} inserted instead of ${wanted}`);
}

/** How much more is reachable than before, at most, while a generator is sent. */
async function heapGrowth(client: InstanceType<typeof RufusClient>, count: number): Promise<number> {
  function* generate(): Generator<PassingInput> {
    for (let number = 1; number <= count; number++) yield crossing(number);
  }
  const before = reachable();
  let most = before;
  const { inserted_count } = await client.passings.insertMany(TOKEN, generate(), {
    batchSize: BATCH,
    onProgress({ requests }) {
      if (requests % 25 === 0) most = Math.max(most, reachable());
    },
  });
  expectAll(inserted_count, count);
  return (most - before) / MIB;
}

function reachable(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
