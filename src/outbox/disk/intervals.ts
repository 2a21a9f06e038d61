import { lowerBound } from '../../core/binary-search.js';

export type Interval = readonly [first: number, last: number];

/** A set of integers as sorted, disjoint ranges: compact where its members are contiguous. */
export class IntervalSet {
  #ranges: [number, number][] = [];

  constructor(ranges: Iterable<Interval> = []) {
    for (const [first, last] of ranges) this.add(first, last);
  }

  /** Adds first…last; returns how many of them are new. */
  add(first: number, last = first): number {
    const known = this.count(first, last);
    const from = this.#indexOf(first - 1);
    let to = from;
    let low = first;
    let high = last;
    // Every range that overlaps or touches the new one becomes part of it.
    for (; to < this.#ranges.length && this.#ranges[to]![0] <= last + 1; to++) {
      low = Math.min(low, this.#ranges[to]![0]);
      high = Math.max(high, this.#ranges[to]![1]);
    }
    this.#ranges.splice(from, to - from, [low, high]);
    return last - first + 1 - known;
  }

  has(value: number): boolean {
    const range = this.#ranges[this.#indexOf(value)];
    return range !== undefined && range[0] <= value;
  }

  /** How many members lie in first…last. */
  count(first: number, last: number): number {
    let count = 0;
    for (let i = this.#indexOf(first); i < this.#ranges.length && this.#ranges[i]![0] <= last; i++) {
      const [low, high] = this.#ranges[i]!;
      count += Math.min(high, last) - Math.max(low, first) + 1;
    }
    return count;
  }

  /** Removes all members up to and including `last`. */
  dropUpTo(last: number): void {
    this.#ranges = this.#ranges.filter(([, high]) => high > last);
    const first = this.#ranges[0];
    if (first !== undefined && first[0] <= last) first[0] = last + 1;
  }

  toJSON(): Interval[] {
    return this.#ranges.map(([first, last]) => [first, last]);
  }

  /** The first range that ends at or after `value`. */
  #indexOf(value: number): number {
    return lowerBound(this.#ranges, ([, last]) => last < value);
  }
}
