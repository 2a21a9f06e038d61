// A box at a mat, without a key: each line of standard input, `bib` or `bib,timestamp`, is a read. It is on disk and numbered before
// the next line is taken, and delivered through the fleet's gateways; at the end of the input it waits until all is delivered.
//
//     NATS_URL=leaf.local BOX=0042 FOLDER=/var/lib/timing reader-program | npx tsx examples/fleet/box.ts
import { createInterface } from 'node:readline';
import { fleetClient, reportOutbox } from 'rufus-client/fleet';
import { openOutbox } from 'rufus-client/outbox';
import { connectFromEnv } from './support.js';

const { BOX: box = '0042', FOLDER: directory = `outbox-${box}` } = process.env;
const nats = await connectFromEnv();
const client = fleetClient({ nats, box }); // the box's name is the serial number of its device

const device = { type: 'reader', model: 'R1', serial_number: box };
const outbox = await openOutbox({ client, directory, session: { device, open: 'active-or-new' } });
const stopReporting = reportOutbox(outbox, { nats, box }); // for `status()` at the centre

for await (const line of createInterface({ input: process.stdin })) {
  const [bib = '', timestamp = new Date().toISOString()] = line.split(',');
  await outbox.append({ bib, timestamp }); // now the reader may forget it
}

await outbox.drained();
const { delivered, parked } = outbox.stats();
console.log(`${delivered} delivered, ${parked} parked`);
await stopReporting();
await outbox.close();
await client.close();
await nats.close();
