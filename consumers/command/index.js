// The sandbox as a command: what it prints is an environment to work in.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { RufusClient } from 'rufus-client';

const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));

async function race(options) {
  const client = new RufusClient(options);
  const device = { type: 'reader', model: 'command', serial_number: process.env.CONSUMER };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid });
  await client.passings.insert(token_session, passings);
  assert.equal((await client.passings.listBySession(token_session)).items.length, 3);
  await client.close();
}

const command = spawn('rufus-sandbox', [], { stdio: ['ignore', 'pipe', 'inherit'] });
const printed = {};
for await (const line of createInterface({ input: command.stdout })) {
  const [, name, value] = /^export (\w+)=(.+)$/.exec(line) ?? [];
  if (name) printed[name] = value;
  if (printed.RUFUS_BASE_URL && printed.RUFUS_API_KEY) break;
}
await race({ baseUrl: printed.RUFUS_BASE_URL, apiKey: printed.RUFUS_API_KEY });
command.kill();
const [code] = await once(command, 'exit');
assert.equal(code, 0);

await race();
