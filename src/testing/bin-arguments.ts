import { parseArgs } from 'node:util';
import { CHOICES, NUMBERS } from './settings.js';
import type { SandboxOptions } from './types.js';

export const HELP = `rufus-sandbox: a stateful fake of the RUFUS Cloud API

Usage: rufus-sandbox [options]

  --port N                   Port to listen on. Default: a free one.
  --host ADDRESS             Address to listen on. Default 127.0.0.1, this machine only.
  --key KEY                  The key that may read and write. Default: a new one, or that of the state file.
  --state FILE               Keep devices, sessions, passings and keys in FILE, over restarts. Its format is private.
  --envelope spec|flat       Bodies inside {"body": …}, or flat. Default spec.
  --coordinates string|number
                             How reads give coordinates. Default string.
  --end-of-pages empty|absent|404
                             What a page past the end gives. Default empty.
  --bind-conflict deviceid|bare
                             Whether a second bind's 409 carries the deviceid. Default deviceid.
  --duplicates number|none   What makes a duplicate: the same num_passing, or nothing. Default number.
  --unknown-key 403|401      The status that a missing or unknown key gets. Default 403.
  --page-size N              Items a page. Default 5000.
  --max-body-bytes N         A longer body gets 413. Default 1048576.
  --latency-ms N             Pause before each answer. Default 0.
  --help, --version

Without --state, what it holds is gone when it ends (Ctrl-C).`;

export interface Command {
  readonly port: number;
  readonly host: string | undefined;
  readonly key: string | undefined;
  readonly state: string | undefined;
  readonly options: SandboxOptions;
}

const kebab = (option: string) => option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** @throws {RangeError} for a value that makes no sense, and what `parseArgs` throws. */
export function readArguments(): Command | 'help' | 'version' {
  const text = { type: 'string' } as const;
  const names = [...Object.keys(CHOICES), ...Object.keys(NUMBERS)].map((option) => [kebab(option), text] as const);
  const { help, version, port, host, key, state, ...given } = parseArgs({
    options: {
      ...Object.fromEntries(names),
      ...{ port: text, host: text, key: text, state: text },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  }).values;
  if (help) return 'help';
  if (version) return 'version';
  return {
    port: port === undefined ? 0 : wholeNumber('port', port, 65_535),
    host: filled('host', host),
    key: keyOf(key),
    state: filled('state', state),
    options: optionsOf(given),
  };
}

/** The sandbox itself checks the values. */
function optionsOf(given: Readonly<Record<string, unknown>>): SandboxOptions {
  const options: Record<string, unknown> = {};
  for (const [option, choices] of Object.entries(CHOICES)) {
    const value = given[kebab(option)];
    options[option] = choices.find((choice) => String(choice) === value) ?? value;
  }
  for (const option of Object.keys(NUMBERS)) {
    const value = given[kebab(option)];
    if (value !== undefined) options[option] = wholeNumber(kebab(option), value);
  }
  return options as SandboxOptions;
}

function wholeNumber(option: string, value: unknown, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'string' && /^\d+$/.test(value) && Number(value) <= max) return Number(value);
  const limit = max === Number.MAX_SAFE_INTEGER ? '' : ` of at most ${max}`;
  throw new RangeError(`--${option} must be a whole number${limit}, not ${value}`);
}

function filled(option: string, value: string | undefined): string | undefined {
  if (value !== '') return value;
  throw new RangeError(`--${option} must not be empty`);
}

/** What a header can carry and a shell need not quote. */
function keyOf(key: string | undefined): string | undefined {
  if (key === undefined || /^[\w.~+/=-]+$/.test(key)) return key;
  throw new RangeError('--key must consist of letters, digits and any of . _ ~ + / = -');
}
