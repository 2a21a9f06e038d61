import { HttpResponse, http } from 'msw';
import { RateLimitError, RufusClient, RufusConnectionError } from 'rufus-client';
import { mswDispatcher, Sandbox } from 'rufus-client/testing';
import { expect, test } from 'vitest';

const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));

test('handlers of their own, before those of the sandbox', async () => {
  const sandbox = new Sandbox();
  const limited = http.get('*/v0/devices', () => HttpResponse.json({ description: 'Slow down' }, { status: 429 }));
  const dispatcher = mswDispatcher(limited, ...sandbox.handlers);
  const client = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher, retry: false });

  await expect(client.devices.list()).rejects.toBeInstanceOf(RateLimitError);
  const { deviceid } = await client.devices.bind({ type: 'reader', model: 'msw', serial_number: '1' });
  const { token_session } = await client.sessions.create({ deviceid });
  await client.passings.insert(token_session, passings);
  expect(sandbox.state.passings(token_session)).toHaveLength(3);
});

test('a call that no handler answers says so', async () => {
  const client = new RufusClient({ apiKey: 'ror-00000000000000000000', dispatcher: mswDispatcher(), retry: false });
  const failure = await client.devices.list().catch((error) => error);
  expect(failure).toBeInstanceOf(RufusConnectionError);
  expect(failure.cause.message).toMatch(/GET .*\/devices.*no handler/);
});

test('and without a mock', async () => {
  const client = new RufusClient();
  const device = { type: 'reader', model: 'msw', serial_number: process.env.CONSUMER };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid });
  const { inserted_count } = await client.passings.insert(token_session, passings);
  expect(inserted_count).toBe(3);
  await client.close();
});
