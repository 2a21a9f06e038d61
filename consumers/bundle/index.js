import { mkdtemp } from 'node:fs/promises';
import { NotFoundError, RufusClient } from 'rufus-client';
import { serveBoard } from 'rufus-client/board';
import { openOutbox } from 'rufus-client/outbox';

async function main() {
  const client = new RufusClient();
  const device = { type: 'reader', model: 'bundle', serial_number: process.env.CONSUMER };
  const { deviceid } = await client.devices.ensureBound(device);
  const { token_session } = await client.sessions.create({ deviceid });
  const passings = ['7', 'W1', 'F12'].map((bib, index) => ({ num_passing: index + 1, bib, timestamp: new Date() }));
  await client.passings.insert(token_session, passings);
  const read = await client.passings.listBySession(token_session).toArray({ limit: 10 });
  const missing = await client.devices.get('unknown').catch((error) => error);
  if (read.length !== 3 || !(missing instanceof NotFoundError)) throw new Error('The bundle does not work');

  const outbox = await openOutbox({ client, directory: await mkdtemp('outbox-'), session: { deviceid, open: 'new' } });
  await outbox.append(passings.map(({ bib, timestamp }) => ({ bib, timestamp })));
  await outbox.drained();
  if (outbox.stats().inserted !== 3) throw new Error('The outbox in the bundle does not work');
  await outbox.close();
  const board = await serveBoard({ client, devices: [deviceid], listen: { port: 0 } });
  if (!(await (await fetch(board.url)).text()).includes('data-field'))
    throw new Error('The board is not in the bundle');
  await board.close();
  await client.close();
}

main();
