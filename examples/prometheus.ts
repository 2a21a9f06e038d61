// Figures of the outbox for Prometheus, at http://127.0.0.1:…/metrics: npx tsx examples/prometheus.ts
// It reads its own page in an outage and once after it, then ends.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RufusClient } from 'rufus-client';
import { openOutbox } from 'rufus-client/outbox';
import { Sandbox } from 'rufus-client/testing';
import { metricsOf } from './prometheus/metrics.js';

const sandbox = new Sandbox();
const client = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: 'prometheus-1' });
const directory = await mkdtemp(join(tmpdir(), 'rufus-prometheus-'));
const outbox = await openOutbox({ client, directory, session: { deviceid, open: 'new' } });

const server = createServer((request, response) => {
  if (request.url !== '/metrics') return void response.writeHead(404).end();
  response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
  response.end(metricsOf({ Finish: outbox.stats() }));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
const scrape = async () => (await fetch(url)).text();

console.log(`# ${url}, while the API is down`);
sandbox.fault({ kind: 'status', status: 503, on: 'POST /passings', headers: { 'retry-after': '60' } });
const failed = new Promise<void>((resolve) => outbox.on('retry', () => resolve()));
await outbox.append([1, 2, 3].map((bib) => ({ bib: String(bib), timestamp: new Date() })));
await failed;
console.log(await scrape());

outbox.resume(); // rather than wait that minute
await outbox.drained();
console.log('# …and once it is back');
console.log(await scrape());

await outbox.close();
await client.close();
server.close();
server.closeAllConnections();
await rm(directory, { recursive: true });
