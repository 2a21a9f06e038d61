const assert = require('node:assert/strict');

const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));

/** In memory, with an answer that gets lost, and over HTTP. */
module.exports = async function race(RufusClient, Sandbox) {
  const sandbox = new Sandbox();
  sandbox.fault({ kind: 'reset-after', on: 'POST /passings' });
  const offline = { apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher };
  for (const options of [offline, {}]) {
    const client = new RufusClient(options);
    const device = { type: 'reader', model: 'testing', serial_number: process.env.CONSUMER };
    const { deviceid } = await client.devices.ensureBound(device);
    const { token_session } = await client.sessions.create({ deviceid });
    await client.passings.insert(token_session, passings);
    assert.equal((await client.passings.listBySession(token_session)).items.length, 3);
    await client.close();
  }
  assert.equal(sandbox.state.sessions.length, 1);
};
