import { inspect } from 'node:util';
import { shorten } from '../core/redact.js';
import type { Clock } from './clock.js';
import type { JournalStats } from './journal.js';
import type { OutboxStats } from './types.js';

/**
 * The statistics. `token_session` can be read whole, but is not an own property: a spread lacks it, and JSON and `inspect` show its first
 * characters only, since statistics are logged and served by health endpoints.
 */
class Snapshot {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  get token_session(): string {
    return this.#token;
  }

  toJSON(): object {
    const { state, storage, ...counts } = this as unknown as Omit<OutboxStats, 'token_session'>;
    return { state, storage, token_session: shorten(this.#token), ...counts };
  }

  [inspect.custom](): object {
    return this.toJSON();
  }
}

/** The journal's statistics in their public form. */
export function shownStats(
  stats: JournalStats,
  { state, token_session, lastError }: Pick<OutboxStats, 'state' | 'token_session' | 'lastError'>,
  clock: Clock,
): OutboxStats {
  const { tallies, oldestPendingAt, lastDeliveredAt, storage, diskBytes, ...counts } = stats;
  return Object.assign(new Snapshot(token_session), {
    state,
    storage,
    ...counts,
    ...tallies,
    diskBytes,
    oldestPendingAgeMs: oldestPendingAt === null ? null : Math.max(0, clock.wall() - oldestPendingAt),
    lastDeliveredAt: lastDeliveredAt === null ? null : new Date(lastDeliveredAt).toISOString(),
    lastError,
  });
}
