import { once } from 'node:events';
import { createWriteStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { BareUndici } from './bare-undici.js';
import { RufusClient } from './built.js';
import { temporaryFolder } from './outbox.js';
import { KEY, TOKEN } from './rows.js';
import { FIRST_NUMBER, PAGE_ROWS } from './templated-pages.js';

/** A session read into a file: so many passings of it, and before and after that fewer, for comparison. */
export interface LongReading {
  readonly perSecond: number;
  readonly shortPerSecond: readonly number[];
  readonly bytes: number;
  /** Resident memory after each page. */
  readonly residentMiB: readonly number[];
}

// In a process of its own: what it holds in memory is the measure.
const [reader = '', origin = '', long = '0', short = '0'] = process.argv.slice(2);
using folder = temporaryFolder();
const file = join(folder.path, 'session.jsonl');
const client = new RufusClient({ apiKey: KEY, baseUrl: `${origin}/v0` });
const bare = new BareUndici({ origin });

async function* bareRows(): AsyncGenerator<{ num_passing: number }> {
  for (let page = 1; ; page++) {
    const { body } = (await bare.page(page)) as { body: { result: { num_passing: number }[] } };
    if (body.result.length === 0) return;
    yield* body.result;
  }
}

async function readInto(path: string, count: number): Promise<Omit<LongReading, 'shortPerSecond'>> {
  const residentMiB: number[] = [];
  const startedAt = performance.now();
  const out = createWriteStream(path, { highWaterMark: 256 * 1024 });
  let read = 0;
  for await (const passing of reader === 'undici' ? bareRows() : client.passings.listBySession(TOKEN)) {
    if (passing.num_passing !== FIRST_NUMBER + read) throw new Error(`passing ${read} is another one`);
    if (!out.write(`${JSON.stringify(passing)}\n`)) await once(out, 'drain');
    read++;
    if (read % PAGE_ROWS === 0) residentMiB.push(process.memoryUsage.rss() / 2 ** 20);
    if (read === count) break;
  }
  if (read !== count) throw new Error(`the session ended after ${read} passings`);
  out.end();
  await once(out, 'finish');
  const perSecond = (count * 1_000) / (performance.now() - startedAt);
  return { perSecond, bytes: statSync(path).size, residentMiB };
}

const shortRate = async (): Promise<number> => (await readInto(file, Number(short))).perSecond;
// The first one is for the compiler.
await shortRate();
const before = [await shortRate(), await shortRate()];
const whole = await readInto(file, Number(long));
const reading: LongReading = { ...whole, shortPerSecond: [...before, await shortRate(), await shortRate()] };
process.send?.(reading);
await bare.close();
await client.close();
process.disconnect?.();
