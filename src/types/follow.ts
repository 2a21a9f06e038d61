import type { RufusError } from '../core/errors.js';
import type { Passing } from './records.js';

/** Where a follower stands: the last passing it has delivered. Plain JSON, for the user to store. */
export interface FollowCursor {
  /** The session of that passing. As secret as the session itself. */
  token_session: string;
  /** The highest `num_passing` delivered of it, at least 0. A cursor comes with a batch, so there always is one. */
  last: number;
  /** Ranges of numbers below `last` that have not come yet and are still looked for, both ends included, ascending. */
  holes?: readonly (readonly [number, number])[];
}

/** How to follow a device. */
export interface FollowOptions {
  /** Resume after this. Default: from the first passing of the newest session. */
  cursor?: FollowCursor | null | undefined;
  /** Ends the loop with a RufusAbortError, within 100 ms, whatever it is doing. */
  signal?: AbortSignal | undefined;
  /**
   * The pause from one poll to the next: none after a poll that brought 500 or more. Default { min: 500, max: 5_000 }; where only
   * one is given, the other's default gives way to it.
   */
  pollMs?:
    | {
        /** Milliseconds while passings come. A whole number of at least 0, at most `max`. Default 500. */
        min?: number | undefined;
        /** Milliseconds that the pause grows to while nothing comes, doubling. A whole number of at least `min`. Default 5_000. */
        max?: number | undefined;
      }
    | undefined;
  /**
   * How long a missing `num_passing` is looked for before it is given up, in whole milliseconds, counted anew after a
   * restart; `Infinity` for as long as the session is followed. Default 120_000. Beyond 10,000 holes at a time the oldest go first.
   */
  holeTimeoutMs?: number | undefined;
  /**
   * Told when the API stops answering usably, and when it does again: once each. A listener that throws disturbs nothing.
   * Not told of what ends the loop, a refused key (401, 403) above all: the loop throws it. A request counts as unanswered after the client's `timeoutMs`.
   *
   * @example
   * onState: ({ state, since }) => console.log(state, since.toISOString())
   */
  onState?: ((state: FollowState) => void) | undefined;
}

/** Whether the API answers usably, as `onState` of {@link FollowOptions} is told. */
export interface FollowState {
  /** `outage`: no usable answer (network, 408, 425, 429, 5xx, a captive portal's HTML); follow keeps asking. */
  readonly state: 'live' | 'outage';
  /** An outage counts from the moment its first unanswered request left, `live` from the answer that ended it. */
  readonly since: Date;
  /** What the first failure of the outage was; null when `live`. */
  readonly cause: RufusError | null;
}

/** Some passings of one session, and where the follower stands once they are processed. */
export interface FollowBatch {
  /** At least one, by `num_passing`, each number once. */
  passings: readonly Passing[];
  /** The session of all its passings. */
  token_session: string;
  /** The name of that session; null without one. */
  session_alias: string | null;
  /** These fill holes: they came after higher numbers of the same session. */
  late: boolean;
  /** Store it once the batch is processed; pass it back as `cursor` after a restart. */
  cursor: FollowCursor;
}

/** Where a follower of several devices stands: a cursor for each, by deviceid. Plain JSON, for the user to store. */
export type FollowAllCursor = Readonly<Record<string, FollowCursor>>;

/** How to follow several devices. */
export interface FollowAllOptions extends Omit<FollowOptions, 'cursor' | 'onState'> {
  /** Resume after this; a device that it does not know begins with the first passing of its newest session. */
  cursor?: FollowAllCursor | null | undefined;
  /** As `onState` of {@link FollowOptions}, with the device that it is about. */
  onState?: ((deviceid: string, state: FollowState) => void) | undefined;
  /**
   * Told of a device that cannot be followed any more (unknown, refused, a damaged cursor), and why; the others go on. What it throws
   * ends the loop. Without it, such an error ends the loop itself: no device goes missing silently.
   */
  onEnd?: ((deviceid: string, error: RufusError) => void) | undefined;
}

/** A batch of one of several devices. */
export interface FollowAllBatch extends Omit<FollowBatch, 'cursor'> {
  /** Whose passings these are. */
  deviceid: string;
  /** Where all of them stand once it is processed. Store it with what came; pass it back as `cursor` after a restart. */
  cursor: FollowAllCursor;
}
