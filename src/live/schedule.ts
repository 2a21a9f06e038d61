import { RufusConfigError } from '../core/errors.js';
import { asInteger, checkedOptions } from '../core/options.js';
import { exponentialDelay, jittered } from '../core/retry.js';
import type { FollowOptions } from '../types.js';

/** A poll that brings this many is followed by the next at once: there is more to catch up with. */
export const CATCHING_UP = 500;
// Passings come with gaps: the pause grows only after a few empty polls.
const EMPTY_POLLS = 3;

export interface PollMs {
  readonly min: number;
  readonly max: number;
}

const DEFAULT_POLL: PollMs = { min: 500, max: 5_000 };

/** Where only one end is given, the default of the other is adapted to it. */
export function resolvePollMs(pollMs: NonNullable<FollowOptions['pollMs']>): PollMs {
  const { min, max } = checkedOptions('pollMs', pollMs, { min: true, max: true });
  if (min !== undefined) asInteger('pollMs.min', min, 0);
  if (max !== undefined) asInteger('pollMs.max', max, 0);
  const resolved = {
    min: min ?? Math.min(DEFAULT_POLL.min, max ?? DEFAULT_POLL.min),
    max: max ?? Math.max(DEFAULT_POLL.max, min ?? DEFAULT_POLL.max),
  };
  if (resolved.min <= resolved.max) return resolved;
  throw new RufusConfigError('`pollMs.min` must not exceed `pollMs.max`.');
}

/** How long to wait, in milliseconds. */
export class Schedule {
  readonly #pollMs: PollMs;
  #empty = 0;
  #failed = 0;

  constructor(pollMs: PollMs) {
    this.#pollMs = pollMs;
  }

  /** From a poll's answer to the next poll: `min` while passings come, growing to `max` while none do. */
  afterPoll(brought: number): number {
    this.#empty = brought > 0 ? 0 : this.#empty + 1;
    return brought >= CATCHING_UP ? 0 : this.#grown(this.#empty - EMPTY_POLLS);
  }

  /** With jitter, so that many followers do not come back at the same moment. */
  afterFailure(): number {
    return jittered(this.#grown(this.#failed++), 0.5);
  }

  succeeded(): void {
    this.#failed = 0;
  }

  #grown(doublings: number): number {
    const { min, max } = this.#pollMs;
    return doublings <= 0 ? min : exponentialDelay(Math.max(min, 1), max, doublings);
  }
}
