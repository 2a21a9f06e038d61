import type { RufusClient } from '../client.js';
import { RufusError } from '../core/errors.js';
import type { RequestOptions } from '../types.js';
import type { OutboxContext } from './context.js';
import type { Entry, Leaving } from './journal.js';

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
  readonly #context: OutboxContext;
  /** Created, but not yet recorded as the replacement. */
  readonly #created = new Map<string, string>();
  #askedAt: number;

  constructor(context: OutboxContext) {
    this.#context = context;
    this.#askedAt = context.clock.mono();
  }

  /** Set where a request of our own may have closed this session: the replacement that it was to create. */
  leaving(token_session: string): Leaving | undefined {
    const { leaving } = this.#context.journal;
    return leaving?.session === token_session ? leaving : undefined;
  }

  /** The new session is created, and not recorded yet. */
  owes(token_session: string): boolean {
    return this.#created.has(token_session);
  }

  /** Creating a session closes the open one of the same device, and of no other. */
  closesCurrent({ deviceid }: Device): boolean {
    const { session, deviceid: current } = this.#context.journal;
    return session !== null && (current === null || current === deviceid);
  }

  /** Creates a session and makes it the current one. Only where that closes no session that is still needed. */
  async startBeside(device: Device, options?: RequestOptions): Promise<void> {
    const { client, journal } = this.#context;
    await journal.startSession(await createSession(client, device, options), 1, device.deviceid);
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
    await this.#context.journal.replaceSession({ from, to, first: await first(), base: 1, deviceid });
    this.#created.delete(from);
    return { to };
  }

  /** The session has taken passings. When no request of ours can close it any more, it will not be replaced. */
  async delivered(token_session: string): Promise<void> {
    const { clock, journal } = this.#context;
    if (this.leaving(token_session) === undefined || clock.mono() - this.#askedAt < CREATION_ENDS_MS) return;
    // Where the disk fails, the next delivery tries again.
    await journal.leave(null).catch(() => undefined);
  }

  async #create(leaving: Leaving, options: RequestOptions | undefined): Promise<{ to: string } | { failure: unknown }> {
    const { client, journal, clock } = this.#context;
    const isNew = this.leaving(leaving.session) === undefined;
    await journal.leave(leaving);
    try {
      return { to: await createSession(client, leaving, options) };
    } catch (failure) {
      const isCertain = failure instanceof RufusError && !failure.requestMaybeProcessed;
      if (isNew && isCertain) await journal.leave(null);
      return { failure };
    } finally {
      this.#askedAt = clock.mono();
    }
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
