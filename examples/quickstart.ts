// From a device to passings and back, in memory: npx tsx examples/quickstart.ts
// On your own account, with RUFUS_API_KEY set:   npx tsx examples/quickstart.ts --live
import { RufusClient } from 'rufus-client';
import { clientOptions } from './support/target.js';

await using client = new RufusClient(clientOptions());

const reader = { type: 'reader', model: 'R1', serial_number: 'quickstart-1', alias: 'Finish' };
const { deviceid } = await client.devices.ensureBound(reader);
const { token_session } = await client.sessions.create({ deviceid, alias: 'City run, 10 km' });

const { inserted_count } = await client.passings.insert(token_session, [
  { num_passing: 1, bib: '17', timestamp: new Date(), chip: 'CH0017' },
  { num_passing: 2, bib: 'W3', timestamp: '2026-05-03T11:02:41.370+02:00', latitude: 41.38, longitude: 2.17 },
]);
console.log(`${inserted_count} passings stored`);

for await (const { num_passing, bib, timestamp } of client.passings.listBySession(token_session)) {
  console.log(`${num_passing}  ${bib.padEnd(4)} ${timestamp}`);
}
await client.sessions.close(token_session);
