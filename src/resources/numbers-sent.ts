import { MAX_ISSUES } from '../core/validation/issues.js';
import type { Issue } from '../types.js';

const BITS = 32;

type Numbered = readonly { readonly num_passing: number }[];

/** The numbers that a call has sent or is about to send, one bit per number: a million in a row take some 2 MB. */
export class NumbersSent {
  readonly #words = new Map<number, number>();
  #highest = -1;

  add(passings: Numbered): void {
    // Most numbers are in the word of the one before: it is looked up once for all of them.
    let at = -1;
    let word = 0;
    for (const { num_passing } of passings) {
      const next = Math.floor(num_passing / BITS);
      if (next !== at) {
        if (at !== -1) this.#words.set(at, word);
        at = next;
        word = this.#words.get(at) ?? 0;
      }
      word |= 1 << (num_passing % BITS);
      if (num_passing > this.#highest) this.#highest = num_passing;
    }
    if (at !== -1) this.#words.set(at, word);
  }

  #has(num_passing: number): boolean {
    return ((this.#words.get(Math.floor(num_passing / BITS)) ?? 0) & (1 << (num_passing % BITS))) !== 0;
  }

  /** Those of the next batch that came before: the server would count them as duplicates and drop them. */
  repeatedIn(passings: Numbered, first: number): Issue[] {
    // In ascending order, as almost all are, none comes twice.
    if (passings.every(({ num_passing }) => num_passing > this.#highest)) return [];
    return passings
      .flatMap(({ num_passing }, index) =>
        this.#has(num_passing)
          ? [{ path: ['passings', first + index, 'num_passing'], message: 'is that of a passing before it, too' }]
          : [],
      )
      .slice(0, MAX_ISSUES);
  }
}
