import type { RufusClient } from '../client.js';
import { RufusError } from '../core/errors.js';
import type { RequestOptions } from '../types.js';
import type { Clock } from './clock.js';
import type { Entry, Journal, Leaving } from './journal.js';

/** A request that got no answer within this time will not create a session any more. */
const CREATION_ENDS_MS = 60_000;

interface Device {
  readonly deviceid: string;
  readonly alias?: string | undefined;
}

export interface ReplacementRequest extends Leaving {
  /** Reads the first pending passing, once the new session is created; null if nothing is pending. */
  readonly first: () => Promise<Entry | null>;
  readonly options?: RequestOptions | undefined;
}

/**
 * Replaces a session by a new one of the device. Creating it closes the old one on the server and cannot be repeated. So the intent is
 * stored before: after a kill, or without an answer, what the old session refuses goes to a new one instead of being parked.
 *
 *   leave (durable)  ->  create (network)  ->  replace (durable)
 */
export class Replacements {
  readonly #client: RufusClient;
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** Created, but not yet recorded as the replacement. */
  readonly #created = new Map<string, string>();
  /** As in the log. */
  #leaving: Leaving | null;
  #askedAt: number;

  constructor(client: RufusClient, journal: Journal, clock: Clock) {
    this.#client = client;
    this.#journal = journal;
    this.#clock = clock;
    this.#leaving = journal.leaving;
    this.#askedAt = clock.mono();
  }

  /** Set where a request of our own may have closed this session: the replacement that it was to create. */
  leaving(token_session: string): Leaving | undefined {
    return this.#leaving?.session === token_session ? this.#leaving : undefined;
  }

  /** The new session is created, and not recorded yet. */
  owes(token_session: string): boolean {
    return this.#created.has(token_session);
  }

  /** Creating a session closes the open one of the same device, and of no other. */
  closesCurrent({ deviceid }: Device): boolean {
    const { session, deviceid: current } = this.#journal;
    return session !== null && (current === null || current === deviceid);
  }

  /** Creates a session and makes it the current one. Only where that closes no session that is still needed. */
  async startBeside(device: Device, options?: RequestOptions): Promise<void> {
    await this.#journal.startSession(await createSession(this.#client, device, options), 1, device.deviceid);
  }

  /**
   * Resolves with the new session, which is the current one then, or with the error of creating it; rejects where the disk fails.
   * May be called again after a failure: it continues where it stopped.
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

  /** The session has taken passings. When no request of ours can close it any more, it will not be replaced. */
  async delivered(token_session: string): Promise<void> {
    if (this.leaving(token_session) === undefined || this.#clock.mono() - this.#askedAt < CREATION_ENDS_MS) return;
    // Where the disk fails, the next delivery tries again.
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

export async function createSession(
  client: RufusClient,
  { deviceid, alias }: Device,
  options?: RequestOptions,
): Promise<string> {
  const device = { deviceid, ...(alias !== undefined && { alias }) };
  return (await client.sessions.create(device, options)).token_session;
}
