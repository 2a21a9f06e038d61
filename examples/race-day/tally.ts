import { type Passing, passingTime } from 'rufus-client';

/** Reads of a chip that are further apart are two crossings. */
const ONE_CROSSING_MS = 60_000;

/** What a timer wants to know of one checkpoint, from the passings as they come. */
export class Tally {
  reads = 0;
  /** However often each chip was read on its way over the mat. */
  crossings = 0;
  first: Passing | undefined;
  last: Passing | undefined;
  /** The first over the mat, by gender. */
  readonly leaders = new Map<string, Passing>();
  readonly #lastSeen = new Map<string, number>();
  readonly #readsPerMinute = new Map<string, number>();

  take(passing: Passing): void {
    const { timestamp, bib, gender } = passing;
    this.reads++;
    const at = passingTime(passing).getTime();
    if (at - (this.#lastSeen.get(bib) ?? Number.NEGATIVE_INFINITY) > ONE_CROSSING_MS) this.crossings++;
    this.#lastSeen.set(bib, at);
    if (this.first === undefined || timestamp < this.first.timestamp) this.first = passing;
    if (this.last === undefined || timestamp > this.last.timestamp) this.last = passing;
    const leader = this.leaders.get(gender ?? '');
    if (leader === undefined || timestamp < leader.timestamp) this.leaders.set(gender ?? '', passing);
    const minute = timestamp.slice(0, 'YYYY-MM-DDTHH:mm'.length);
    this.#readsPerMinute.set(minute, (this.#readsPerMinute.get(minute) ?? 0) + 1);
  }

  /** Reads in the busiest minute. */
  get peakPerMinute(): number {
    return Math.max(0, ...this.#readsPerMinute.values());
  }
}
