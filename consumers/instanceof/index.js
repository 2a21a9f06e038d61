// An application that imports the package, with a library in it that requires the package: two copies in one process.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as imported from 'rufus-client';

const required = createRequire(import.meta.url)('rufus-client');
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
const { token_session } = await client.sessions.create({ deviceid });
const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));
await client.passings.insert(token_session, passings);
await client.close();
