#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { VERSION } from '../version.js';
import { CHOICES, NUMBERS } from './settings.js';
import type { SandboxOptions } from './types.js';

const USAGE = 2;
const kebab = (option: string) => option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const HELP = `rufus-sandbox: a stateful fake of the RUFUS Cloud API, in memory, on 127.0.0.1

Usage: rufus-sandbox [options]

  --port N                   Port to listen on. Default: a free one.
  --envelope spec|flat       Bodies inside {"body": …}, or flat. Default spec.
  --coordinates string|number
                             How reads give coordinates. Default string.
  --end-of-pages empty|absent|404
                             What a page past the end gives. Default empty.
  --bind-conflict deviceid|bare
                             Whether a second bind's 409 carries the deviceid. Default deviceid.
  --duplicates number|none   What makes a duplicate: the same num_passing, or nothing. Default number.
  --page-size N              Items a page. Default 5000.
  --max-body-bytes N         A longer body gets 413. Default 1048576.
  --latency-ms N             Pause before each answer. Default 0.
  --help, --version

What it holds is gone when it ends (Ctrl-C).`;

async function main(): Promise<void> {
  const { help, version, port, ...given } = readArguments();
  if (help === true) return console.log(HELP);
  if (version === true) return console.log(VERSION);

  const { Sandbox } = await loadSandbox();
  const sandbox = new Sandbox(optionsOf(given));
  const server = await sandbox.listen(port === undefined ? 0 : wholeNumber('port', port));
  const { read, write, readWrite, admin } = sandbox.keys;
  console.log(`# RUFUS sandbox, in memory. Ctrl-C ends it.
export RUFUS_BASE_URL=${server.url}
export RUFUS_API_KEY=${readWrite}

# Access types:
#   READ                  ${read}
#   WRITE                 ${write}
#   READ_WRITE            ${readWrite}
#   READ_WRITE + unbind   ${admin}`);

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close());
}

function readArguments() {
  const text = { type: 'string' } as const;
  const names = [...Object.keys(CHOICES), ...Object.keys(NUMBERS)].map((option) => [kebab(option), text] as const);
  return parseArgs({
    options: {
      ...Object.fromEntries(names),
      port: text,
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  }).values;
}

/** The sandbox itself checks the values. */
function optionsOf(given: Readonly<Record<string, unknown>>): SandboxOptions {
  const options: Record<string, unknown> = {};
  for (const option of Object.keys(CHOICES)) options[option] = given[kebab(option)];
  for (const option of Object.keys(NUMBERS)) {
    const value = given[kebab(option)];
    if (value !== undefined) options[option] = wholeNumber(kebab(option), value);
  }
  return options as SandboxOptions;
}

function wholeNumber(option: string, value: unknown): number {
  if (typeof value === 'string' && /^\d+$/.test(value)) return Number(value);
  throw new RangeError(`--${option} must be a whole number, not ${value}`);
}

async function loadSandbox() {
  try {
    return await import('./sandbox.js');
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("'msw'"))) throw error;
    throw new Error(
      'The sandbox needs msw, which is not installed. Install it beside rufus-client: npm install -D msw',
    );
  }
}

main().catch((error: unknown) => {
  const { message = String(error), code } = error as { message?: string; code?: string };
  if (code === 'EADDRINUSE') {
    const { port } = error as { port?: number };
    console.error(
      `rufus-sandbox: Port ${port} is in use. End what listens there, give another --port, or none for a free one`,
    );
    process.exitCode = 1;
    return;
  }
  const misused = error instanceof RangeError || code?.startsWith('ERR_PARSE_ARGS');
  console.error(`rufus-sandbox: ${message}${misused ? '\nSee rufus-sandbox --help' : ''}`);
  process.exitCode = misused ? USAGE : 1;
});
