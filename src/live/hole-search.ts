import type { FollowBatch, Passing } from '../types.js';
import type { Range } from './holes.js';
import { deliver, type Position } from './position.js';
import type { FollowerRequests } from './requests.js';
import type { Schedule } from './schedule.js';

/** Reads per pass: many holes far from each other take several passes. */
const MOST_READS = 8;

/** Reads the holes of a session again, for passings that arrive late. */
export class HoleSearch {
  readonly #requests: FollowerRequests;
  readonly #schedule: Schedule;
  readonly #timeoutMs: number;

  constructor(requests: FollowerRequests, schedule: Schedule, timeoutMs: number) {
    this.#requests = requests;
    this.#schedule = schedule;
    this.#timeoutMs = timeoutMs;
  }

  /** One pass over the holes, or the part of it that fits before `until`, but at least one read. Returns how many passings it brought. */
  async *pass(position: Position, until: number): AsyncGenerator<FollowBatch, number, void> {
    let brought = 0;
    let lastTookMs = 0;
    for (let reads = 0; reads < MOST_READS; reads++) {
      const askedAt = performance.now();
      if (reads > 0 && askedAt + lastTookMs >= until) break;
      const range = position.holes.next();
      if (range === undefined) break;
      const answer = await this.#schedule.once(() => this.#read(position, range));
      lastTookMs = performance.now() - askedAt;
      // The next poll does not wait for a failed read of a hole.
      if ('cause' in answer) break;
      brought += yield* deliver(position, answer.value);
      position.holes.looked(covered(range, answer.value), askedAt - this.#timeoutMs);
    }
    return brought;
  }

  /** Reads every hole, and what is left of them again while that brings passings. */
  async *lastPass(position: Position): AsyncGenerator<FollowBatch, void, void> {
    for (let brought = 1; brought > 0; ) {
      brought = 0;
      position.holes.restart();
      for (let range = position.holes.next(); range !== undefined; range = position.holes.next()) {
        const wanted = range;
        const rows = await this.#schedule.untilAnswered(() => this.#read(position, wanted));
        brought += yield* deliver(position, rows);
        position.holes.looked(covered(wanted, rows), Number.NEGATIVE_INFINITY);
      }
    }
  }

  #read({ token_session }: Position, { first, last }: Range): Promise<readonly Passing[]> {
    return this.#requests.range(token_session, first, last);
  }
}

/** The part of a range that a page has read. It may end anywhere: numbers beyond its last row were not read. */
function covered({ first, last }: Range, rows: readonly Passing[]): Range {
  const highest = rows.reduce((most, { num_passing }) => Math.max(most, num_passing), first);
  return { first, last: rows.length === 0 ? last : Math.min(highest, last) };
}
