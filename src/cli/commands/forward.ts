import { type Command, Option } from 'commander';
import { address } from '../addresses.js';
import { duration } from '../arguments.js';
import type { Context } from '../context.js';
import { withNats } from '../fleet/options.js';
import type { ForwardOptions } from '../forward/run.js';
import { examples } from '../help.js';
import { withRecordOptions } from '../records/options.js';

const NOTES = `
A line is a passing: CSV with a header (timestamp, bib, chip, … in any order), or JSON lines with the API's fields.
A line that is none goes, with the reason, to the file of rejected lines, and stops nothing.

The folder of --outbox keeps what is not delivered yet, and how far --tail has read: started again, also after a power cut,
the command goes on where it was. Ctrl-C or SIGTERM stops it: nothing that was taken is lost.`;

export function addForward(program: Command, context: Context): void {
  const command = program
    .command('forward')
    .description('bring the lines of a decoder to RUFUS, each once, whatever network and power do')
    .requiredOption('--device <id>', 'the device that the passings are of')
    .requiredOption('--outbox <dir>', 'a folder of its own, made if missing: one device, one folder, one process')
    .option('--session <session>', 'active-or-new, new, or the token of a session', 'active-or-new');

  command
    .optionsGroup('Input, one of:')
    .option('--tail <file>', 'a file that grows; it may be rotated and truncated')
    .option('--listen <host:port>', 'decoders that connect', address)
    .option('--connect <host:port>', 'a decoder that listens; connected again for ever', address)
    .option('--stdin', 'a pipe; at its end all is delivered');

  withRecordOptions(command.optionsGroup('Lines:'))
    .option('--bibs <file>', 'CSV chip,bib for lines that have a chip only; read again when it changes')
    .option('--rejected <file>', 'where lines go that are no passing (default: DIR.rejected.jsonl)');

  command
    .optionsGroup('Service:')
    .option('--replies', 'answer each line of a connection: ok NUMBER, once it is on disk, or error REASON')
    .option('--drain <duration>', 'after the end of --stdin, deliver for so long (default: until it is done)', duration)
    .option('--http <host:port>', 'serve GET /health and /metrics; without a host, to this machine only', address)
    .addOption(
      new Option('--max-age <duration>', 'unhealthy once a passing has waited for so long')
        .argParser(duration)
        .default(60_000, '60s'),
    )
    .addHelpText('after', NOTES);

  command.optionsGroup('Without a key, as a box of a fleet:').option('--box <name>', 'the serial number of the device');
  withNats(command, 'with --box, ').action(async (options: ForwardOptions) => {
    const { forward } = await import('../forward/run.js');
    await forward(context, options);
  });

  examples(command, [
    'rufus forward --device ID --outbox ./finish --tail /timing/finish.csv --timezone Europe/Madrid',
    'rufus forward --device ID --outbox ./finish --listen 0.0.0.0:5000 --columns chip,timestamp --bibs chips.csv --replies',
    'rufus forward --nats leaf.local --creds 0042.creds --box 0042 --device ID --outbox ./finish --listen 0.0.0.0:5000',
    'decoder-dump | rufus forward --device ID --outbox ./finish --stdin --format jsonl',
  ]);
}
