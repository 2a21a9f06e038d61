import type { FollowCursor, Passing } from '../types.js';
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

  /** Where a stored cursor stands. The clock of its holes starts anew at `now`. */
  static at({ token_session, last, holes = [] }: FollowCursor, now: number): Position {
    const position = new Position(token_session);
    position.#last = last;
    for (const [first, until] of holes) position.holes.add({ first, last: until, since: now });
    return position;
  }

  /** The highest number delivered; undefined where nothing is: a session may begin at 0. */
  get last(): number | undefined {
    return this.#last === NOTHING ? undefined : this.#last;
  }

  /** Only once something is delivered. */
  get cursor(): FollowCursor {
    const { token_session, holes } = this;
    return { token_session, last: this.#last, ...(!holes.isEmpty && { holes: holes.toJSON() }) };
  }

  /** Moves on to the last of these rows. Returns those beyond what is delivered: in order, each number once. */
  advance(rows: readonly Passing[], now: number): Passing[] {
    const fresh: Passing[] = [];
    for (const row of inOrder(rows)) {
      const { num_passing } = row;
      if (num_passing <= this.#last) continue;
      // Counting begins at 1: that there is no 0 is no hole.
      const expected = Math.max(this.#last + 1, 1);
      if (num_passing > expected) this.holes.add({ first: expected, last: num_passing - 1, since: now });
      this.#last = num_passing;
      fresh.push(row);
    }
    return fresh;
  }

  /** Closes holes. Returns the rows that did so: in order, each number once. */
  fill(rows: readonly Passing[]): Passing[] {
    return inOrder(rows).filter(({ num_passing }) => this.holes.fill(num_passing));
  }
}

/** The order of a list on the wire means nothing. */
function inOrder(rows: readonly Passing[]): readonly Passing[] {
  return [...rows].sort((a, b) => a.num_passing - b.num_passing);
}
