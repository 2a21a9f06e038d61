import { NotFoundError, PermissionDeniedError } from '../core/errors.js';
import { shorten } from '../core/redact.js';
import type { Passing } from '../types.js';
import type { OutboxContext } from './context.js';
import { dispositionOfError, isUnsettled, type Rejection, says, send, type Unsettled } from './disposition.js';
import { SessionClosedError } from './errors.js';
import type { Entry } from './journal.js';
import type { Replacements } from './replacements.js';

/** More replacements within the window mean that another process opens sessions for this device. */
const MOST = 3;
const WINDOW_MS = 10 * 60_000;

const NOTHING_THERE = /^(passings|session) not found\b/i;

/** What was done with passings of a closed session. */
export type Left =
  /** The server has so many of the first ones: a request whose answer was lost has stored them. */
  | { readonly do: 'advance'; readonly count: number }
  | { readonly do: 'parked'; readonly status: number; readonly response: string | undefined }
  | { readonly do: 'moved' }
  /** They have new numbers, in another session: read them again. */
  | { readonly do: 'replaced'; readonly by: string }
  | Unsettled;

/** Which sessions the server has refused as closed, and what is done with their passings (`onSessionClosed`). */
export class ClosedSessions {
  readonly #context: OutboxContext;
  readonly #replacements: Replacements;
  readonly #refusals = new Map<string, Rejection>();
  #replacedAt: number[] = [];

  constructor(context: OutboxContext, replacements: Replacements) {
    this.#context = context;
    this.#replacements = replacements;
  }

  has(token: string): boolean {
    return this.#refusals.has(token);
  }

  /** What the session refuses is parked. Not where a request of our own may have closed it. */
  parks(token: string): boolean {
    return this.#context.settings.onSessionClosed === 'park' && this.#replacements.leaving(token) === undefined;
  }

  /** Stores the refusal. True if it is the first one of the session. */
  note(token: string, refusal: Rejection): boolean {
    const news = !this.#refusals.has(token);
    this.#refusals.set(token, refusal);
    return news;
  }

  /** Forgets the refusal: the server is asked again. */
  reopen(token: string): void {
    this.#refusals.delete(token);
  }

  /** The operator has resumed: the count of replacements starts anew. */
  forgive(): void {
    this.#replacedAt = [];
  }

  /** `entries` are the first pending passings, of one closed session. The server may have the first `doubtful` of them. */
  async leave(entries: readonly Entry[], doubtful: number, signal: AbortSignal): Promise<Left> {
    const { journal } = this.#context;
    const token = entries[0]!.token_session;
    const { status, response, cause } = this.#refusals.get(token)!;
    if (doubtful > 0) {
      const stored = await this.#stored(entries.slice(0, doubtful), signal);
      if (stored.do !== 'advance' || stored.count > 0) return stored;
    }
    if (this.parks(token)) {
      await journal.park(entries, { reason: 'session-closed', status, response });
      return { do: 'parked', status, response };
    }
    if (journal.session === token) return this.#replace(entries[0]!, cause, signal);
    await journal.move(entries);
    return { do: 'moved' };
  }

  /** How many of the first of these the server has: a closed session can still be read. Without a key that may read, none are assumed. */
  async #stored(entries: readonly Entry[], signal: AbortSignal): Promise<Left> {
    const first = await this.#readBack(entries, signal);
    if (first !== 'may not read') return first;
    // Either the key may never read, or it is locked out for a while. An insert tells which: a key that is locked out fails there, too.
    const elsewhere = await this.#sendAgain(entries, signal);
    if (elsewhere !== 'let in') return elsewhere;
    const second = await this.#readBack(entries, signal);
    return second === 'may not read' ? { do: 'advance', count: 0 } : second;
  }

  async #readBack(entries: readonly Entry[], signal: AbortSignal): Promise<Left | 'may not read'> {
    const [{ token_session, num_passing: first }] = entries as [Entry];
    const last = entries.at(-1)!.num_passing;
    const there = new Map<number, Passing>();
    try {
      const { passings } = this.#context.client;
      for await (const passing of passings.listBySession(token_session, { first, last }, { signal, retry: false })) {
        there.set(passing.num_passing, passing);
      }
    } catch (error) {
      if (error instanceof PermissionDeniedError) return 'may not read';
      if (!(error instanceof NotFoundError && says(error, NOTHING_THERE))) return dispositionOfError(error);
    }
    const missing = entries.findIndex((entry) => !isSame(entry, there.get(entry.num_passing)));
    return { do: 'advance', count: missing === -1 ? entries.length : missing };
  }

  async #sendAgain(entries: readonly Entry[], signal: AbortSignal): Promise<Left | 'let in'> {
    const { client, journal } = this.#context;
    const disposition = await send(client, entries, signal);
    journal.tally({ requests: 1, retries: 1 });
    if (isUnsettled(disposition)) return disposition;
    if (disposition.do !== 'advance') return 'let in';
    // The session is open again.
    this.reopen(entries[0]!.token_session);
    return { do: 'advance', count: entries.length };
  }

  async #replace(first: Entry, cause: unknown, signal: AbortSignal): Promise<Left> {
    const { journal, settings, clock } = this.#context;
    const from = first.token_session;
    const now = clock.mono();
    this.#replacedAt = this.#replacedAt.filter((at) => now - at < WINDOW_MS);
    if (this.#replacedAt.length >= MOST) {
      return block(
        `Session ${shorten(from)} was closed by somebody else, like the ${MOST} before it. Does another process open sessions for this device?`,
        cause,
      );
    }
    const leaving = this.#replacements.leaving(from);
    let deviceid = leaving?.deviceid ?? journal.deviceid;
    try {
      deviceid ??= await this.#deviceOf(from, signal);
    } catch (error) {
      return dispositionOfError(error);
    }
    if (deviceid === null) {
      return block(
        `Session ${shorten(from)} is closed, and its device is not known, so that no other can be opened. Open the outbox with \`session: { deviceid, open }\`.`,
        cause,
      );
    }
    // The alias in the options: a later change of it on the server is not known here.
    const alias = leaving === undefined && 'alias' in settings.session ? settings.session.alias : leaving?.alias;
    const options = { signal, retry: false } as const;
    const replaced = await this.#replacements.replace({
      session: from,
      deviceid,
      alias,
      first: async () => first,
      options,
    });
    if ('failure' in replaced) return dispositionOfError(replaced.failure);
    this.#replacedAt.push(now);
    return { do: 'replaced', by: replaced.to };
  }

  /** A passing of the session may name the device; the session itself does not. */
  async #deviceOf(token: string, signal: AbortSignal): Promise<string | null> {
    try {
      const { items } = await this.#context.client.passings.listBySession(token, {}, { signal, retry: false });
      return items[0]?.deviceid ?? null;
    } catch (error) {
      if (error instanceof PermissionDeniedError || error instanceof NotFoundError) return null;
      throw error;
    }
  }
}

function isSame({ passing }: Entry, stored: Passing | undefined): boolean {
  return (
    stored !== undefined && stored.bib === passing.bib && Date.parse(stored.timestamp) === Date.parse(passing.timestamp)
  );
}

function block(message: string, cause: unknown): Left {
  return { do: 'block', cause: new SessionClosedError(message, { cause }), maybeStored: false };
}
