import type { RufusClient } from '../client.js';
import { RufusError } from '../core/errors.js';
import type { RequestOptions } from '../types.js';
import type { Clock } from './clock.js';
import type { Entry, Journal, Leaving } from './journal.js';
import { createSession } from './numbering.js';

/** So long after it was asked for, a session that nobody has confirmed will not be created any more. */
const CREATION_ENDS_MS = 60_000;

interface Device {
  readonly deviceid: string;
  readonly alias?: string | undefined;
}

export interface ReplacementRequest extends Leaving {
  /** The first pending passing, asked for once the new session is there; null if nothing is pending then. */
  readonly first: () => Promise<Entry | null>;
  readonly options?: RequestOptions | undefined;
}

/**
 * Puts a new session of the device in the place of one. Creating it closes the old one on the server and cannot be repeated, so
 * that it is noted down before: whatever kills the process, or hides the answer, what the old session then refuses goes to
 * a new one instead of being parked.
 *
 *   leave (durable)  ->  create (network)  ->  replace (durable)
 */
export class Replacements {
  readonly #client: RufusClient;
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** Created, but not yet recorded as the replacement. */
  readonly #created = new Map<string, string>();
  /** What the log says, or is about to. */
  #leaving: Leaving | null;
  #askedAt: number;

  constructor(client: RufusClient, journal: Journal, clock: Clock) {
    this.#client = client;
    this.#journal = journal;
    this.#clock = clock;
    this.#leaving = journal.leaving;
    this.#askedAt = clock.mono();
  }

  /** Set where this session may have been closed by a request of our own: what was to come after it. */
  leaving(token_session: string): Leaving | undefined {
    return this.#leaving?.session === token_session ? this.#leaving : undefined;
  }

  /** The new session is there, and only the disk does not know it yet. */
  owes(token_session: string): boolean {
    return this.#created.has(token_session);
  }

  /** Creating a session closes the open one of the same device, and of no other. */
  closesCurrent({ deviceid }: Device): boolean {
    const { session, deviceid: current } = this.#journal;
    return session !== null && (current === null || current === deviceid);
  }

  /** Creates a session and makes it the current one, where that closes nothing that is still needed. */
  async startBeside(device: Device, options?: RequestOptions): Promise<void> {
    await this.#journal.startSession(await createSession(this.#client, device, options), 1, device.deviceid);
  }

  /**
   * Resolves with the new session, which is the current one then, or with what creating it failed with; rejects where the disk
   * refuses. May be called again after either: it goes on where it stopped.
   */
  async replace({
    session: from,
    deviceid,
    alias,
    first,
    options,
  }: ReplacementRequest): Promise<{ to: string } | { failure: unknown }> {
    const leaving: Leaving = { session: from, deviceid, alias };
    if (!this.#created.has(from)) {
      const created = await this.#create(leaving, options);
      if ('failure' in created) return created;
      this.#created.set(from, created.to);
    }
    const to = this.#created.get(from)!;
    await this.#journal.replaceSession({ from, to, first: await first(), base: 1, deviceid });
    this.#created.delete(from);
    if (this.#leaving?.session === from) this.#leaving = null;
    return { to };
  }

  /** The session has taken passings: once no request of ours can close it any more, it was not closed by one. */
  async delivered(token_session: string): Promise<void> {
    if (this.leaving(token_session) === undefined || this.#clock.mono() - this.#askedAt < CREATION_ENDS_MS) return;
    // Where the disk refuses, the next delivery will do.
    await this.#note(null).catch(() => undefined);
  }

  async #create(leaving: Leaving, options: RequestOptions | undefined): Promise<{ to: string } | { failure: unknown }> {
    const isNew = this.leaving(leaving.session) === undefined;
    await this.#note(leaving);
    try {
      return { to: await createSession(this.#client, leaving, options) };
    } catch (failure) {
      const isCertain = failure instanceof RufusError && !failure.requestMaybeProcessed;
      if (isNew && isCertain) await this.#note(null);
      return { failure };
    } finally {
      this.#askedAt = this.#clock.mono();
    }
  }

  async #note(leaving: Leaving | null): Promise<void> {
    await this.#journal.leave(leaving);
    this.#leaving = leaving;
  }
}
