import {
  AuthenticationError,
  PermissionDeniedError,
  RateLimitError,
  RufusAPIError,
  RufusConnectionError,
  RufusResponseValidationError,
} from 'rufus-client';
import type { DeviceStatus, Link, LinkState } from './wire.js';

export type Follow = DeviceStatus['follow'];

/** What an error says about the link. `ended`: RUFUS answers, and does not want this device, this session, this request. */
export function linkAfter(error: unknown): Follow['state'] {
  if (error instanceof AuthenticationError || error instanceof PermissionDeniedError) return 'refused';
  const isOutage =
    error instanceof RufusConnectionError ||
    error instanceof RufusResponseValidationError ||
    error instanceof RateLimitError ||
    (error instanceof RufusAPIError && (error.status === 408 || error.status === 425 || error.status >= 500));
  return isOutage ? 'outage' : 'ended';
}

const WORST_FIRST: readonly LinkState[] = ['refused', 'outage'];

/** How each of the followers stands with RUFUS, and what that comes to. */
export class Links {
  readonly #byDevice = new Map<string, Follow>();
  #liveSince: string;

  constructor(since: Date) {
    this.#liveSince = since.toISOString();
  }

  of(key: string): Follow {
    return this.#byDevice.get(key) ?? { state: 'live', since: this.#liveSince, reason: null };
  }

  /** `false` where that is nothing new. */
  set(key: string, state: Follow['state'], since: Date, reason: string | null = null): boolean {
    const before = this.#byDevice.get(key);
    if (before?.state === state && before.reason === reason) return false;
    const stateBefore: LinkState = this.total.state;
    // It began when it began, whatever else is learnt about it.
    this.#byDevice.set(key, { state, since: before?.state === state ? before.since : since.toISOString(), reason });
    if (stateBefore !== 'live' && this.total.state === 'live') this.#liveSince = since.toISOString();
    return true;
  }

  /** The worst of them, since the first of those that are so. */
  get total(): Link {
    for (const state of WORST_FIRST) {
      const since = [...this.#byDevice.values()].filter((follow) => follow.state === state).map((each) => each.since);
      if (since.length > 0) return { state, since: since.sort()[0]! };
    }
    return { state: 'live', since: this.#liveSince };
  }
}
