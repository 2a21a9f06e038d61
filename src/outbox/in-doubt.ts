import type { Entry } from './journal.js';

/** Passings that the server may have although it has not said so: there, and only there, duplicates are expected. */
export class InDoubtRange {
  #upTo = 0;

  /** An attempt with these ended without an answer. */
  extend(entries: readonly Entry[]): void {
    this.#upTo = Math.max(this.#upTo, entries.at(-1)!.seq);
  }

  /** All that is known is known for certain again. */
  clear(): void {
    this.#upTo = 0;
  }

  /** How many of these it is about: the first ones. */
  count(entries: readonly Entry[]): number {
    const certain = entries.findIndex(({ seq }) => seq > this.#upTo);
    return certain === -1 ? entries.length : certain;
  }
}
