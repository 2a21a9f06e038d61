import { type Command, CommanderError } from 'commander';
import { CommandError, misuse } from './command-error.js';
import { Context } from './context.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { isBrokenPipe } from './output/stdout.js';
import { buildProgram } from './program.js';

/** Runs a command to its end, and sets the exit code. */
export async function main(args: readonly string[], build = buildProgram): Promise<void> {
  if (args.includes('--no-color')) process.env.NO_COLOR = '1';
  const context = new Context();
  const program = build(context);
  context.screen.name = program.name();
  context.interruption.listen();
  // Whoever writes is told by the callback; without a listener it would be thrown, too.
  process.stdout.on('error', () => {});
  try {
    process.exitCode = await run(program, args, context);
  } finally {
    context.screen.clearStatus();
    await context.close();
  }
}

async function run(program: Command, args: readonly string[], context: Context): Promise<ExitCode> {
  const { interruption, screen } = context;
  const say = (message: string) => screen.error(context.withoutKey(message.replace(/\s+/g, ' ').trim()));
  try {
    refuseKeyArgument(args);
    await program.parseAsync(spelledOut(args), { from: 'user' });
    return context.exitCode ?? interruption.exitCode ?? EXIT.done;
  } catch (error) {
    screen.clearStatus();
    if (isBrokenPipe(error)) return EXIT.done;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      // Of a command that has subcommands and was given none, the help has been shown.
      if (error.code !== 'commander.help') say(misuseOf(error, commandOf(program, args)));
      return EXIT.misuse;
    }
    if (error instanceof CommandError) {
      say(error.message);
      return interruption.exitCode ?? error.exitCode;
    }
    if (interruption.exitCode !== undefined) {
      say('Stopped.');
      return interruption.exitCode;
    }
    const failures = await import('./failure.js').catch(() => undefined);
    if (failures === undefined) {
      say(unloadable(error));
      return EXIT.failed;
    }
    const { exitCode, message, details } = failures.failureOf(error);
    if (context.options.logLevel === 'debug') for (const line of details) screen.log(context.withoutKey(line));
    say(message);
    return exitCode;
  }
}

/** The library itself does not load. */
function unloadable(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return (
    `What this command stands on cannot be loaded: ${reason}. Install the package again. On Node 20, pnpm and yarn ` +
    'have to be told to take undici 7 (an override, or a resolution): undici 8 needs Node 22.19.'
  );
}

/** `rufus help devices list` is `rufus devices list --help`. */
function spelledOut(args: readonly string[]): readonly string[] {
  const [first, ...others] = args;
  return first === 'help' ? [...others, '--help'] : args;
}

/** The process list shows arguments to everybody, and the shell keeps them. */
function refuseKeyArgument(args: readonly string[]): void {
  const end = args.indexOf('--');
  const options = end === -1 ? args : args.slice(0, end);
  if (!options.some((option) => /^--?api[-_]?key(=|$)/i.test(option))) return;
  throw misuse(
    'An API key is no argument: every user of this machine can see it there, and the shell keeps it. ' +
      'Renew that key; then run rufus login, set RUFUS_API_KEY, or use --api-key-file.',
  );
}

function misuseOf({ message }: CommanderError, command: string): string {
  return `${message.replace(/^error: /, '').replace(/[^.?)]$/, '$&.')} See: ${command} --help`;
}

/** The command that the arguments name, as far as they do. */
function commandOf(program: Command, args: readonly string[]): string {
  const words = [program.name()];
  let command = program;
  for (const word of args) {
    const next = command.commands.find((known) => known.name() === word);
    if (next === undefined) continue;
    words.push(word);
    command = next;
  }
  return words.join(' ');
}
