import type { FollowBatch, FollowCursor, Passing } from '../types.js';
import { Holes } from './holes.js';

const NOTHING = -1;

/** How far a session has been delivered. */
export class Position {
  readonly token_session: string;
  readonly holes = new Holes();
  alias: string | null;
  #last = NOTHING;

  constructor(token_session: string, alias: string | null = null) {
    this.token_session = token_session;
    this.alias = alias;
  }

  /** The position of a stored cursor. The age of its holes counts from `now`. */
  static at({ token_session, last, holes = [] }: FollowCursor, now: number): Position {
    const position = new Position(token_session);
    position.#last = last;
    for (const [first, until] of holes) position.holes.add({ first, last: until, since: now });
    return position;
  }

  /** The highest number delivered; undefined before the first. A session may begin at 0. */
  get last(): number | undefined {
    return this.#last === NOTHING ? undefined : this.#last;
  }

  /** Valid only after something was delivered. */
  get cursor(): FollowCursor {
    const { token_session, holes } = this;
    return { token_session, last: this.#last, ...(!holes.isEmpty && { holes: holes.toJSON() }) };
  }

  /** Moves to the highest of these rows. Returns those beyond the position: in order, each number once. */
  advance(rows: readonly Passing[], now: number): Passing[] {
    const fresh: Passing[] = [];
    for (const row of inOrder(rows)) {
      const { num_passing } = row;
      if (num_passing <= this.#last) continue;
      // Numbering usually begins at 1: a missing 0 is no hole.
      const expected = Math.max(this.#last + 1, 1);
      if (num_passing > expected) this.holes.add({ first: expected, last: num_passing - 1, since: now });
      this.#last = num_passing;
      fresh.push(row);
    }
    return fresh;
  }

  /** Fills holes. Returns the rows that did: in order, each number once. */
  fill(rows: readonly Passing[]): Passing[] {
    return inOrder(rows).filter(({ num_passing }) => this.holes.fill(num_passing));
  }
}

/** The API does not guarantee an order. */
function inOrder(rows: readonly Passing[]): readonly Passing[] {
  return [...rows].sort((a, b) => a.num_passing - b.num_passing);
}

/** The rows that are not delivered yet, late ones in a batch of their own. Returns how many there were. */
export function* deliver(position: Position, rows: readonly Passing[]): Generator<FollowBatch, number, void> {
  const fresh = position.advance(rows, performance.now());
  if (fresh.length > 0) yield batchOf(position, fresh, false);
  // After the yield: the cursor of the batch before must not count these as delivered.
  const late = position.fill(rows);
  if (late.length > 0) yield batchOf(position, late, true);
  return fresh.length + late.length;
}

function batchOf(position: Position, passings: readonly Passing[], late: boolean): FollowBatch {
  const { token_session, alias: session_alias, cursor } = position;
  return { passings, token_session, session_alias, late, cursor };
}
