import type { RufusClient } from '../client.js';
import { descriptionOf } from '../core/envelope.js';
import { AuthenticationError, NotFoundError, PermissionDeniedError } from '../core/errors.js';
import { shorten } from '../core/redact.js';
import type { RequestOptions } from '../types.js';
import { bootId } from './disk/lock.js';
import { dispositionOfError, says, type Unsettled } from './disposition.js';
import { NumberingUnknownError } from './errors.js';
import type { BoundSession } from './folder-device.js';
import type { Entry, Journal } from './journal.js';
import type { OutboxEvents } from './types.js';

/** A folder with a history opens within this, whatever the network does. */
export const OPEN_WITHIN_MS = 3_000;
/** Of that, kept for what is written down once nobody has answered: a card may take so long. */
const WRITING_MS = 400;

/** More than a device reads in a year of races: nobody has given a number so far ahead. */
const SKIP = 1_000_000;

export type Skip = OutboxEvents['numbersSkipped'][0];

export interface SessionChoice {
  readonly client: RufusClient;
  readonly journal: Journal;
  readonly wanted: BoundSession;
  /** The folder's last session will do, if it is of the device. */
  readonly resume: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that a folder with a history may take. Default 3,000. */
  readonly withinMs?: number | undefined;
  readonly skipped: (skip: Skip) => void;
  /** Makes a new session of the device the current one. */
  readonly create: (device: { deviceid: string; alias?: string | undefined }) => Promise<void>;
}

/**
 * Makes the session that is wanted the current one, its next number known.
 *
 * @throws NumberingUnknownError
 */
export async function selectSession(choice: SessionChoice): Promise<void> {
  const { client, journal, wanted, resume, signal, create } = choice;
  if ('token_session' in wanted) {
    const token = successor(journal, wanted.token_session);
    const startAt = token === wanted.token_session ? wanted.startAt : undefined;
    if (isKnown(journal, token)) await carryOn(choice, token, { startAt });
    else await journal.startSession(token, startAt ?? (await learnNext(client, token, 'token', { signal })));
  } else {
    const { deviceid, open } = wanted;
    if (resume && open === 'active-or-new' && isSessionOf(journal, deviceid)) {
      await carryOn(choice, journal.session!, { deviceid });
    } else {
      const active = open === 'new' ? null : await activeSession(client, deviceid, { signal });
      if (active === null) await create(wanted);
      else if (isKnown(journal, active)) await carryOn(choice, active, { deviceid });
      else await journal.startSession(active, await learnNext(client, active, 'device', { signal }), deviceid);
    }
  }
  if (journal.suspect) await journal.adopt();
}

/** Where the folder is damaged, a session that it says nothing of may be one that it has lost. */
const isKnown = (journal: Journal, token: string): boolean =>
  journal.suspect || journal.nextNumber(token) !== undefined;

/** Damage may have taken the device with it: one folder is of one device. */
function isSessionOf({ session, deviceid: current, suspect }: Journal, deviceid: string): boolean {
  return session !== null && (current === deviceid || (suspect && current === null));
}

/** What a session was replaced by, and that in turn. */
function successor(journal: Journal, token: string): string {
  const next = journal.replacedBy(token);
  return next === undefined ? token : successor(journal, next);
}

async function activeSession(client: RufusClient, deviceid: string, options: RequestOptions): Promise<string | null> {
  try {
    return (await client.sessions.getActive(deviceid, options))?.token_session ?? null;
  } catch (cause) {
    throw new NumberingUnknownError(
      `The active session of device ${shorten(deviceid)} cannot be asked for. ${advice(cause, 'device')}`,
      {
        cause,
      },
    );
  }
}

export async function createSession(
  client: RufusClient,
  { deviceid, alias }: { deviceid: string; alias?: string | undefined },
  options?: RequestOptions,
): Promise<string> {
  const { token_session } = await client.sessions.create({ deviceid, ...(alias !== undefined && { alias }) }, options);
  return token_session;
}

/** A session that the folder knows, or may have known. */
async function carryOn(
  choice: SessionChoice,
  token: string,
  { deviceid, startAt = 0 }: { deviceid?: string | undefined; startAt?: number | undefined },
): Promise<void> {
  const { journal, skipped } = choice;
  const known = journal.nextNumber(token) ?? 1;
  const { next, why, isSure } = await compare(choice, token, known);
  const device = deviceid ?? (token === journal.session ? (journal.deviceid ?? undefined) : undefined);
  const to = Math.max(next, startAt);
  if (token !== journal.session || device !== (journal.deviceid ?? undefined) || to > known) {
    await journal.startSession(token, to, device);
  }
  // What was skipped before, and not confirmed since, was not sent either.
  if (!isSure && journal.unconfirmedFrom(token) === undefined) await journal.setUnconfirmed(token, to);
  if (next > known) skipped({ token_session: token, from: known, to, why });
}

interface Compared {
  readonly next: number;
  readonly why: unknown;
  /** Not where it is only far away from all that is known, nor where a power cut may have taken what was given last. */
  readonly isSure: boolean;
}

/** An old copy of a folder, put back, is behind the server: going on with its numbers would lose every passing. */
async function compare(
  { client, journal, signal, withinMs = OPEN_WITHIN_MS }: SessionChoice,
  token: string,
  known: number,
): Promise<Compared> {
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
      return { next: known, why: cause, isSure: isNobodysToTell(cause) || !(await wasRebooted(journal)) };
    }
    return { next: search.next + SKIP, why: cause, isSure: false };
  }
}

/** A process that was killed loses nothing. A disk that only says that it has synced does, when the power goes, and nothing in the folder shows it. */
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
  /** They have other numbers now: read again. */
  | { readonly do: 'skipped'; readonly skip: Skip }
  | Unsettled;

export interface ToConfirm {
  readonly client: RufusClient;
  readonly journal: Journal;
  /** The first pending passing whose number is not confirmed. */
  readonly first: Entry;
  readonly signal: AbortSignal;
}

/** Asks the server whether it has any of the numbers that were given without it; if so, what is pending gets others. */
export async function confirmNumbers({ client, journal, first, signal }: ToConfirm): Promise<Confirmed> {
  const { token_session, num_passing: from } = first;
  const search = new Search(client, token_session, journal.unconfirmedFrom(token_session)!);
  let next: number;
  try {
    next = await search.end({ signal, retry: false });
  } catch (error) {
    if (!isNobodysToTell(error)) return dispositionOfError(error);
    next = search.next;
  }
  if (next <= from) {
    await journal.setUnconfirmed(token_session, null);
    return { do: 'send' };
  }
  const to = await journal.renumber(first, next);
  return { do: 'skipped', skip: { token_session, from, to, why: serverHas(token_session, next - 1) } };
}

/** A key that may not read will never learn it, and of a session that does not exist there is nothing to be learned. */
function isNobodysToTell(error: unknown): boolean {
  return (
    error instanceof PermissionDeniedError || (error instanceof NotFoundError && says(error, /^session not found/i))
  );
}

/** A session that the folder knows nothing of. */
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

/** What helps, as far as the mode has it. */
function advice(cause: unknown, mode: 'token' | 'device'): string {
  const rest = 'Nothing was sent; see `cause`.';
  const otherwise = mode === 'token' ? ', or pass `startAt`' : ", or use `open: 'new'`";
  if (cause instanceof AuthenticationError) return `The API key is refused: check it. ${rest}`;
  if (cause instanceof PermissionDeniedError) return `Use a key that exists and may read${otherwise}. ${rest}`;
  if (cause instanceof NotFoundError)
    return `Check the ${mode === 'token' ? 'token and the base URL' : 'deviceid'}. ${rest}`;
  return `Open it again once the API answers${mode === 'token' ? otherwise : ''}. ${rest}`;
}

/** Looks for the first number from which on the server has none: by number, never by page, for a page may be any part of a range. */
class Search {
  readonly #client: RufusClient;
  readonly #token: string;
  /** Below this there may be numbers that are taken. */
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
      if (error instanceof NotFoundError && /^passings not found/i.test(descriptionOf(error.body) ?? '')) return -1;
      throw error;
    }
  }
}
