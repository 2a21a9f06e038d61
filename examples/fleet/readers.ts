// A reader worker: each passing of each device of the account, once into the stream. Run as many as you like, on any machines:
// each device is followed by one of them, and by another within `leaseMs` where that one dies.
//
//     NATS_URL=n1,n2,n3 FLEET_REPLICAS=3 RUFUS_API_KEY=… npx tsx examples/fleet/readers.ts
import { RufusClient } from 'rufus-client';
import { connectFromEnv, openFromEnv, untilStopped } from './support.js';

const client = new RufusClient(); // a key that may read is enough
const nats = await connectFromEnv();
const fleet = await openFromEnv(client, nats);
const signal = untilStopped();

const report = setInterval(async () => {
  const { devices } = await fleet.status();
  for (const { deviceid, lastError } of devices) if (lastError !== null) console.warn(`${deviceid}: ${lastError}`);
}, 30_000);

console.log('reading');
await fleet.follow({ devices: 'all', pollMs: { min: 250, max: 2_000 }, signal }); // its devices are free at once when it ends

clearInterval(report);
await fleet.close();
await client.close();
await nats.close();
