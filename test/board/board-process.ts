// A board in a process of its own, until it is killed. Run by state-file.test.ts and by the tests of the page.
import { RufusClient } from 'rufus-client';
import { PACE } from '../../src/board/pace.js';
import { serve } from '../../src/board/serve.js';

const { URL_OF, KEY = '', DEVICE, STATE, PORT = '0', MAX_POLL = '20' } = process.env;
const client = new RufusClient({ apiKey: KEY, baseUrl: URL_OF });
const board = await serve(
  {
    client,
    devices: DEVICE?.split(',') ?? 'all',
    state: STATE,
    listen: { port: Number(PORT) },
    timeZone: 'Europe/Madrid',
  },
  { ...PACE, pollMs: { min: 5, max: Number(MAX_POLL) } },
);
process.stdout.write(`${board.url}\n`);
