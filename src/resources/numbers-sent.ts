import { MAX_ISSUES } from '../core/validation/issues.js';
import type { Issue } from '../types.js';

const BITS = 32;

/** The numbers that a call has sent, one bit per number: a million in a row take some 2 MB. */
export class NumbersSent {
  readonly #words = new Map<number, number>();

  add(passings: readonly { readonly num_passing: number }[]): void {
    for (const { num_passing } of passings) {
      const at = Math.floor(num_passing / BITS);
      this.#words.set(at, (this.#words.get(at) ?? 0) | (1 << (num_passing % BITS)));
    }
  }

  #has(num_passing: number): boolean {
    return ((this.#words.get(Math.floor(num_passing / BITS)) ?? 0) & (1 << (num_passing % BITS))) !== 0;
  }

  /** Those of the next batch that have been sent: the server would count them as duplicates and drop them. */
  repeatedIn(passings: readonly { readonly num_passing: number }[], first: number): Issue[] {
    return passings
      .flatMap(({ num_passing }, index) =>
        this.#has(num_passing)
          ? [{ path: ['passings', first + index, 'num_passing'], message: 'is that of a passing before it, too' }]
          : [],
      )
      .slice(0, MAX_ISSUES);
  }
}
