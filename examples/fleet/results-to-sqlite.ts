// A consumer: each passing in a database, once. The key is what the passing is called in the API, so a batch that comes again (after
// a crash before `ack`, or a restore of the servers) changes nothing. Start it twice, and the two share the work.
// Needs node:sqlite (Node 22.13 or later); before that, a file of JSON lines takes its place.
//
//     NATS_URL=n1,n2,n3 FLEET_REPLICAS=3 FILE=race.db npx tsx examples/fleet/results-to-sqlite.ts
import { RufusAbortError, RufusClient } from 'rufus-client';
import { openResults } from './results.js';
import { connectFromEnv, openFromEnv, untilStopped } from './support.js';

const client = new RufusClient({ apiKey: 'none' }); // a consumer makes no call of the API, and needs no key
const nats = await connectFromEnv();
const fleet = await openFromEnv(client, nats);
const results = await openResults(process.env.FILE ?? 'race.db');

console.log('storing');
try {
  for await (const batch of fleet.passings({ consumer: 'results', signal: untilStopped() })) {
    results.save(batch.token_session, batch.passings); // committed
    await batch.ack(); // now it does not come again
  }
} catch (error) {
  if (!(error instanceof RufusAbortError)) throw error;
}

results.close();
await fleet.close();
await client.close();
await nats.close();
