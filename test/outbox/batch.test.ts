import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Batch, bytesOf, InDoubtRange, numbersOf } from '../../src/outbox/batch.js';
import type { Entry } from '../../src/outbox/journal.js';
import { TOKEN } from '../support/operations.js';

const entries = (...sizes: number[]): Entry[] =>
  sizes.map((bytes, index) => ({
    seq: index + 1,
    token_session: TOKEN,
    num_passing: index + 1,
    passing: { timestamp: '2026-03-15T09:00:00.000Z', bib: String(index) },
    at: 0,
    bytes,
  }));
const lengths = (batch: Batch, max: number, maxBytes: number): number[] => {
  const found: number[] = [];
  while (batch.length > 0) {
    const { length } = batch.chunk(max, maxBytes);
    found.push(length);
    batch.drop(length);
  }
  return found;
};

it('is cut by number, and by size to the nearest whole passing, but never to nothing', () => {
  expect(lengths(new Batch(entries(1, 1, 1, 1, 1)), 2, 100)).toEqual([2, 2, 1]);
  expect(lengths(new Batch(entries(100, 100, 100, 100)), 10, 200)).toEqual([2, 2]);
  expect(lengths(new Batch(entries(100, 104, 100, 104)), 10, 200)).toEqual([2, 2]);
  expect(lengths(new Batch(entries(900, 10, 10, 900, 10)), 10, 100)).toEqual([1, 2, 1, 1]);
});

it('takes the passing that is half within the limit, and not the one that is half beyond', () => {
  expect(lengths(new Batch(entries(100, 100)), 10, 150)).toEqual([2]);
  expect(lengths(new Batch(entries(100, 100)), 10, 149)).toEqual([1, 1]);
});

it('is told of by its first and last number, and its size', () => {
  expect(numbersOf(entries(5, 6, 7, 8).slice(1))).toEqual([2, 4]);
  expect(bytesOf(entries(5, 6, 7))).toBe(18);
});

it('the range in doubt is the first ones up to the last that was sent, until it is cleared', () => {
  const range = new InDoubtRange();
  const all = entries(1, 1, 1, 1);
  expect(range.count(all)).toBe(0);
  range.extend(all.slice(0, 3));
  range.extend(all.slice(0, 1));
  expect([range.count(all), range.count(all.slice(0, 2)), range.count(all.slice(3))]).toEqual([3, 2, 0]);
  range.clear();
  expect(range.count(all)).toBe(0);
});

it('the halves of a chunk stay apart, also where size cuts them further', () => {
  const batch = new Batch(entries(...Array.from({ length: 12 }, () => 10)));
  batch.halve(8);
  expect(batch.chunk(100, 1_000)).toHaveLength(4);
  batch.halve(4);
  expect(lengths(batch, 100, 1_000)).toEqual([2, 2, 4, 4]);

  const narrow = new Batch(entries(...Array.from({ length: 8 }, () => 10)));
  narrow.halve(8);
  expect(lengths(narrow, 100, 30)).toEqual([3, 1, 3, 1]);
});

it('whatever happens, gives every passing once, in order', () => {
  const step = fc.record({
    max: fc.integer({ min: 1, max: 9 }),
    maxBytes: fc.integer({ min: 1, max: 400 }),
    halve: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }),
      fc.array(step),
      (sizes, steps) => {
        const batch = new Batch(entries(...sizes));
        const given: number[] = [];
        for (const { max, maxBytes, halve } of [
          ...steps,
          ...sizes.map(() => ({ max: 9, maxBytes: 400, halve: false })),
        ]) {
          if (batch.length === 0) break;
          const chunk = batch.chunk(max, maxBytes);
          expect(chunk.length).toBeGreaterThan(0);
          expect(chunk.length).toBeLessThanOrEqual(max);
          expect(chunk[0]).toBe(batch.entries[0]);
          if (halve && chunk.length > 1) {
            batch.halve(chunk.length);
            expect(batch.chunk(9, 1e9).length).toBe(Math.min(9, Math.ceil(chunk.length / 2)));
          } else {
            batch.drop(chunk.length);
            given.push(...chunk.map(({ seq }) => seq));
          }
        }
        expect(given).toEqual(sizes.map((_, index) => index + 1));
      },
    ),
  );
});
