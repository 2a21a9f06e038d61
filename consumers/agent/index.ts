// A dispatcher of the user's own, of whatever major, under the undici that the package got: index.js OURS THEIRS
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { RufusClient, RufusConnectionError } from 'rufus-client';
import { Agent, interceptors } from 'undici';

const [, , ours, theirs] = process.argv;
const majorFrom = (place: string): string => createRequire(place)('undici/package.json').version.split('.')[0];
const here = createRequire(import.meta.url);
assert.equal(majorFrom(here.resolve('rufus-client')), ours);
assert.equal(majorFrom(import.meta.url), theirs);

const agent = new Agent({ connections: 2 });
const composed = agent.compose(interceptors.dns({ affinity: 4 }));
for (const dispatcher of [agent, composed]) {
  const client = new RufusClient({ dispatcher });
  const device = { type: 'reader', model: 'agent', serial_number: process.env.CONSUMER ?? '' };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid });
  const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));
  const { inserted_count } = await client.passings.insert(token_session, passings);
  assert.equal(inserted_count, 3);
  assert.equal((await client.passings.listBySession(token_session).toArray({ limit: 10 })).length, 3);

  const nobody = client.withOptions({ baseUrl: 'http://127.0.0.1:1/v0', retry: false });
  await assert.rejects(nobody.devices.list(), RufusConnectionError);
  const impatient = client.devices.list({}, { signal: AbortSignal.abort() });
  await assert.rejects(impatient, { name: 'RufusAbortError', code: 'aborted' });
  await client.close();
}
assert.equal(agent.closed, false);
await agent.close();
