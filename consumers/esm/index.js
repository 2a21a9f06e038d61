import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { NotFoundError, RufusClient } from 'rufus-client';
import { serveBoard } from 'rufus-client/board';
import { OutboxClosedError, openOutbox } from 'rufus-client/outbox';
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

const directory = await mkdtemp('outbox-');
const outbox = await openOutbox({ client, directory, session: { deviceid, open: 'new' } });
await outbox.append(passings.map(({ bib, timestamp }) => ({ bib, timestamp })));
await outbox.drained();
assert.equal(outbox.stats().inserted, 3);
await outbox.close();
await assert.rejects(outbox.append({ bib: '7', timestamp: new Date() }), OutboxClosedError);

const board = await serveBoard({ client, devices: [deviceid], listen: { port: 0 } });
const state = await (await fetch(`${board.url}/api/state`)).json();
assert.equal(state.devices[0].deviceid, deviceid);
assert.match(await (await fetch(board.url)).text(), /data-field/);
await board.close();

await assert.rejects(client.devices.get('unknown'), NotFoundError);
await client.close();
