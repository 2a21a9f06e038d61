import type { FollowBatch, FollowCursor, Passing } from '../types.js';

/** A batch as it lies in the stream: with the cursor of its device, so that the two can only be lost together. */
export interface StoredBatch extends FollowBatch {
  readonly v: 1;
  readonly deviceid: string;
}

/** Parts of a batch that fit into a message, each with the cursor that is true after it. */
export function* partsOf(batch: FollowBatch, fits: (batch: FollowBatch) => boolean): Generator<FollowBatch> {
  const { passings } = batch;
  if (passings.length < 2 || fits(batch)) {
    yield batch;
    return;
  }
  const middle = passings.length >>> 1;
  const first = { ...batch, passings: passings.slice(0, middle) };
  const rest = passings.slice(middle);
  first.cursor = batch.late ? stillMissing(batch.cursor, rest) : upTo(batch.cursor, first.passings.at(-1)!.num_passing);
  yield* partsOf(first, fits);
  yield* partsOf({ ...batch, passings: rest }, fits);
}

/** The numbers above `last` were not delivered yet, nor were their holes found. */
function upTo({ token_session, holes = [] }: FollowCursor, last: number): FollowCursor {
  const below = holes.filter(([first]) => first < last);
  return { token_session, last, ...(below.length > 0 && { holes: below }) };
}

/** Late passings that are not delivered yet are holes. */
function stillMissing({ token_session, last, holes = [] }: FollowCursor, late: readonly Passing[]): FollowCursor {
  const missing = late.map(({ num_passing }): [number, number] => [num_passing, num_passing]);
  const joined: [number, number][] = [];
  for (const [from, to] of [...holes, ...missing].sort(([a], [b]) => a - b)) {
    const before = joined.at(-1);
    if (before !== undefined && before[1] + 1 === from) before[1] = to;
    else joined.push([from, to]);
  }
  return { token_session, last, holes: joined };
}
