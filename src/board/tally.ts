import type { FollowCursor } from 'rufus-client';
import { Minutes } from './minutes.js';
import type { BatchRecord, Row } from './record.js';
import type { LastCrossing } from './wire.js';

/** What one device has counted, and where its follower stands. */
export class Tally {
  readonly minutes = new Minutes();
  reads = 0;
  runners = 0;
  last: LastCrossing | null = null;
  #cursor: FollowCursor | undefined;
  #lastMs = Number.NaN;
  readonly #left = new Set<string>();

  get cursor(): FollowCursor | undefined {
    return this.#cursor;
  }

  /** Those rows that are not counted yet, and moves on. A follower gives each once; a state file that two boards wrote to does not. */
  advance({ cursor, rows }: BatchRecord): readonly Row[] {
    const before = this.#cursor;
    if (this.#left.has(cursor.token_session)) return [];
    this.#cursor = cursor;
    if (before === undefined) return rows;
    if (before.token_session !== cursor.token_session) {
      this.#left.add(before.token_session);
      return rows;
    }
    if (cursor.last < before.last) this.#cursor = before;
    const isHole = (number: number) => before.holes?.some(([first, last]) => first <= number && number <= last);
    return rows.filter(([number]) => number > before.last || isHole(number));
  }

  count(crossing: LastCrossing, timeMs: number, isFirst: boolean, { late, at }: BatchRecord): void {
    this.reads++;
    if (isFirst) this.runners++;
    if (!Number.isNaN(timeMs)) this.minutes.add(timeMs);
    // The latest by its own time. But one from the future, of a clock that was not set yet, gives way to what comes next.
    const isLatest = late ? timeMs >= this.#lastMs : !(timeMs < this.#lastMs) || this.#lastMs > at;
    if (this.last !== null && !isLatest) return;
    this.last = crossing;
    this.#lastMs = timeMs;
  }
}
