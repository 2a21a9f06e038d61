import { type Command, InvalidArgumentError, Option } from 'commander';
import { duration, wholeNumber } from '../arguments.js';

/** How NATS is reached. */
export interface NatsOptions {
  /** Addresses, by commas. */
  readonly nats?: string;
  readonly creds?: string;
  readonly natsCa?: string;
  readonly inboxPrefix?: string;
  /** The fleet's name. */
  readonly fleet?: string;
}

/** What opens a fleet. */
export interface FleetCommandOptions extends NatsOptions {
  readonly replicas?: 1 | 3 | 5;
  /** Milliseconds. */
  readonly lease?: number;
  readonly retainHours?: number;
  readonly retainBytes?: number;
}

export function withNats(command: Command, use = ''): Command {
  return command
    .optionsGroup('NATS:')
    .option('--nats <urls>', `${use}its servers, several by commas (env: NATS_URL)`)
    .option('--creds <file>', 'credentials of NATS; or NATS_USER and NATS_PASSWORD in the environment')
    .option('--nats-ca <file>', "who signed the servers' certificates, where the system does not know (env: NATS_CA)")
    .option('--inbox-prefix <subject>', 'where answers may come (default: _INBOX.NAME of the user or the box)')
    .option('--fleet <name>', 'which of several fleets in one account (default: rufus)');
}

export function withFleet(command: Command): Command {
  return withNats(command)
    .optionsGroup('As the fleet was made by whoever opened it first:')
    .addOption(new Option('--replicas <n>', 'copies of what is stored, 1, 3 or 5 (default: 1)').argParser(replicas))
    .option('--retain-hours <n>', 'how long passings are kept (default: 168)', wholeNumber(1, 87_600))
    .option('--retain-bytes <n>', 'how many bytes of them (default: 8 GiB)', wholeNumber(65_536))
    .option('--lease <duration>', 'a worker without a sign of life for so long is replaced (default: 10s)', duration);
}

function replicas(text: string): number {
  if (['1', '3', '5'].includes(text)) return Number(text);
  throw new InvalidArgumentError('It must be 1, 3 or 5.');
}
