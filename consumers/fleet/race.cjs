// A box without a key sends, and a consumer gets, over a server of this machine's own; where there is none, what was imported must do.
const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { mkdtemp } = require('node:fs/promises');
const { createServer } = require('node:net');

const BINARY = process.env.NATS_SERVER ?? 'nats-server';
const serial_number = process.env.CONSUMER;

exports.race = async ({ RufusClient, openFleet, fleetClient, FleetUnavailableError, connect }) => {
  assert.equal(typeof FleetUnavailableError, 'function');
  const client = new RufusClient();
  const isThere = spawnSync(BINARY, ['--version']).status === 0;
  if (isThere) await withServer((port) => overNats(port, { client, openFleet, fleetClient, connect }));
  else {
    assert.throws(() => fleetClient({ nats: {}, box: serial_number }), { name: 'RufusConfigError' });
    await send(client);
  }
  await client.close();
};

async function overNats(port, { client, openFleet, fleetClient, connect }) {
  const nats = await connect({ servers: `127.0.0.1:${port}`, waitOnFirstConnect: true });
  const fleet = await openFleet({ client, nats });
  const working = [fleet.serve(), fleet.follow({ devices: 'all', pollMs: { min: 50, max: 100 } })];
  const box = fleetClient({ nats, box: serial_number });
  const token_session = await send(box);
  for await (const batch of fleet.passings({ consumer: 'results' })) {
    await batch.ack();
    if (batch.token_session === token_session && batch.passings.at(-1).bib === 'F12') break;
  }
  await box.close();
  await fleet.close();
  await Promise.all(working);
  await nats.close();
}

async function send(client) {
  const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'FLEET', serial_number });
  const { token_session } = await client.sessions.create({ deviceid });
  const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));
  assert.equal((await client.passings.insert(token_session, passings)).inserted_count, 3);
  return token_session;
}

async function withServer(use) {
  const probe = createServer();
  const port = await new Promise((resolve) => probe.listen(0, '127.0.0.1', () => resolve(probe.address().port)));
  await new Promise((resolve) => probe.close(resolve));
  const store = await mkdtemp('nats-');
  const server = spawn(BINARY, ['--addr', '127.0.0.1', '--port', port, '--jetstream', '--store_dir', store]);
  try {
    await use(port);
  } finally {
    server.kill('SIGKILL');
  }
}
