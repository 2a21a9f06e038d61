import { PermissionDeniedError, RufusError, RufusRequestValidationError } from 'rufus-client';
import { CommandError, misuse } from '../command-error.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { failureOf } from '../failure.js';
import { Progress, shown } from '../output/progress.js';
import { type GivenRecordOptions, givenRecordFormat } from '../records/options.js';
import { type Held, readHeld } from './held.js';
import { InputFile } from './input-file.js';
import { type Findings, noFindings, type SendableOptions, sendable } from './sendable.js';

export interface ImportOptions extends GivenRecordOptions {
  readonly session?: string;
  readonly firstNumber?: number;
  readonly skipBad?: boolean;
  readonly dryRun?: boolean;
}

/** Lines that are complained of one by one; the others are only counted. */
const MAX_COMPLAINTS = 20;
/** Of a batch, over half a minute: a link at a finish line comes back. */
const RETRIES = 6;
const NOTHING: Held = new Map();

/** Sends what is in a file to a session, once it is known that all of it can be sent. */
export async function importPassings(context: Context, name: string, options: ImportOptions): Promise<void> {
  const { session, dryRun, skipBad } = options;
  if (session === undefined && dryRun !== true) throw misuse('Name the session: --session TOKEN; or --dry-run.');
  if (name === '-' && context.options.apiKeyFile === '-') {
    throw misuse('Standard input can hold the key or the passings, not both.');
  }
  const format = await givenRecordFormat(options, { numbered: true });
  await using file = await InputFile.open(name, context.signal);
  const held = dryRun === true ? NOTHING : await heldBy(session!, context);
  const firstNumber = options.firstNumber ?? 1;
  const how = { file, format, firstNumber, held: held ?? NOTHING };

  const findings = await check(how, context);
  if (dryRun !== true && held === undefined) demandNumbers(findings, options);
  demandNoConflict(findings, how);
  if (findings.bad > 0 && skipBad !== true) {
    const all = findings.bad + findings.toSend + findings.alreadyThere;
    throw new CommandError(
      `${shown(findings.bad)} of ${shown(all)} records cannot be sent: nothing was. Mend them, or leave them out with --skip-bad.`,
    );
  }
  if (dryRun === true) context.screen.note(`${shown(findings.toSend)} passings can be sent. Nothing was (--dry-run).`);
  else await send(session!, how, findings, context);
  if (findings.bad > 0) context.exitCode = EXIT.left;
}

/** What the session holds; undefined where the key may not read. */
async function heldBy(token_session: string, context: Context): Promise<Held | undefined> {
  const client = await context.client();
  try {
    const { active, passings } = await client.sessions.get(token_session, context.call);
    if (!active) {
      throw new CommandError(
        'The session is closed, and takes no more passings: rufus sessions create DEVICE opens another.',
        EXIT.notFound,
      );
    }
    return passings === 0 ? NOTHING : await readHeld(client, token_session, context);
  } catch (error) {
    if (!(error instanceof PermissionDeniedError)) throw error;
    context.screen.warn('the key may not read: what the session holds already is not compared with the file.');
    return undefined;
  }
}

/** Reads the whole file. Sends nothing. */
async function check(how: Omit<SendableOptions, 'complain'>, { screen, signal }: Context): Promise<Findings> {
  const findings = noFindings();
  const progress = new Progress(screen, 'Checking');
  let complaints = 0;
  const complain = (line: number, reason: string) => {
    if (++complaints <= MAX_COMPLAINTS) screen.say(`${how.file.name}:${line}: ${reason}`);
  };
  for await (const _ of sendable({ ...how, complain }, findings)) {
    progress.at(findings.toSend);
    if (signal.aborted) throw new CommandError('Stopped before anything was sent.');
  }
  screen.clearStatus();
  if (complaints > MAX_COMPLAINTS) screen.say(`… and ${shown(complaints - MAX_COMPLAINTS)} more`);
  return findings;
}

/** Without a look at the session, only its owner knows which numbers are free. */
function demandNumbers({ numbered }: Findings, { firstNumber }: ImportOptions): void {
  if (numbered !== false || firstNumber !== undefined) return;
  throw new CommandError(
    'The file has no num_passing, and the key may not read which numbers are free: say it with --first-number, or use a key that may read.',
    EXIT.keyRefused,
  );
}

function demandNoConflict({ conflicts, numbered }: Findings, { held }: Pick<SendableOptions, 'held'>): void {
  if (conflicts === 0) return;
  const free = Math.max(...held.keys()) + 1;
  const advice = numbered ? 'Is it the right session?' : `From --first-number ${free} on they are free.`;
  throw new CommandError(
    `${shown(conflicts)} of the numbers are other passings in the session: nothing was sent. ${advice}`,
  );
}

async function send(
  token_session: string,
  how: Omit<SendableOptions, 'complain'>,
  { toSend, alreadyThere }: Findings,
  context: Context,
): Promise<void> {
  const client = await context.client();
  const { screen, call } = context;
  const progress = new Progress(screen, 'Importing', toSend);
  const stand: Stand = { sent: 0, line: 0, waiting: [] };
  async function* records() {
    for await (const { line, passing } of sendable({ ...how, complain: () => {} }, noFindings())) {
      stand.waiting.push(line);
      yield passing;
    }
  }
  try {
    const { duplicate_count } = await client.passings.insertMany(token_session, records(), {
      ...call,
      retry: { maxRetries: RETRIES },
      onProgress: ({ sent }) => {
        stand.line = stand.waiting.splice(0, sent - stand.sent).at(-1) ?? stand.line;
        stand.sent = sent;
        progress.at(sent);
      },
    });
    screen.clearStatus();
    const repeated = alreadyThere + duplicate_count;
    const aside = repeated === 0 ? '' : `, ${shown(repeated)} were there already`;
    screen.note(`${shown(stand.sent - duplicate_count)} passings imported${aside}`);
  } catch (error) {
    throw stoppedBy(error, stand, toSend, context);
  }
}

/** How far it has come. */
interface Stand {
  /** Confirmed by the server. */
  sent: number;
  /** Of the last of these. */
  line: number;
  /** Lines of what was handed over and is not confirmed. */
  readonly waiting: number[];
}

function stoppedBy(error: unknown, { sent, line, waiting }: Stand, toSend: number, { signal }: Context): unknown {
  if (!(error instanceof RufusError)) return error;
  const [issue] = error instanceof RufusRequestValidationError ? error.issues : [];
  const index = issue?.path[1];
  if (issue !== undefined && typeof index === 'number') {
    const field = issue.path.slice(2).join('.');
    return new CommandError(`Line ${waiting[index - sent]} cannot be sent: ${field}: ${issue.message}. ${standing()}`);
  }
  const { exitCode, message } = failureOf(error);
  return signal.aborted
    ? new CommandError(`Stopped. ${standing()}`)
    : new CommandError(`${message} ${standing()}`, exitCode);

  function standing(): string {
    const where = sent === 0 ? '' : `, up to line ${line}`;
    return `${shown(sent)} of ${shown(toSend)} passings are sent${where}. Run the same command again: what is there is not sent twice.`;
  }
}
