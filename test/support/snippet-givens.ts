// What the snippets of the documents take as given: a client of a sandbox with a device, a session and some passings in it; and
// an empty folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import { onTestFinished } from 'vitest';

export const sandbox = new Sandbox();
export const client = new RufusClient({ apiKey: sandbox.keys.admin, dispatcher: sandbox.dispatcher });

export const { deviceid } = await client.devices.bind({
  type: 'reader',
  model: 'R1',
  serial_number: '0042',
  alias: 'Finish',
});
export const { token_session } = await client.sessions.create({ deviceid, alias: 'City run' });
export const passings = Array.from({ length: 120 }, (_, index) => ({
  num_passing: index + 10_001,
  bib: String(index + 1),
  timestamp: new Date(Date.parse('2026-05-03T09:00:00Z') + index * 250),
  latitude: 41.38,
  longitude: 2.17,
}));
await client.passings.insert(token_session, passings);

export const directory = await mkdtemp(join(tmpdir(), 'rufus-snippet-'));
onTestFinished(() => rm(directory, { recursive: true, force: true }));
