// A whole session as CSV, on standard output or in a file. Pages are fetched ahead of the writing, but no further
// than `prefetch`: a slow disk or pipe slows the reading down, and memory stays flat.
//
//     npx tsx examples/download-session.ts --out finish.csv             a session of a sandbox, filled first
//     npx tsx examples/download-session.ts --live --session TOKEN | gzip > finish.csv.gz
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { type Passing, type PassingInput, RufusClient } from 'rufus-client';
import { openTarget } from './support/target.js';

const COLUMNS = [
  'timestamp',
  'num_passing',
  'latitude',
  'longitude',
  'status',
  'bib',
  'chip',
  'participant_id',
  'timezone',
  'gender',
] as const satisfies readonly (keyof Passing)[];

const { values } = parseArgs({
  options: { out: { type: 'string' }, session: { type: 'string' }, live: { type: 'boolean' } },
});
if (values.live && values.session === undefined) {
  console.error('With --live, name the session: --session TOKEN');
  process.exit(2);
}

await using target = await openTarget();
await using client = new RufusClient(target.options);
const token_session = values.session ?? (await fillSession(client));
const destination = values.out === undefined ? process.stdout : createWriteStream(values.out);

let rows = 0;
await pipeline(csv(client.passings.listBySession(token_session, { prefetch: 4 })), destination, {
  // Standard output is not ours to end.
  end: destination !== process.stdout,
}).catch((error: NodeJS.ErrnoException) => {
  // `| head` has seen enough.
  if (error.code !== 'EPIPE') throw error;
});
console.error(`${rows.toLocaleString('en')} passings written`);

async function* csv(passings: AsyncIterable<Passing>): AsyncGenerator<string> {
  yield line(COLUMNS);
  for await (const passing of passings) {
    rows++;
    yield line(COLUMNS.map((column) => passing[column] ?? ''));
  }
}

function line(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;
}

/** Something to download: 12,000 finishers, ten a second. */
async function fillSession(client: RufusClient): Promise<string> {
  const device = { type: 'reader', model: 'download example', serial_number: 'download-1' };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid, alias: 'Finish' });
  await client.passings.insertMany(token_session, finishers(12_000));
  return token_session;
}

function* finishers(count: number): Generator<PassingInput> {
  const start = Date.parse('2026-05-03T09:41:00Z');
  for (let index = 0; index < count; index++) {
    yield { num_passing: index + 1, bib: String(index + 1), timestamp: new Date(start + index * 100), gender: 'F' };
  }
}
