import type { Passing } from './records.js';

/** Where a follower stands: the last passing it has delivered. Plain JSON, for the user to store. */
export interface FollowCursor {
  token_session: string;
  last: number;
  holes?: readonly (readonly [number, number])[];
}
export interface FollowOptions {
  /** Resume after this. Default: from the first passing of the newest session. */
  cursor?: FollowCursor | null | undefined;
  signal?: AbortSignal | undefined;
  /** Pause after an empty poll: grows from min to max while nothing comes. Default { min: 500, max: 5_000 }. */
  pollMs?: { min?: number | undefined; max?: number | undefined } | undefined;
  /** How long a missing num_passing is looked for before it is given up. Default 120_000. */
  holeTimeoutMs?: number | undefined;
}
export interface FollowBatch {
  passings: readonly Passing[];
  token_session: string;
  session_alias: string | null;
  /** These fill holes: they came after higher numbers of the same session. */
  late: boolean;
  /** Store it once the batch is processed; pass it back as `cursor` after a restart. */
  cursor: FollowCursor;
}
