import { lowerBound } from '../core/binary-search.js';

/** A range of missing numbers, both ends included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

interface Hole extends Range {
  /** When it was first seen, on the monotonic clock. */
  readonly since: number;
}

// Limits memory, and each cursor, where every second number is missing.
const MOST = 10_000;
// Near holes are read in one request, although that reads the numbers between them again.
const NEAR = 100;
const STRETCH = 1_000;

/** The numbers that a session has skipped so far, as ranges: numbering may jump from 1 to 1,000,000. */
export class Holes {
  // In order of numbers, and so of age: a new hole lies above all others, and the parts of a split one are as old as it.
  #holes: Hole[] = [];
  #lookFrom = 0;

  get isEmpty(): boolean {
    return this.#holes.length === 0;
  }

  /** For the cursor. */
  toJSON(): [number, number][] {
    return this.#holes.map(({ first, last }) => [first, last]);
  }

  /** A hole above all others. Beyond 10,000 the oldest is given up early. */
  add(hole: Hole): void {
    this.#holes.push(hole);
    if (this.#holes.length > MOST) this.#holes.shift();
  }

  /** Takes a number out of the hole it lies in; `false` where it lies in none. */
  fill(number: number): boolean {
    const index = this.#indexFrom(number);
    const hole = this.#holes[index];
    if (hole === undefined || hole.first > number) return false;
    this.#holes.splice(index, 1, ...without(hole, number, number));
    return true;
  }

  /** The range of the next request: the next hole, and those near to it. undefined at the end of a pass over all holes. */
  next(): Range | undefined {
    const index = this.#indexFrom(this.#lookFrom);
    const hole = this.#holes[index];
    if (hole === undefined) {
      this.#lookFrom = 0;
      return undefined;
    }
    const first = Math.max(hole.first, this.#lookFrom);
    let { last } = hole;
    for (let next = index + 1; next < this.#holes.length; next++) {
      const near = this.#holes[next]!;
      if (near.first - last > NEAR || near.last - first >= STRETCH) break;
      last = near.last;
    }
    return { first, last };
  }

  /** The range was read. Numbers in it that have been missing since `since` or longer are given up. */
  looked({ first, last }: Range, since: number): void {
    this.#lookFrom = last + 1;
    const start = this.#indexFrom(first);
    let end = start;
    while (end < this.#holes.length && this.#holes[end]!.first <= last) end++;
    const touched = this.#holes.slice(start, end);
    const left = touched.flatMap((hole) => (hole.since > since ? [hole] : without(hole, first, last)));
    this.#holes.splice(start, touched.length, ...left);
  }

  /** The next pass begins with the lowest hole. */
  restart(): void {
    this.#lookFrom = 0;
  }

  /** The time of the oldest hole that was first seen after `since`. */
  oldestAfter(since: number): number | undefined {
    return this.#holes.find((hole) => hole.since > since)?.since;
  }

  /** The index of the first hole that does not end below `number`. */
  #indexFrom(number: number): number {
    return lowerBound(this.#holes, ({ last }) => last < number);
  }
}

/** What a range leaves of a hole. */
function without({ first, last, since }: Hole, from: number, to: number): Hole[] {
  const parts = [
    { first, last: Math.min(last, from - 1), since },
    { first: Math.max(first, to + 1), last, since },
  ];
  return parts.filter((part) => part.first <= part.last);
}
