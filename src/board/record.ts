import type { FollowBatch, FollowCursor, Passing } from 'rufus-client';

/** A passing as the board keeps it. */
export type Row = readonly [num_passing: number, timestamp: string, bib: string, chip: string | null];

/** A batch of a device, and where its follower stands after it. Also a line of the state file. */
export interface BatchRecord {
  readonly deviceid: string;
  readonly cursor: FollowCursor;
  /** When the board that took it had started, in milliseconds since 1970: nobody knows how long an older crossing took to arrive. */
  readonly from: number;
  /** When it arrived, likewise. */
  readonly at: number;
  /** Its passings came after higher numbers of their session. */
  readonly late: boolean;
  readonly rows: readonly Row[];
}

const LONGEST = 256;

export function recordOf(deviceid: string, batch: FollowBatch, from: number, at: number): BatchRecord {
  const { passings, cursor, late } = batch;
  return { deviceid, cursor, from, at, late, rows: passings.map(rowOf) };
}

function rowOf({ num_passing, timestamp, bib, chip }: Passing): Row {
  return [num_passing, text(timestamp), text(bib), chip === null || chip === undefined ? null : text(chip)];
}

/** In tolerant mode an answer's fields may be anything; what is kept of them is text of bounded length. */
export function text(value: unknown): string {
  const whole = value === null || value === undefined ? '' : String(value);
  if (whole.length <= LONGEST) return whole;
  // Not half of a surrogate pair.
  return `${whole.slice(0, LONGEST - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The first characters of a session's token: enough to tell two apart. */
export const shortToken = (token_session: string): string => token_session.slice(0, 8);
