// A results program: follows a device and stores what comes, until it is killed. Run by restart.test.ts.
//
// STORE=together: results and cursor are one line of one file, written in one go.
// STORE=after: the results are stored first, the cursor once that is done, each with a little time in between.
import { appendFileSync, existsSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FollowBatch, type FollowCursor, RufusClient } from '../../src/index.js';

const { URL_OF = '', KEY = '', DEVICE = '', FOLDER = '', STORE = '' } = process.env;
const resultsFile = join(FOLDER, 'results');
const cursorFile = join(FOLDER, 'cursor');

const client = new RufusClient({ apiKey: KEY, baseUrl: URL_OF });
const cursor = STORE === 'together' ? lastLine()?.cursor : storedCursor();
for await (const batch of client.passings.follow(DEVICE, { cursor, pollMs: { min: 5, max: 50 } })) {
  const numbers = batch.passings.map(({ num_passing }) => num_passing);
  appendFileSync(resultsFile, `${JSON.stringify({ token: batch.token_session, numbers, cursor: batch.cursor })}\n`);
  if (STORE === 'after') await storeCursor(batch);
  process.stdout.write('.');
}

async function storeCursor(batch: FollowBatch): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3));
  writeFileSync(`${cursorFile}.new`, JSON.stringify(batch.cursor));
  renameSync(`${cursorFile}.new`, cursorFile);
}

function storedCursor(): FollowCursor | undefined {
  return existsSync(cursorFile) ? JSON.parse(readFileSync(cursorFile, 'utf8')) : undefined;
}

/** What the kill left of a line that was being written is cut off: that batch was not stored. */
function lastLine(): { cursor: FollowCursor } | undefined {
  if (!existsSync(resultsFile)) return undefined;
  const text = readFileSync(resultsFile, 'utf8');
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) truncateSync(resultsFile, Buffer.byteLength(text.slice(0, end)));
  const line = text.slice(0, end).trimEnd().split('\n').at(-1);
  return line ? JSON.parse(line) : undefined;
}
