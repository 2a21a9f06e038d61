import { type Command, Option } from 'commander';
import { duration } from '../arguments.js';
import type { Context } from '../context.js';
import { examples } from '../help.js';
import type { RequeueOptions, RewindOptions } from '../outbox/deliver.js';
import { type OutputOptions, withOutput } from '../output/export.js';
import { type FormatOptions, withFormat } from '../output/formats.js';

const READS = `
Only reads the folder: no key, no network, no lock; nothing in it is changed. Works while rufus forward uses it, and on a damaged one.`;
const DIR = 'the folder of an outbox, as rufus forward --outbox has it';

export function addOutbox(program: Command, context: Context): void {
  const outbox = program
    .command('outbox')
    .description('the folder of an outbox: look into it, export it, send from it again');
  addReading(outbox, context);
  addDelivering(outbox, context);
  examples(outbox, [
    'rufus outbox status ./finish --json',
    'rufus outbox parked ./finish',
    'rufus outbox requeue ./finish',
    'rufus outbox export ./finish -o backup.csv',
    'rufus outbox verify ./finish',
  ]);
}

function addReading(outbox: Command, context: Context): void {
  const status = withFormat(outbox.command('status'))
    .description('show what is delivered, pending and parked')
    .argument('<dir>', DIR)
    .action(async (dir: string, options: FormatOptions) =>
      (await import('../outbox/status.js')).showStatus(context, dir, options),
    );
  examples(status.addHelpText('after', READS), ['rufus outbox status ./finish', 'rufus outbox status ./finish --json']);

  const parked = withFormat(outbox.command('parked'))
    .description('list what the server refused, and why')
    .argument('<dir>', DIR)
    .action(async (dir: string, options: FormatOptions) =>
      (await import('../outbox/parked.js')).listParked(context, dir, options),
    );
  examples(parked.addHelpText('after', READS), ['rufus outbox parked ./finish', 'rufus outbox parked ./finish --json']);

  const exported = withOutput(withFormat(outbox.command('export')))
    .description('write the local backup, delivered and pending, to a file or to standard output')
    .argument('<dir>', DIR)
    .action(async (dir: string, options: OutputOptions) =>
      (await import('../outbox/export.js')).exportOutbox(context, dir, options),
    );
  examples(exported.addHelpText('after', READS), [
    'rufus outbox export ./finish -o backup.csv',
    'rufus outbox export ./finish --json | grep 1024',
  ]);

  const verify = withFormat(outbox.command('verify'))
    .description('read all of it, and say what is damaged: which bytes, which passings, what to do')
    .argument('<dir>', DIR)
    .action(async (dir: string, options: FormatOptions) =>
      (await import('../outbox/verify.js')).verifyOutbox(context, dir, options),
    );
  verify.addHelpText('after', `${READS}\nExit code 0: it is as it was written. 1: it is damaged, or cannot be read.`);
  examples(verify, ['rufus outbox verify ./finish', 'rufus outbox verify ./finish --json']);
}

const SENDS = `
Nothing else may use the folder meanwhile: stop rufus forward first. Exit code 6: something is parked, or not delivered yet.`;

function addDelivering(outbox: Command, context: Context): void {
  const requeue = withDrain(withFormat(outbox.command('requeue')))
    .description('send what is parked again, to the end of the session, with new numbers')
    .argument('<dir>', DIR)
    .addOption(
      new Option('--reason <reason>', 'only what was parked for it').choices([
        'rejected',
        'too-large',
        'session-closed',
      ]),
    )
    .option('--session <token>', "go on in this session (default: the folder's own)")
    .action(async (dir: string, options: RequeueOptions) =>
      (await import('../outbox/deliver.js')).requeue(context, dir, options),
    );
  examples(requeue.addHelpText('after', SENDS), [
    'rufus outbox requeue ./finish',
    'rufus outbox requeue ./finish --reason session-closed --session TOKEN',
  ]);

  const rewind = withDrain(withFormat(outbox.command('rewind')))
    .description('send what was delivered again, with its old numbers: the server keeps what it has')
    .argument('<dir>', DIR)
    .requiredOption('--from <time>', 'timestamps from this time on, 2026-05-03T09:30:00Z')
    .requiredOption('--to <time>', 'timestamps up to this time')
    .action(async (dir: string, options: RewindOptions) =>
      (await import('../outbox/deliver.js')).rewind(context, dir, options),
    );
  examples(rewind.addHelpText('after', SENDS), [
    'rufus outbox rewind ./finish --from 2026-05-03T09:00:00Z --to 2026-05-03T12:00:00Z',
  ]);
}

const withDrain = (command: Command): Command =>
  command.addOption(new Option('--drain <duration>', 'deliver for so long').argParser(duration).default(60_000, '60s'));
