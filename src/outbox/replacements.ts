import type { RufusClient } from '../client.js';
import { NotFoundError, PermissionDeniedError, RufusError } from '../core/errors.js';
import { shorten } from '../core/redact.js';
import type { RequestOptions } from '../types.js';
import type { OutboxContext } from './context.js';
import { dispositionOfError, type Unsettled } from './disposition.js';
import { SessionClosedError } from './errors.js';
import type { Entry, Leaving } from './journal.js';

/** A request that got no answer within this time will not create a session any more. */
const CREATION_ENDS_MS = 60_000;

/** More sessions closed by somebody else within the window mean that another process opens sessions for this device. */
const MOST = 3;
const WINDOW_MS = 10 * 60_000;

export interface Device {
  readonly deviceid: string;
  readonly alias?: string | undefined;
}

/** Reads the first pending passing; null if nothing is pending. */
export type ReadFirst = () => Promise<Entry | null>;

type Created = { readonly to: string } | { readonly failure: unknown };

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
  /** Monotonic times at which sessions were replaced that somebody else had closed. */
  #replacedAt: number[] = [];

  constructor(context: OutboxContext) {
    this.#context = context;
    this.#askedAt = context.clock.mono();
  }

  /** The new session is created, and not recorded yet. */
  hasUnrecorded(token_session: string): boolean {
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

  /** Creates a session and makes it the current one, in place of the session that this closes. True if there is one. */
  async start(device: Device, readFirst: ReadFirst, options?: RequestOptions): Promise<boolean> {
    if (!this.closesCurrent(device)) {
      await this.startBeside(device, options);
      return false;
    }
    const { deviceid, alias } = device;
    const session = this.#context.journal.session!;
    const replaced = await this.#replace({ session, deviceid, alias }, readFirst, options);
    if ('failure' in replaced) throw replaced.failure;
    return true;
  }

  /** Replaces the current session, which is closed. Resolves with the failure, or null. */
  async replaceClosed(first: Entry, cause: unknown, signal: AbortSignal): Promise<Unsettled | null> {
    const { journal, settings, clock } = this.#context;
    const session = first.token_session;
    const now = clock.mono();
    this.#replacedAt = this.#replacedAt.filter((at) => now - at < WINDOW_MS);
    if (this.#replacedAt.length >= MOST) {
      return block(
        `Session ${shorten(session)} was closed by somebody else, like the ${MOST} before it. Does another process open sessions for this device?`,
        cause,
      );
    }
    const leaving = this.#leaving(session);
    let deviceid = leaving?.deviceid ?? journal.deviceid;
    try {
      deviceid ??= await this.#deviceOf(session, signal);
    } catch (error) {
      return dispositionOfError(error);
    }
    if (deviceid === null) {
      return block(
        `Session ${shorten(session)} is closed, and its device is not known, so that no other can be opened. Open the outbox with \`session: { deviceid, open }\`.`,
        cause,
      );
    }
    // The alias in the options: a later change of it on the server is not known here.
    const alias = leaving === undefined && 'alias' in settings.session ? settings.session.alias : leaving?.alias;
    const options = { signal, retry: false } as const;
    const replaced = await this.#replace({ session, deviceid, alias }, async () => first, options);
    if ('failure' in replaced) return dispositionOfError(replaced.failure);
    this.#replacedAt.push(now);
    return null;
  }

  /** The operator has resumed: the count of replacements starts anew. */
  resetLimit(): void {
    this.#replacedAt = [];
  }

  /** The session has taken passings. When no request of ours can close it any more, it will not be replaced. */
  async delivered(token_session: string): Promise<void> {
    const { clock, journal } = this.#context;
    if (this.#leaving(token_session) === undefined || clock.mono() - this.#askedAt < CREATION_ENDS_MS) return;
    // Where the disk fails, the next delivery tries again.
    await journal.leave(null).catch(() => undefined);
  }

  /** Set where a request of our own may have closed this session: the replacement that it was to create. */
  #leaving(token_session: string): Leaving | undefined {
    const { leaving } = this.#context.journal;
    return leaving?.session === token_session ? leaving : undefined;
  }

  /** Fails where the session is not created; rejects where the disk fails. May be called again then: it continues where it stopped. */
  async #replace(leaving: Leaving, readFirst: ReadFirst, options: RequestOptions | undefined): Promise<Created> {
    const { session: from, deviceid } = leaving;
    const known = this.#created.get(from);
    const created = known === undefined ? await this.#create(leaving, options) : { to: known };
    if ('failure' in created) return created;
    const { to } = created;
    this.#created.set(from, to);
    await this.#context.journal.replaceSession({ from, to, first: await readFirst(), base: 1, deviceid });
    this.#created.delete(from);
    return created;
  }

  async #create(leaving: Leaving, options: RequestOptions | undefined): Promise<Created> {
    const { client, journal, clock } = this.#context;
    const isNew = this.#leaving(leaving.session) === undefined;
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

export async function createSession(
  client: RufusClient,
  { deviceid, alias }: Device,
  options?: RequestOptions,
): Promise<string> {
  const device = { deviceid, ...(alias !== undefined && { alias }) };
  return (await client.sessions.create(device, options)).token_session;
}

function block(message: string, cause: unknown): Unsettled {
  return { do: 'block', cause: new SessionClosedError(message, { cause }), maybeStored: false };
}
