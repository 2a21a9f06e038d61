import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type Outbox, type OutboxOptions, openOutbox } from 'rufus-client/outbox';
import type { Address } from '../addresses.js';
import { CommandError, misuse } from '../command-error.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';
import type { Line } from '../records/lines.js';
import { type GivenRecordOptions, givenRecordFormat } from '../records/options.js';
import type { RecordFormat } from '../records/reader.js';
import { BibTable } from './bib-table.js';
import { Caller } from './caller.js';
import type { ConnectionSetup } from './connection.js';
import { Intake } from './intake.js';
import { Listener } from './listener.js';
import { type Figures, Monitor } from './monitor.js';
import { RejectedFile } from './rejected-file.js';
import { Report } from './report.js';
import { type Route, type RouteOptions, routeOf } from './route.js';
import { takeLines } from './stream.js';
import { ServiceManager } from './systemd.js';
import { Tail, tailSource } from './tail/tail.js';

export interface ForwardOptions extends GivenRecordOptions, RouteOptions {
  readonly device: string;
  readonly outbox: string;
  readonly session: string;
  readonly tail?: string;
  readonly listen?: Address;
  readonly connect?: Address;
  readonly stdin?: boolean;
  /** How long to deliver at the end of standard input, in milliseconds. Default: until it is done. */
  readonly drain?: number;
  readonly replies?: boolean;
  readonly bibs?: string;
  readonly rejected?: string;
  readonly http?: Address;
  /** Milliseconds. */
  readonly maxAge: number;
}

/** What brings lines, until it is told to stop or there are no more. */
interface Input {
  run(): Promise<void>;
  readonly connections?: number;
}

/** After SIGTERM: how long to go on delivering. */
const STOP_DRAIN_MS = 2_000;
/** After SIGTERM, or a failure: when to end whatever is still under way. */
const STOP_MS = 4_500;

/** Brings lines from a decoder to RUFUS, each once, through an outbox. */
export async function forward(context: Context, options: ForwardOptions): Promise<void> {
  const { signal: stop, interruption } = context;
  checkInputs(options);
  // It runs for days on small boards: of the heap, what is dead may grow to a fifth of what lives, not to several times of it.
  setFlagsFromString('--heap-growing-percent=20');
  if (options.stdin && context.options.apiKeyFile === '-') {
    throw misuse('Standard input can hold the key or the lines, not both.');
  }
  stop.addEventListener('abort', () => {
    setTimeout(() => process.exit(interruption.exitCode), STOP_MS).unref();
  });
  const bibs = options.bibs === undefined ? undefined : await BibTable.open(options.bibs);
  const chips = { unknown: 0 };
  const format = await givenRecordFormat(options, { bibOf: bibs && bibOf(bibs, chips) });
  const directory = resolve(options.outbox);
  const route = await routeOf(context, options);
  try {
    const outbox = await openOutbox({ client: route.client, directory, session: sessionOf(options) });
    await forwardThrough(outbox, context, options, { directory, route, format, bibs, chips });
  } finally {
    await route.close();
  }
}

async function forwardThrough(
  outbox: Outbox,
  context: Context,
  options: ForwardOptions,
  { directory, route, ...parts }: Omit<Parts, 'outbox' | 'rejected'> & { directory: string; route: Route },
): Promise<void> {
  const stopReporting = route.report(outbox);
  try {
    const rejected = await openRejected(options.rejected ?? `${directory}.rejected.jsonl`);
    try {
      await run(context, options, { ...parts, outbox, rejected });
    } finally {
      await rejected.close();
    }
  } finally {
    setTimeout(() => process.exit(), STOP_MS).unref();
    const { pending, parked } = await outbox.close({ drainMs: context.signal.aborted ? STOP_DRAIN_MS : 0 });
    await stopReporting();
    sayWhatIsLeft(context, directory, pending, parked);
  }
}

interface Parts {
  readonly outbox: Outbox;
  readonly rejected: RejectedFile;
  readonly format: RecordFormat;
  readonly bibs: BibTable | undefined;
  readonly chips: { unknown: number };
}

async function run(context: Context, options: ForwardOptions, parts: Parts): Promise<void> {
  const { outbox, rejected, bibs, chips } = parts;
  const { screen, signal: stop } = context;
  const note = (line: string) => screen.note(line);
  const warn = (line: string) => screen.warn(line);
  const intake = new Intake(
    outbox,
    rejected,
    {
      rejected: (reason, count) => report.rejected(reason, count, rejected.path),
      waiting: (cause) =>
        cause === undefined ? note('There is room again: lines are taken.') : warn(`Lines wait: ${cause.message}`),
    },
    stop,
  );
  let input: Input | undefined;
  const figures = (): Figures => ({
    ...intake.counts,
    unknownChips: bibs && chips.unknown,
    connections: input?.connections,
    outbox: outbox.stats(),
  });
  const report = new Report(screen, figures);
  const services = new ServiceManager(warn);
  const monitor = options.http && (await Monitor.listen(options.http, options.maxAge, figures, note));
  const watching = new AbortController();
  void bibs?.watch((fault) => {
    if (fault === undefined) note(`Read ${options.bibs} again: ${bibs.size} chips.`);
    else warn(`The new version of ${options.bibs} is not used, the one before stays: ${fault}.`);
  }, watching.signal);
  try {
    input = await inputOf(
      options,
      { intake, format: parts.format, replies: options.replies === true, note, stop },
      outbox,
      warn,
    );
    services.ready();
    await input.run();
    if (!stop.aborted) await drain(context, outbox, options.drain);
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    services.stopping();
    watching.abort();
    report.close();
    await monitor?.close();
  }
}

async function inputOf(
  { tail, listen, connect }: ForwardOptions,
  setup: ConnectionSetup,
  outbox: Outbox,
  warn: (line: string) => void,
): Promise<Input> {
  if (listen !== undefined) return Listener.listen(listen, setup);
  if (connect !== undefined) return new Caller(connect, setup);
  if (tail === undefined) return { run: () => readStandardInput(setup) };
  const path = resolve(tail);
  const stats = await stat(path).catch(() => undefined);
  if (stats !== undefined && !stats.isFile())
    throw misuse(`--tail takes a file, and ${tail} is none. A pipe: --stdin.`);
  return new Tail({ ...setup, path, position: outbox.position(tailSource(path)), warn });
}

async function readStandardInput(setup: ConnectionSetup): Promise<void> {
  const source = 'stdin';
  let line: Line | undefined;
  try {
    const splitter = await takeLines(process.stdin, source, setup, async () => {});
    line = setup.stop.aborted ? undefined : splitter.finish();
  } finally {
    process.stdin.destroy();
  }
  if (line === undefined) return;
  // Whoever wrote it may have been cut off, and the rest of a number is another number.
  const reason = 'the input ended in this line: it has no line break';
  await setup.intake.store(source, [{ line, passing: undefined, reason }]);
}

/** Standard input has ended: what is left is delivered. */
async function drain(context: Context, outbox: Outbox, ms: number | undefined): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  const timer = ms === undefined ? undefined : setTimeout(end, ms);
  context.signal.addEventListener('abort', end);
  await outbox.drained({ signal: over.signal }).catch(() => {});
  clearTimeout(timer);
  const { pending, parked } = outbox.stats();
  if (pending > 0 || parked > 0) context.exitCode = context.interruption.exitCode ?? EXIT.left;
}

function sayWhatIsLeft({ screen, signal }: Context, directory: string, pending: number, parked: number): void {
  if (pending > 0) {
    screen.warn(`${pending} passings are in ${directory} and not delivered: run the same command again to go on.`);
  } else if (signal.aborted) {
    screen.note('Stopped, and all is delivered: run the same command again to go on.');
  }
  if (parked > 0) screen.warn(`${parked} passings are parked: see rufus outbox parked ${directory}`);
}

function checkInputs({ tail, listen, connect, stdin, replies, drain: drainMs }: ForwardOptions): void {
  const inputs = [tail, listen, connect, stdin].filter((input) => input !== undefined && input !== false);
  if (inputs.length !== 1)
    throw misuse('Give one input: --tail FILE, --listen HOST:PORT, --connect HOST:PORT or --stdin.');
  if (replies && (listen ?? connect) === undefined) throw misuse('--replies goes with --listen and --connect.');
  if (drainMs !== undefined && !stdin) throw misuse('--drain goes with --stdin: the other inputs have no end.');
}

function sessionOf({ device: deviceid, session }: ForwardOptions): OutboxOptions['session'] {
  return session === 'active-or-new' || session === 'new' ? { deviceid, open: session } : { token_session: session };
}

/** Counts the chips that the table does not have. */
function bibOf(bibs: BibTable, chips: { unknown: number }): (chip: string) => string {
  return (chip) => {
    const bib = bibs.bibOf(chip);
    if (bib === undefined) chips.unknown++;
    return bib ?? chip;
  };
}

async function openRejected(path: string): Promise<RejectedFile> {
  try {
    return await RejectedFile.open(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(
      `The file of rejected lines ${path} cannot be written (${code ?? message}): see --rejected.`,
    );
  }
}
