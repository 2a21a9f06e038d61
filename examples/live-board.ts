// The live board: a page for the announcer, the timer and the crew's phones. Ctrl-C ends it.
//
//     npx tsx examples/live-board.ts                                     a marathon that is run right now, on a sandbox
//     npx tsx examples/live-board.ts --live                              every device of your account
//     npx tsx examples/live-board.ts --live --device ID --device ID      these, in this order; --state FILE to go on after a restart
import { parseArgs } from 'node:util';
import { RufusClient } from 'rufus-client';
import { serveBoard, serveDemoBoard } from 'rufus-client/board';

const { values } = parseArgs({
  options: {
    live: { type: 'boolean', default: false },
    device: { type: 'string', multiple: true },
    state: { type: 'string' },
    port: { type: 'string', default: '8080' },
  },
});

const options = { state: values.state, listen: { port: Number(values.port) } };
const board = values.live
  ? await serveBoard({ client: new RufusClient({ timeoutMs: 10_000 }), devices: values.device ?? 'all', ...options })
  : await serveDemoBoard(options);
console.log(board.url);

process.once('SIGINT', () => board.close());
