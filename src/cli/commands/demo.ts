import type { Command } from 'commander';
import { wholeNumber } from '../arguments.js';
import type { Context } from '../context.js';
import type { DemoOptions } from '../demo.js';
import { examples } from '../help.js';

export function addDemo(program: Command, context: Context): void {
  const command = program
    .command('demo')
    .description('run a small race on a sandbox, to try the other commands on; no account, no key')
    .option('--keep', 'leave the sandbox running until Ctrl-C')
    .option('--port <n>', 'port of the sandbox (default: a free one)', wholeNumber(0, 65_535))
    .option('--runners <n>', 'how many run', wholeNumber(1, 100_000), 300)
    .action(async (options: DemoOptions) => (await import('../demo.js')).demo(context, options));
  examples(command, ['rufus demo', 'rufus demo --keep --port 4010']);
}
