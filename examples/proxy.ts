// Through an HTTP proxy that wants a password, one of our own on loopback: npx tsx examples/proxy.ts
// `proxy: 'env'` reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY instead of taking an address.
import { RufusClient } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import { startProxy } from './proxy/forward-proxy.js';

const sandbox = new Sandbox();
const server = await sandbox.listen();
const proxy = await startProxy({ user: 'finish', password: 'line' });

{
  await using client = new RufusClient({ apiKey: sandbox.keys.readWrite, baseUrl: server.url, proxy: proxy.url });
  const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'R1', serial_number: 'proxy-1' });
  const { token_session } = await client.sessions.create({ deviceid, alias: 'City run' });
  const { inserted_count } = await client.passings.insert(token_session, [
    { num_passing: 1, bib: '17', timestamp: new Date() },
  ]);
  console.log(`${inserted_count} passing stored, through the proxy`);
}

for (const { asked, bytes } of proxy.passages) console.log(`${asked}: ${bytes} bytes`);
await proxy.close();
await server.close();
