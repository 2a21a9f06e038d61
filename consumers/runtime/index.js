// From the sandbox to the outbox and the board, the same on Node, Bun and Deno. Whoever is still there 2 s after the last close fails.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { NotFoundError, passingTime, RufusClient, RufusConnectionError } from 'rufus-client';
import { serveBoard } from 'rufus-client/board';
import { OutboxLockedError, openOutbox, readOutbox } from 'rufus-client/outbox';
import { Passing } from 'rufus-client/schemas';
import { Sandbox } from 'rufus-client/testing';

const [, , directory] = process.argv;
const client = new RufusClient();
const device = { type: 'reader', model: 'RUNTIME', serial_number: process.env.CONSUMER };
const session = { device, open: 'active-or-new' };

if (directory !== undefined) {
  // The other process: the folder is held.
  await assert.rejects(openOutbox({ client, directory, session }), OutboxLockedError);
  await client.close();
} else {
  await throughTheOutbox();
  await client.close();
  await onASandboxOfItsOwn();
  setTimeout(() => {
    console.error('Still there 2 s after the last close');
    process.exit(1);
  }, 2_000).unref();
}

async function throughTheOutbox() {
  const folder = await mkdtemp('outbox-');
  const outbox = await openOutbox({ client, directory: folder, session });
  const bibs = ['7', 'W1', 'F12'];
  await outbox.append(bibs.map((bib) => ({ bib, timestamp: new Date() })));
  await outbox.drained();
  const { token_session } = outbox;
  const run = process.versions.deno === undefined ? [] : ['run', '-A'];
  const [code] = await once(
    spawn(process.execPath, [...run, process.argv[1], folder], { stdio: 'inherit', env: process.env }),
    'exit',
  );
  assert.equal(code, 0);
  assert.equal((await readOutbox(folder)).stats().delivered, 3);
  await outbox.close();

  const read = await client.passings.listBySession(token_session).toArray({ limit: 10 });
  assert.deepEqual(
    read.map((passing) => Passing.parse(passing).bib),
    bibs,
  );
  assert.ok(passingTime(read[0]) instanceof Date);
  const { deviceid } = await client.devices.ensureBound(device);
  for await (const batch of client.passings.follow(deviceid)) {
    assert.equal(batch.passings.length, 3);
    break;
  }
  await assert.rejects(client.devices.get('unknown'), NotFoundError);

  const board = await serveBoard({ client, devices: [deviceid], listen: { port: 0 } });
  const state = await (await fetch(`${board.url}/api/state`)).json();
  assert.equal(state.devices[0].deviceid, deviceid);
  await board.close();
}

async function onASandboxOfItsOwn() {
  const sandbox = new Sandbox();
  const server = await sandbox.listen();
  const { readWrite: apiKey } = sandbox.keys;
  for (const way of [{ baseUrl: server.url }, { dispatcher: sandbox.dispatcher }]) {
    const inside = new RufusClient({ apiKey, retry: { baseDelayMs: 1 }, ...way });
    const { deviceid } = await inside.devices.ensureBound({ ...device, serial_number: 'inside' });
    const { token_session } = await inside.sessions.create({ deviceid });
    sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
    const passings = [{ num_passing: 1, bib: '7', timestamp: new Date() }];
    assert.equal((await inside.passings.insert(token_session, passings)).duplicate_count, 1);
    sandbox.fault({ kind: 'hang', on: 'GET /events' });
    await assert.rejects(inside.events.list({}, { timeoutMs: 200, retry: false }), RufusConnectionError);
    await inside.close();
  }
  await server.close();
}
