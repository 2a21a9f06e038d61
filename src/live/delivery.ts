import type { FollowBatch, Passing } from '../types.js';
import type { Position } from './position.js';

/** What is new of these rows, the late ones by themselves. Returns how many that were. */
export function* deliver(position: Position, rows: readonly Passing[]): Generator<FollowBatch, number, void> {
  const fresh = position.advance(rows, performance.now());
  if (fresh.length > 0) yield batchOf(position, fresh, false);
  // Only now: the cursor of the batch before must not count as delivered what is in this one.
  const late = position.fill(rows);
  if (late.length > 0) yield batchOf(position, late, true);
  return fresh.length + late.length;
}

function batchOf(position: Position, passings: readonly Passing[], late: boolean): FollowBatch {
  const { token_session, alias: session_alias, cursor } = position;
  return { passings, token_session, session_alias, late, cursor };
}
