import { styleText } from 'node:util';
import { Command, Option } from 'commander';
import { VERSION } from '../version.js';
import { duration } from './arguments.js';
import { addBoard } from './commands/board.js';
import { addCompletion } from './commands/completion.js';
import { addDemo } from './commands/demo.js';
import { addDevices } from './commands/devices.js';
import { addDoctor } from './commands/doctor.js';
import { addEvents } from './commands/events.js';
import { addFleet } from './commands/fleet.js';
import { addForward } from './commands/forward.js';
import { addLogin } from './commands/login.js';
import { addOutbox } from './commands/outbox.js';
import { addPassings } from './commands/passings.js';
import { addSandbox } from './commands/sandbox.js';
import { addSessions } from './commands/sessions.js';
import type { Context } from './context.js';
import { examples } from './help.js';

const EVERY_COMMAND = '\nWhat every command takes (--profile, --timeout, --quiet, …): rufus --help';
const LOG_LEVELS = ['off', 'error', 'warn', 'info', 'debug'];

/** Every command with its options. What a command needs is loaded when it runs. */
export function buildProgram(context: Context): Command {
  const program = asRoot(new Command('rufus'))
    .description('RUFUS Cloud from the command line: devices, sessions, passings.')
    .hook('preAction', () => {
      context.options = program.opts();
    });
  addGlobalOptions(program);
  examples(program, ['rufus login', 'rufus doctor', 'rufus devices list', 'rufus help passings export']);
  addDemo(program, context);
  addLogin(program, context);
  addDoctor(program, context);
  addDevices(program, context);
  addSessions(program, context);
  addPassings(program, context);
  addEvents(program, context);
  addForward(program, context);
  addBoard(program, context);
  addOutbox(program, context);
  addFleet(program, context);
  addSandbox(program, context);
  addCompletion(program);
  for (const command of allOf(program)) if (command !== program) command.addHelpText('after', EVERY_COMMAND);
  return program;
}

/** What holds for a program as a whole: its errors are told by `main`, in one line. */
export function asRoot(command: Command): Command {
  return command
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help for a command')
    .configureHelp({ styleTitle: (title) => styleText('bold', title) })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
}

function addGlobalOptions(program: Command): void {
  program
    .optionsGroup('Options of every command:')
    .option('--profile <name>', 'use the key that "rufus login --profile <name>" has kept')
    .option('--api-key-file <file>', 'read the API key from a file, or from standard input: -')
    .option('--base-url <url>', 'talk to another server (env: RUFUS_BASE_URL)')
    .option('--proxy <url>', 'go through an HTTP proxy; env: the one in HTTPS_PROXY and HTTP_PROXY')
    .option('--timeout <duration>', 'give up an attempt after this time: 500ms, 30s, 2m (default: 30s)', duration)
    .addOption(new Option('--log-level <level>', 'how much to log on standard error').choices(LOG_LEVELS))
    .option('--quiet', 'no progress, no notes, no warnings')
    .option('--no-color', 'no colors (env: NO_COLOR)');
}

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];
