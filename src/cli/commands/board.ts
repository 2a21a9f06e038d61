import type { Command } from 'commander';
import { address } from '../addresses.js';
import type { BoardCommandOptions } from '../board.js';
import type { Context } from '../context.js';
import { examples } from '../help.js';

const NOTES = `
The first line of standard output is the address. Ctrl-C ends it; with --state, the same command goes on exactly where it was.
Another address than this machine's own takes --token, which readers have in the address they open, or --public.`;

export function addBoard(program: Command, context: Context): void {
  const command = program
    .command('board')
    .description('serve a web page that shows a race as it comes: mats, counts, last crossings, search by bib')
    .argument('[device...]', 'ids, in the order in which they are shown (default: every device of the account)')
    .option('--listen <host:port>', 'where to serve it (default: 127.0.0.1:8080; port 0: a free one)', address)
    .option('--state <file>', 'keep counts and places, so that it goes on exactly after any end; one file a race')
    .option('--title <text>', 'above the page')
    .option('--timezone <zone>', "of the times that it shows, as Europe/Madrid (default: the system's)")
    .option('--token <token>', 'what readers must bring along; letters, digits and -._~')
    .option('--public', 'whoever reaches the address may look')
    .option('--demo', 'a simulated marathon on a sandbox: no account, no key')
    .option('--open', 'open it in the browser')
    .addHelpText('after', NOTES)
    .action(async (devices: string[], options: BoardCommandOptions) => {
      await (await import('../board.js')).board(context, devices, options);
    });
  examples(command, [
    'rufus board --demo --open',
    'rufus board START FINISH --state marathon.board --timezone Europe/Madrid',
    'rufus board --listen 0.0.0.0:8080 --token a-long-secret',
  ]);
}
