import { lowerBound } from '../core/binary-search.js';
import type { Passing } from '../types.js';

/** A passing as the sandbox keeps it: every field there, unset ones null. */
export type StoredPassing = Required<{
  [F in keyof Omit<Passing, 'token_session' | 'deviceid'>]: Exclude<Passing[F], undefined>;
}>;

/**
 * The passings of one session, kept in order of `num_passing`, so that ranges are found by binary search.
 * Appending in order costs the batch; what comes late costs the batch and the tail that it lands in.
 */
export class PassingList {
  #rows: StoredPassing[] = [];

  get length(): number {
    return this.#rows.length;
  }

  at(index: number): StoredPassing | undefined {
    return this.#rows.at(index);
  }

  slice(start?: number, end?: number): StoredPassing[] {
    return this.#rows.slice(start, end);
  }

  /** The index of the first passing with this number or a higher one. */
  indexFrom(num_passing: number): number {
    return lowerBound(this.#rows, (row) => row.num_passing < num_passing);
  }

  /** Adds what is new and says how many that were. Of two with one number the first stays, unless `keepRepeats`. */
  add(batch: readonly StoredPassing[], keepRepeats: boolean): number {
    const before = this.#rows.length;
    const late: StoredPassing[] = [];
    let highest = this.#rows.at(-1)?.num_passing ?? -1;
    for (const row of batch) {
      if (row.num_passing > highest || (keepRepeats && row.num_passing === highest)) {
        this.#rows.push(row);
        highest = row.num_passing;
      } else {
        late.push(row);
      }
    }
    if (late.length > 0) this.#merge(late, keepRepeats);
    return this.#rows.length - before;
  }

  #merge(late: StoredPassing[], keepRepeats: boolean): void {
    late.sort((a, b) => a.num_passing - b.num_passing);
    const tail = this.#rows.splice(this.indexFrom(late[0]!.num_passing));
    let next = 0;
    for (const row of late) {
      while (next < tail.length && tail[next]!.num_passing <= row.num_passing) this.#rows.push(tail[next++]!);
      if (keepRepeats || this.#rows.at(-1)?.num_passing !== row.num_passing) this.#rows.push(row);
    }
    while (next < tail.length) this.#rows.push(tail[next++]!);
  }
}
