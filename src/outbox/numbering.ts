import type { RufusClient } from '../client.js';
import { descriptionOf } from '../core/envelope.js';
import { NotFoundError, PermissionDeniedError } from '../core/errors.js';
import { shorten } from '../core/redact.js';
import type { RequestOptions } from '../types.js';
import { NumberingUnknownError } from './errors.js';
import type { Journal } from './journal.js';
import type { OutboxSession } from './types.js';

/** A folder that knows its numbers is compared with the server if that is quickly done: a box at a finish line opens without network. */
const QUICKLY: RequestOptions = { retry: false, totalTimeoutMs: 3_000 };

export interface SessionChoice {
  readonly client: RufusClient;
  readonly journal: Journal;
  readonly wanted: OutboxSession;
  /** The folder's last session will do, if it is of the device. */
  readonly resume: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Makes a new session of the device the current one. */
  readonly create: (device: { deviceid: string; alias?: string | undefined }) => Promise<void>;
}

/**
 * Makes the session that is wanted the current one, its next number known.
 *
 * @throws NumberingUnknownError
 */
export async function settleSession({ client, journal, wanted, resume, signal, create }: SessionChoice): Promise<void> {
  if ('token_session' in wanted) {
    const token = successor(journal, wanted.token_session);
    if (journal.nextNumber(token) !== undefined) await carryOn(client, journal, token, { signal });
    else await journal.startSession(token, wanted.startAt ?? (await learnNext(client, token, { signal })));
  } else {
    const { deviceid, open } = wanted;
    const { session } = journal;
    if (resume && open === 'active-or-new' && session !== null && journal.deviceid === deviceid) {
      await carryOn(client, journal, session, { deviceid, signal });
    } else {
      const active = open === 'new' ? null : await activeSession(client, deviceid, { signal });
      if (active === null) await create(wanted);
      else if (journal.nextNumber(active) !== undefined) await carryOn(client, journal, active, { deviceid, signal });
      else await journal.startSession(active, await learnNext(client, active, { signal }), deviceid);
    }
  }
  if (journal.suspect) await journal.adopt();
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
    throw new NumberingUnknownError(`The active session of device ${shorten(deviceid)} cannot be asked for.${HINT}`, {
      cause,
    });
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

/** A session that the folder knows. */
async function carryOn(
  client: RufusClient,
  journal: Journal,
  token: string,
  { deviceid, signal }: { deviceid?: string | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const known = journal.nextNumber(token)!;
  const next = await compare(client, journal, token, known, signal);
  const device = deviceid ?? (token === journal.session ? (journal.deviceid ?? undefined) : undefined);
  if (token !== journal.session || device !== (journal.deviceid ?? undefined) || next > known) {
    await journal.startSession(token, next, device);
  }
}

/** An old copy of a folder, put back, is behind the server: going on with its numbers would lose every passing. */
async function compare(
  client: RufusClient,
  journal: Journal,
  token: string,
  known: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const search = new Search(client, token, known);
  try {
    return await search.end(journal.suspect ? { signal } : { ...QUICKLY, signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const behind = search.next > known;
    const nobodyCanTell = !behind && cause instanceof PermissionDeniedError;
    if (!behind && (!journal.suspect || nobodyCanTell)) return known;
    throw new NumberingUnknownError(
      `The folder ${behind ? 'is behind the server' : 'looks like an old copy'}, and the next number of session ${shorten(token)} cannot be read.${HINT}`,
      { cause },
    );
  }
}

/** A session that the folder knows nothing of. */
async function learnNext(client: RufusClient, token: string, options: RequestOptions): Promise<number> {
  try {
    const { passings } = await client.sessions.get(token, options);
    const next = await new Search(client, token, Math.max(0, passings ?? 0)).end(options);
    return Math.max(1, next);
  } catch (cause) {
    throw new NumberingUnknownError(
      `The next number of session ${shorten(token)} is not known to this folder and cannot be read.${HINT}`,
      {
        cause,
      },
    );
  }
}

const HINT = ' See `cause`. Nothing was sent; pass `startAt`, or a key that may read.';

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
