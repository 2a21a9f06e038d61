import { RufusClient, RufusConnectionError, ServerError } from 'rufus-client';
import { MockAgent } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';

const apiKey = 'ror-00000000000000000000';
const origin = 'https://api.runonrufus.com';
let agent;
let client;

beforeEach(() => {
  agent = new MockAgent();
  agent.disableNetConnect();
  client = new RufusClient({ apiKey, baseUrl: `${origin}/v0`, dispatcher: agent, retry: { baseDelayMs: 1 } });
});
afterEach(() => agent.close());

test('an answer with its headers', async () => {
  agent
    .get(origin)
    .intercept({ path: '/v0/devices/D1', headers: { 'x-api-key': apiKey } })
    .reply(200, { body: { result: { deviceid: 'D1', alias: 'Finish' } } }, { headers: { 'x-request-id': 'r-1' } });
  const { data, response } = await client.devices.get('D1').withResponse();
  expect(data.alias).toBe('Finish');
  expect(response.requestId).toBe('r-1');
});

test('what is sent', async () => {
  let sent;
  agent
    .get(origin)
    .intercept({ path: '/v0/passings', method: 'POST' })
    .reply(201, ({ body }) => {
      sent = JSON.parse(body);
      return { description: 'Passings inserted succesfully', token_session: 'S1', inserted_count: 1 };
    });
  await client.passings.insert('S1', [{ num_passing: 1, bib: '7', timestamp: '2026-05-03T08:00:00.1239+02:00' }]);
  expect(sent).toEqual({
    token_session: 'S1',
    passings_list: [{ num_passing: 1, bib: '7', timestamp: '2026-05-03T06:00:00.123Z' }],
  });
});

test('a failure, its retry, and an error of the connection', async () => {
  const pool = agent.get(origin);
  pool.intercept({ path: '/v0/events?page=1' }).reply(503, { body: null });
  pool.intercept({ path: '/v0/events?page=1' }).reply(200, { body: { description: '', result: [], pagination: {} } });
  const { response } = await client.events.list();
  expect(response.attempts).toBe(2);

  pool.intercept({ path: '/v0/devices/D1' }).reply(500, 'Oops');
  await expect(client.devices.get('D1', { retry: false })).rejects.toBeInstanceOf(ServerError);
  pool.intercept({ path: '/v0/devices/D1' }).replyWithError(new Error('cut'));
  await expect(client.devices.get('D1', { retry: false })).rejects.toBeInstanceOf(RufusConnectionError);
  agent.assertNoPendingInterceptors();
});

test('what is not intercepted goes to the sandbox', async () => {
  agent.enableNetConnect(new URL(process.env.RUFUS_BASE_URL).host);
  const real = new RufusClient({ dispatcher: agent });
  const device = { type: 'reader', model: 'MockAgent', serial_number: process.env.CONSUMER };
  const { deviceid } = await real.devices.ensureBound(device);
  const { token_session } = await real.sessions.create({ deviceid });
  const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));
  const { inserted_count } = await real.passings.insert(token_session, passings);
  expect(inserted_count).toBe(3);
});
