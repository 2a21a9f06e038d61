import { storedRow } from './rows.js';

/** The first number: all have as many digits, so that each page is as long as the others. */
export const FIRST_NUMBER = 10_000_000;
export const PAGE_ROWS = 5_000;
const FIELD = '"num_passing":';
const DIGITS = String(FIRST_NUMBER).length;

/** Pages of a session too long to be held in memory: the same rows again and again, with numbers that go on. */
export class TemplatedPages {
  readonly #template: Buffer;
  /** Where each number is. */
  readonly #numbersAt: readonly number[];
  readonly #count: number;

  /** `frame`: the JSON of a page with these rows. All pages but one beyond the last are full. */
  constructor(rows: number, frame: (rows: object[]) => Buffer) {
    this.#count = rows / PAGE_ROWS;
    this.#template = frame(Array.from({ length: PAGE_ROWS }, (_, index) => storedRow(FIRST_NUMBER + index, 'number')));
    this.#numbersAt = [...this.#template.toString('latin1').matchAll(/"num_passing":/g)].map(
      ({ index }) => index + FIELD.length,
    );
  }

  /** `page` counts from 1. undefined beyond the end. */
  page(page: number): Buffer | undefined {
    if (page > this.#count) return undefined;
    const bytes = Buffer.from(this.#template);
    let number = FIRST_NUMBER + (page - 1) * this.#numbersAt.length;
    for (const at of this.#numbersAt) {
      let rest = number++;
      for (let digit = DIGITS - 1; digit >= 0; digit--) {
        bytes[at + digit] = 48 + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    }
    return bytes;
  }
}
