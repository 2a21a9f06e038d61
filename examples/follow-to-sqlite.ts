// Every passing of a device in a database, exactly once, whatever happens to this program: results and cursor are
// stored in one transaction. Needs node:sqlite (Node 22.13 or later); before that, a file of JSON lines takes its place.
//
//     npx tsx examples/follow-to-sqlite.ts                                        a race on a sandbox, with a crash in it
//     npx tsx examples/follow-to-sqlite.ts --live --device ID --file race.db      your device, until Ctrl-C
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RufusAbortError, RufusClient } from 'rufus-client';
import { SimulatedRace } from '../src/simulation/simulated-race.js';
import { JournalStore } from './follow-to-sqlite/journal-store.js';
import { openSqlite } from './follow-to-sqlite/sqlite-store.js';
import type { Store } from './follow-to-sqlite/store.js';
import { openTarget } from './support/target.js';

const { values } = parseArgs({
  options: { live: { type: 'boolean', default: false }, device: { type: 'string' }, file: { type: 'string' } },
});
if (values.live && values.device === undefined) {
  console.error('With --live, name the device: --device ID');
  process.exit(2);
}

await using target = await openTarget();
await using client = new RufusClient(target.options);
const file = values.file ?? join(mkdtempSync(join(tmpdir(), 'follow-')), 'race.db');

if (values.device !== undefined) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  await record(values.device, stop);
} else {
  await demonstrate();
}

async function open(): Promise<Store> {
  const sqlite = await openSqlite(file);
  if (sqlite !== undefined) return sqlite;
  console.log(
    `Node ${process.versions.node} has no node:sqlite: passings and cursor go into a file of JSON lines instead.`,
  );
  return new JournalStore(`${file}.jsonl`);
}

/** Stores what comes until `stop`. `look` is shown the store as it is found, and after each batch. */
async function record(deviceid: string, stop: AbortController, look: (store: Store) => void = () => {}): Promise<void> {
  const store = await open();
  const cursor = store.cursorOf(deviceid);
  console.log(`${store.name}: ${cursor === undefined ? 'from the beginning' : `from after passing ${cursor.last}`}`);
  try {
    look(store);
    for await (const batch of client.passings.follow(deviceid, { cursor, signal: stop.signal })) {
      store.save(deviceid, batch);
      look(store);
    }
  } catch (error) {
    if (!(error instanceof RufusAbortError)) throw error;
  } finally {
    store.close();
  }
}

/** The finish of a race. Half way through, this program falls over after a batch. */
async function demonstrate(): Promise<void> {
  const race = await SimulatedRace.prepare(client, 1_500, 'Finish');
  const [deviceid = ''] = race.deviceids;
  console.log(`${race.total} crossings will come, on ${target.name}`);
  const running = race.run();

  const crash = new Error('power cut');
  await record(deviceid, new AbortController(), (store) => {
    if (store.count().rows > race.total / 2) throw crash;
  }).catch((error) => {
    if (error !== crash) throw error;
    console.log('… a crash, and a new start:');
  });

  const stop = new AbortController();
  let { rows, different } = { rows: 0, different: 0 };
  await record(deviceid, stop, (store) => {
    ({ rows, different } = store.count());
    if (rows >= race.total) stop.abort();
  });
  await running;
  console.log(`${rows} stored, ${rows - different} of them twice, ${race.total - different} missing`);
  if (rows !== race.total || different !== race.total) process.exitCode = 1;
}
