import assert from 'node:assert/strict';
import { NotFoundError, RufusClient } from 'rufus-client';
import { Passing } from 'rufus-client/schemas';

const client = new RufusClient();
const { deviceid } = await client.devices.ensureBound({
  type: 'reader',
  model: 'ESM',
  serial_number: process.env.CONSUMER,
});
const { token_session } = await client.sessions.create({ deviceid });
const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));
const { inserted_count } = await client.passings.insert(token_session, passings);
assert.equal(inserted_count, 3);

const bibs = [];
for await (const passing of client.passings.listBySession(token_session)) bibs.push(Passing.parse(passing).bib);
assert.deepEqual(bibs, ['7', 'W1', 'F12']);

await assert.rejects(client.devices.get('unknown'), NotFoundError);
await client.close();
