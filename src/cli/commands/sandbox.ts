import { once } from 'node:events';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ServeSandboxOptions } from 'rufus-client/testing';
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
    .description('serve a stateful fake of the RUFUS Cloud API')
    .option('--port <n>', 'port to listen on (default: a free one)', wholeNumber(0, 65_535))
    .option('--host <address>', 'address to listen on (default: 127.0.0.1, this machine only)', filled)
    .option('--key <key>', 'the key that may read and write (default: a new one, or that of the state file)', keyText)
    .option('--state <file>', 'keep devices, sessions, passings and keys in a file, over restarts', filled)
    .addOption(choice('--envelope', 'bodies inside {"body": …}, or flat', ['spec', 'flat']))
    .addOption(choice('--coordinates', 'how reads give coordinates', ['string', 'number']))
    .addOption(choice('--end-of-pages', 'what a page past the end gives', ['empty', 'absent', '404']))
    .addOption(choice('--bind-conflict', "whether a second bind's 409 carries the deviceid", ['deviceid', 'bare']))
    .addOption(choice('--duplicates', 'what makes a duplicate: the same num_passing, or nothing', ['number', 'none']))
    .addOption(statusOfUnknownKey())
    .option('--page-size <n>', 'items a page (default: 5000)', wholeNumber(1))
    .option('--max-body-bytes <n>', 'a longer body gets 413 (default: 1048576)', wholeNumber(1))
    .option('--latency-ms <n>', 'pause before each answer (default: 0)', wholeNumber(0))
    .addHelpText('after', '\nWithout --state, what it holds is gone when it ends (Ctrl-C).')
    .action(async (options: ServeSandboxOptions) => {
      const { environmentLines, reachWarning, startSandbox } = await import('../sandbox.js');
      const served = await startSandbox({ ...options, onStateError: ({ message }) => context.screen.error(message) });
      const warning = reachWarning(served);
      if (warning !== undefined) context.screen.warn(warning);
      const where = options.state === undefined ? 'in memory' : `kept in ${options.state}`;
      await stdout.write(`# RUFUS sandbox, ${where}. Ctrl-C ends it.\n${environmentLines(served)}`);
      if (!context.signal.aborted) await once(context.signal, 'abort');
      await served.close();
      context.exitCode = EXIT.done;
    });
}

const choice = (name: string, description: string, choices: readonly string[]): Option =>
  new Option(`${name} <kind>`, description).choices(choices);

const statusOfUnknownKey = (): Option =>
  new Option(
    '--unknown-key <status>',
    'what a missing or unknown key gets (choices: "403", "401", default: 403)',
  ).argParser((text) => {
    if (text === '403' || text === '401') return Number(text);
    throw new InvalidArgumentError('Allowed choices are 403, 401.');
  });

function filled(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

/** What a header can carry and a shell need not quote. */
function keyText(text: string): string {
  if (/^[\w.~+/=-]+$/.test(text)) return text;
  throw new InvalidArgumentError('It must consist of letters, digits and any of . _ ~ + / = -');
}
