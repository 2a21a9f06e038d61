import type { RufusClient } from '../client.js';
import { AuthenticationError, NotFoundError, PermissionDeniedError } from '../core/errors.js';
import { shorten } from '../core/redact.js';
import type { Passing, RequestOptions } from '../types.js';
import type { OutboxContext } from './context.js';
import { bootId } from './disk/lock.js';
import { dispositionOfError, isUnsettled, says, send, type Unsettled } from './disposition.js';
import { NumberingUnknownError } from './errors.js';
import type { BoundSession } from './folder-device.js';
import type { Entry, Journal } from './journal.js';
import type { Device } from './replacements.js';
import type { OutboxEvents } from './types.js';

/** A folder with a history opens within this, whatever the network does. */
export const OPEN_WITHIN_MS = 3_000;
/** Of that, reserved for the writes after the search: a slow card may take so long. */
const WRITING_MS = 400;

/** More than a device reads in a year of races: a number so far ahead cannot have been given. */
const SKIP = 1_000_000;

export type Skip = OutboxEvents['numbersSkipped'][0];

export interface SessionChoice extends Pick<OutboxContext, 'client' | 'journal' | 'emitter'> {
  readonly wanted: BoundSession;
  /** For 'active-or-new': the folder's last session is used, if it is of the device. */
  readonly resume: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that a folder with a history may take. Default 3,000. */
  readonly withinMs?: number | undefined;
  /** Makes a new session of the device the current one. */
  readonly create: (device: Device) => Promise<void>;
}

/**
 * Makes the wanted session the current one, with a known next number.
 *
 * @throws NumberingUnknownError
 */
export async function selectSession(choice: SessionChoice): Promise<void> {
  const { journal, wanted, create } = choice;
  if ('token_session' in wanted) {
    const token = successor(journal, wanted.token_session);
    await enter(choice, token, token === wanted.token_session ? { startAt: wanted.startAt } : {});
  } else {
    const active = await activeSession(choice, wanted);
    if (active === null) await create(wanted);
    else await enter(choice, active, { deviceid: wanted.deviceid });
  }
  if (journal.suspect) await journal.clearSuspect();
}

/** `deviceid`: it was looked up by its device, not given by its token. */
interface Entrance {
  readonly deviceid?: string | undefined;
  readonly startAt?: number | undefined;
}

async function enter(choice: SessionChoice, token: string, entrance: Entrance): Promise<void> {
  const { client, journal, signal } = choice;
  const { deviceid, startAt } = entrance;
  // A damaged folder may have lost the history of any session.
  if (journal.suspect || journal.nextNumber(token) !== undefined) return carryOn(choice, token, entrance);
  const mode = deviceid === undefined ? 'token' : 'device';
  await journal.startSession(token, startAt ?? (await learnNext(client, token, mode, { signal })), deviceid);
}

/** Damage may have lost the device; then the session counts as of this device, for a folder has one only. */
function isSessionOf({ session, deviceid: current, suspect }: Journal, deviceid: string): boolean {
  return session !== null && (current === deviceid || (suspect && current === null));
}

/** The last in the chain of replacements of a session. */
function successor(journal: Journal, token: string): string {
  const next = journal.replacedBy(token);
  return next === undefined ? token : successor(journal, next);
}

/** The session of the device to go on with; null if a new one is to be created. */
async function activeSession(
  { client, journal, resume, signal }: SessionChoice,
  { deviceid, open }: Extract<BoundSession, { deviceid: string }>,
): Promise<string | null> {
  if (open === 'new') return null;
  if (resume && isSessionOf(journal, deviceid)) return journal.session;
  try {
    return (await client.sessions.getActive(deviceid, { signal }))?.token_session ?? null;
  } catch (cause) {
    throw new NumberingUnknownError(
      `The active session of device ${shorten(deviceid)} cannot be asked for. ${advice(cause, 'device')}`,
      { cause },
    );
  }
}

/** Continues a session that the folder knows, or may have known. */
async function carryOn(choice: SessionChoice, token: string, { deviceid, startAt = 0 }: Entrance): Promise<void> {
  const { journal, emitter } = choice;
  const known = journal.nextNumber(token) ?? 1;
  const { next, why, isSure } = await compare(choice, token, known);
  const device = deviceid ?? (token === journal.session ? (journal.deviceid ?? undefined) : undefined);
  const to = Math.max(next, startAt);
  if (token !== journal.session || device !== (journal.deviceid ?? undefined) || to > known) {
    await journal.startSession(token, to, device);
  }
  // An earlier number that is not confirmed yet stays the lower bound: nothing from it on was sent.
  if (!isSure && journal.unconfirmedFrom(token) === undefined) await journal.setUnconfirmed(token, to);
  if (next > known) emitter.emit('numbersSkipped', { token_session: token, from: known, to, why });
}

/**
 * The next number, compared with the server's: with the numbers of an old copy that was put back, every passing would count as a duplicate.
 * Not `isSure`: the server could not be asked, and a number from `next` on may have been given.
 */
async function compare(
  { client, journal, signal, withinMs = OPEN_WITHIN_MS }: SessionChoice,
  token: string,
  known: number,
): Promise<{ next: number; why: unknown; isSure: boolean }> {
  const search = new Search(client, token, known);
  const totalTimeoutMs = withinMs - WRITING_MS;
  const deadline = AbortSignal.timeout(totalTimeoutMs);
  try {
    const next = await search.end({
      totalTimeoutMs,
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      ...(!journal.suspect && { retry: false }),
    });
    return { next, why: serverHas(token, next - 1), isSure: true };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const isBehind = search.next > known;
    if (!isBehind && !journal.suspect) {
      return { next: known, why: cause, isSure: isUnanswerable(cause) || !(await wasRebooted(journal)) };
    }
    return { next: search.next + SKIP, why: cause, isSure: false };
  }
}

/** Whether the machine was started anew since the last commit. A power cut may have lost commits on a disk that reports a sync before it is done; the folder does not show it. */
async function wasRebooted({ lastCommit }: Journal): Promise<boolean> {
  return lastCommit !== null && lastCommit.boot !== (await bootId());
}

function serverHas(token: string, num_passing: number): NumberingUnknownError {
  return new NumberingUnknownError(
    `The server has passing ${num_passing} of session ${shorten(token)}, which this folder has not given: it is an old copy, is damaged, or somebody else writes to the session.`,
  );
}

export type Confirmed =
  | { readonly do: 'send' }
  /** They have new numbers: read them again. */
  | { readonly do: 'skipped'; readonly skip: Skip }
  | Unsettled;

/** Asks the server whether it has any of the numbers that were given without asking it; if so, what is pending gets new ones. */
export async function confirmNumbers(
  { client, journal }: Pick<OutboxContext, 'client' | 'journal'>,
  /** The first pending passing whose number is not confirmed. */
  first: Entry,
  signal: AbortSignal,
): Promise<Confirmed> {
  const { token_session, num_passing: from } = first;
  const search = new Search(client, token_session, journal.unconfirmedFrom(token_session)!);
  let next: number;
  try {
    next = await search.end({ signal, retry: false });
  } catch (error) {
    if (!isUnanswerable(error)) return dispositionOfError(error);
    next = search.next;
  }
  if (next <= from) {
    await journal.setUnconfirmed(token_session, null);
    return { do: 'send' };
  }
  const to = await journal.renumber(first, next);
  return { do: 'skipped', skip: { token_session, from, to, why: serverHas(token_session, next - 1) } };
}

export type Stored =
  /** The server has so many of the first ones. `isOpen`: it has taken them just now. */
  { readonly do: 'advance'; readonly count: number; readonly isOpen: boolean } | Unsettled;

/** How many of the first of these the server has: a closed session can still be read. Without a key that may read, none are assumed. */
export async function countStored(
  context: OutboxContext,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<Stored> {
  const first = await readBack(context, entries, signal);
  if (first !== 'may not read') return first;
  // Either the key may never read, or it is locked out for a while. An insert tells which: a key that is locked out fails there, too.
  const disposition = await send(context.client, entries, signal);
  context.journal.tally({ requests: 1, retries: 1 });
  if (isUnsettled(disposition)) return disposition;
  if (disposition.do === 'advance') return { do: 'advance', count: entries.length, isOpen: true };
  const second = await readBack(context, entries, signal);
  return second === 'may not read' ? { do: 'advance', count: 0, isOpen: false } : second;
}

async function readBack(
  { client }: OutboxContext,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<Stored | 'may not read'> {
  const [{ token_session, num_passing: first }] = entries as [Entry];
  const last = entries.at(-1)!.num_passing;
  const there = new Map<number, Passing>();
  try {
    const range = client.passings.listBySession(token_session, { first, last }, { signal, retry: false });
    for await (const passing of range) there.set(passing.num_passing, passing);
  } catch (error) {
    if (error instanceof PermissionDeniedError) return 'may not read';
    const isGone = error instanceof NotFoundError && says(error, /^(passings|session) not found\b/i);
    if (!isGone) return dispositionOfError(error);
  }
  const missing = entries.findIndex((entry) => !isSame(entry, there.get(entry.num_passing)));
  return { do: 'advance', count: missing === -1 ? entries.length : missing, isOpen: false };
}

function isSame({ passing }: Entry, stored: Passing | undefined): boolean {
  return (
    stored !== undefined && stored.bib === passing.bib && Date.parse(stored.timestamp) === Date.parse(passing.timestamp)
  );
}

/** The answer will never come: the key may not read, or the session does not exist. */
function isUnanswerable(error: unknown): boolean {
  return (
    error instanceof PermissionDeniedError || (error instanceof NotFoundError && says(error, /^session not found/i))
  );
}

/** The next number of a session that the folder has no history of. */
async function learnNext(
  client: RufusClient,
  token: string,
  mode: 'token' | 'device',
  options: RequestOptions,
): Promise<number> {
  try {
    const { passings } = await client.sessions.get(token, options);
    const next = await new Search(client, token, Math.max(0, passings ?? 0)).end(options);
    return Math.max(1, next);
  } catch (cause) {
    throw new NumberingUnknownError(
      `The next number of session ${shorten(token)} is not known to this folder and cannot be read. ${advice(cause, mode)}`,
      { cause },
    );
  }
}

/** What the caller can do, by how the session was given. */
function advice(cause: unknown, mode: 'token' | 'device'): string {
  const rest = 'Nothing was sent; see `cause`.';
  const otherwise = mode === 'token' ? ', or pass `startAt`' : ", or use `open: 'new'`";
  if (cause instanceof AuthenticationError) return `The API key is refused: check it. ${rest}`;
  if (cause instanceof PermissionDeniedError) return `Use a key that exists and may read${otherwise}. ${rest}`;
  if (cause instanceof NotFoundError)
    return `Check the ${mode === 'token' ? 'token and the base URL' : 'deviceid'}. ${rest}`;
  return `Open it again once the API answers${mode === 'token' ? otherwise : ''}. ${rest}`;
}

/** Finds the first number from which on the server has none. By number, not by page: a page may be any part of a range. */
class Search {
  readonly #client: RufusClient;
  readonly #token: string;
  /** All numbers that were found are below. */
  next: number;

  constructor(client: RufusClient, token: string, from: number) {
    this.#client = client;
    this.#token = token;
    this.next = from;
  }

  async end(options?: RequestOptions): Promise<number> {
    for (;;) {
      const highest = await this.#highest(options);
      if (highest < this.next) return this.next;
      this.next = highest + 1;
    }
  }

  async #highest(options: RequestOptions | undefined): Promise<number> {
    try {
      const { items } = await this.#client.passings.listBySession(this.#token, { first: this.next }, options);
      return items.reduce((highest, { num_passing }) => Math.max(highest, num_passing), -1);
    } catch (error) {
      if (error instanceof NotFoundError && says(error, /^passings not found/i)) return -1;
      throw error;
    }
  }
}
