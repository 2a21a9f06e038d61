import { once } from 'node:events';
import { type Command, Option } from 'commander';
import type { SandboxOptions } from 'rufus-client/testing';
import { wholeNumber } from '../arguments.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { stdout } from '../output/stdout.js';

export function addSandbox(program: Command, context: Context): void {
  describeSandbox(program.command('sandbox'), context);
}

/** `rufus sandbox`, and `rufus-sandbox`. */
export function describeSandbox(command: Command, context: Context): Command {
  return command
    .description('serve a stateful fake of the RUFUS Cloud API, in memory, on 127.0.0.1')
    .option('--port <n>', 'port to listen on (default: a free one)', wholeNumber(0, 65_535))
    .addOption(choice('--envelope', 'bodies inside {"body": …}, or flat', ['spec', 'flat']))
    .addOption(choice('--coordinates', 'how reads give coordinates', ['string', 'number']))
    .addOption(choice('--end-of-pages', 'what a page past the end gives', ['empty', 'absent', '404']))
    .addOption(choice('--bind-conflict', "whether a second bind's 409 carries the deviceid", ['deviceid', 'bare']))
    .addOption(choice('--duplicates', 'what makes a duplicate: the same num_passing, or nothing', ['number', 'none']))
    .option('--page-size <n>', 'items a page (default: 5000)', wholeNumber(1))
    .option('--max-body-bytes <n>', 'a longer body gets 413 (default: 1048576)', wholeNumber(1))
    .option('--latency-ms <n>', 'pause before each answer (default: 0)', wholeNumber(0))
    .addHelpText('after', '\nWhat it holds is gone when it ends (Ctrl-C).')
    .action(async ({ port, ...options }: SandboxOptions & { port?: number }) => {
      const { environmentLines, serveSandbox } = await import('../sandbox.js');
      const served = await serveSandbox(options, port);
      await stdout.write(`# RUFUS sandbox, in memory. Ctrl-C ends it.\n${environmentLines(served)}`);
      if (!context.signal.aborted) await once(context.signal, 'abort');
      await served.close();
      context.exitCode = EXIT.done;
    });
}

const choice = (name: string, description: string, choices: readonly string[]): Option =>
  new Option(`${name} <kind>`, description).choices(choices);
