// An application that imports the package, with a library in it that requires the package: two copies in one process.
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as imported from 'rufus-client';
import * as importedOutbox from 'rufus-client/outbox';

const require = createRequire(import.meta.url);
const required = require('rufus-client');
assert.notEqual(imported.RufusClient, required.RufusClient);

const errorOf = (promise) => promise.then(assert.fail, (error) => error);

for (const [mine, others] of [
  [imported, required],
  [required, imported],
]) {
  const client = new mine.RufusClient();
  const notFound = await errorOf(client.sessions.get('unknown'));
  assert.ok(notFound instanceof others.NotFoundError);
  assert.ok(notFound instanceof others.RufusAPIError);
  assert.ok(notFound instanceof others.RufusError);
  assert.ok(!(notFound instanceof others.ConflictError));
  assert.ok(!(notFound instanceof others.RufusConfigError));

  const refused = await errorOf(client.withOptions({ apiKey: 'ror-00000000000000000000' }).devices.list());
  assert.ok(refused instanceof others.PermissionDeniedError);
  const wrong = await errorOf(client.passings.insert('session', [{ num_passing: 1, bib: 7, timestamp: new Date() }]));
  assert.ok(wrong instanceof others.RufusRequestValidationError);
  await client.close();
  const closed = await errorOf(client.devices.list());
  assert.ok(closed instanceof others.RufusConfigError);
  assert.equal(closed.code, 'closed');
}

const client = new required.RufusClient();
const device = { type: 'reader', model: 'both', serial_number: process.env.CONSUMER };
const { deviceid } = await client.devices.bind(device);
const conflict = await errorOf(client.devices.bind(device));
assert.ok(conflict instanceof imported.ConflictError);
assert.equal(conflict.deviceid, deviceid);

const requiredOutbox = require('rufus-client/outbox');
const outbox = await requiredOutbox.openOutbox({
  client,
  directory: await mkdtemp('outbox-'),
  session: { deviceid, open: 'new' },
});
await outbox.append(['7', 'W1', 'F12'].map((bib) => ({ bib, timestamp: new Date() })));
await outbox.drained();
await outbox.close();
const late = await errorOf(outbox.append({ bib: '7', timestamp: new Date() }));
assert.ok(late instanceof importedOutbox.OutboxClosedError);
assert.ok(late instanceof imported.RufusError);
assert.ok(!(late instanceof importedOutbox.StorageError));

const { token_session } = await client.sessions.create({ deviceid });
const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));
await client.passings.insert(token_session, passings);
await client.close();
