// A gateway: carries the calls of boxes, which have no key, to the API. Run two or more; whichever is free takes a call.
//
//     NATS_URL=n1,n2,n3 FLEET_REPLICAS=3 RUFUS_API_KEY=… npx tsx examples/fleet/gateway.ts
import { RufusClient } from 'rufus-client';
import { connectFromEnv, openFromEnv, untilStopped } from './support.js';

const client = new RufusClient(); // a key that may write, and read: it asks whose a session is
const nats = await connectFromEnv();
const fleet = await openFromEnv(client, nats);

console.log('serving');
// By default a box may do what its own device needs, and a box's name is the serial number of its device. Other rules:
//   allow: ({ box, operation, deviceid }) => deviceOf(box) === deviceid && operation !== 'devices.unbind'
await fleet.serve({ signal: untilStopped() });

await fleet.close();
await client.close();
await nats.close();
