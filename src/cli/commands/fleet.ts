import type { Command } from 'commander';
import { duration, wholeNumber } from '../arguments.js';
import type { Context } from '../context.js';
import type { FollowCommandOptions } from '../fleet/follow.js';
import { type FleetCommandOptions, withFleet } from '../fleet/options.js';
import type { FleetPassingsCommandOptions } from '../fleet/passings.js';
import type { ServeCommandOptions } from '../fleet/serve.js';
import { examples } from '../help.js';
import { type FormatOptions, withFormat } from '../output/formats.js';

const WORKS = `
Run as many as you like, on any machines. It waits for servers that do not answer yet. Ctrl-C or SIGTERM ends it: others take over at once.`;

export function addFleet(program: Command, context: Context): void {
  const fleet = program
    .command('fleet')
    .description('many readers, consumers and boxes without a key, over NATS: follow, serve, status, passings');
  addFollow(fleet, context);
  addServe(fleet, context);
  addStatus(fleet, context);
  addPassings(fleet, context);
  examples(fleet, [
    'rufus fleet follow --nats n1,n2,n3 --creds reader.creds --replicas 3',
    'rufus fleet serve --nats n1,n2,n3 --creds gateway.creds --replicas 3',
    'rufus fleet status --nats n1,n2,n3 --creds reader.creds --replicas 3',
    'rufus forward --nats leaf.local --creds 0042.creds --box 0042 --device ID --outbox ./finish --listen 0.0.0.0:5000',
  ]);
}

function addFollow(fleet: Command, context: Context): void {
  const command = fleet
    .command('follow')
    .description('work as a reader: store each passing of the devices once, for every consumer')
    .argument('[device...]', 'ids, the same for all readers (default: every device of the account)')
    .option('--poll-min <duration>', 'between two polls of a busy device', duration)
    .option('--poll-max <duration>', 'between two polls of a quiet one', duration)
    .option('--max-devices <n>', 'follow no more than so many here', wholeNumber(1));
  withFleet(command)
    .addHelpText('after', WORKS)
    .action(async (devices: string[], options: FollowCommandOptions) =>
      (await import('../fleet/follow.js')).follow(context, devices, options),
    );
  examples(command, [
    'rufus fleet follow --nats n1,n2,n3 --creds reader.creds --replicas 3',
    'rufus fleet follow START FINISH --nats 127.0.0.1:4222 --poll-min 500ms --poll-max 5s',
  ]);
}

function addServe(fleet: Command, context: Context): void {
  const command = fleet
    .command('serve')
    .description('carry the calls of boxes, which have no key, to the API: what each needs for its own device')
    .option('--concurrency <n>', 'calls at a time (default: 64)', wholeNumber(1));
  withFleet(command)
    .addHelpText('after', WORKS)
    .action(async (options: ServeCommandOptions) => (await import('../fleet/serve.js')).serve(context, options));
  examples(command, ['rufus fleet serve --nats n1,n2,n3 --creds gateway.creds --replicas 3']);
}

function addStatus(fleet: Command, context: Context): void {
  const command = withFormat(fleet.command('status'), { elsewhere: 'json', formats: ['table', 'json'] }).description(
    'show who works, who follows which device, how far consumers are, how boxes stand; no key',
  );
  withFleet(command).action(async (options: FleetCommandOptions & FormatOptions) =>
    (await import('../fleet/status.js')).showStatus(context, options),
  );
  examples(command, [
    'rufus fleet status --nats n1,n2,n3 --creds reader.creds --replicas 3',
    "rufus fleet status --nats n1 --json | jq '.boxes[] | select(.pending > 0)'",
  ]);
}

function addPassings(fleet: Command, context: Context): void {
  const command = withFormat(fleet.command('passings'), { elsewhere: 'jsonl', formats: ['table', 'csv', 'jsonl'] })
    .description('print what the readers store, from where this consumer stands, until Ctrl-C; no key')
    .requiredOption('--consumer <name>', 'a name for what is done with them; those with the same name share the work')
    .option('--device <id>', 'only of this device');
  withFleet(command)
    .addHelpText(
      'after',
      `
A new name begins with the oldest passing that is kept. Lines are written first, and acknowledged then: where it is killed between
the two, they come again. Keep each passing under (token_session, num_passing), and it counts once.`,
    )
    .action(async (options: FleetPassingsCommandOptions) =>
      (await import('../fleet/passings.js')).printPassings(context, options),
    );
  examples(command, [
    'rufus fleet passings --consumer results --nats n1,n2,n3 --creds consumer.creds --replicas 3 | my-results-program',
    'rufus fleet passings --consumer finish --device ID --nats 127.0.0.1:4222 --format csv',
  ]);
}
