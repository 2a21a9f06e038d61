import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Hand } from '../../src/outbox/batch.js';
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
const lengths = (hand: Hand, max: number, maxBytes: number): number[] => {
  const found: number[] = [];
  while (hand.length > 0) {
    const { length } = hand.piece(max, maxBytes);
    found.push(length);
    hand.drop(length);
  }
  return found;
};

it('is cut by number, and by size to the nearest whole passing, but never to nothing', () => {
  expect(lengths(new Hand(entries(1, 1, 1, 1, 1)), 2, 100)).toEqual([2, 2, 1]);
  expect(lengths(new Hand(entries(100, 100, 100, 100)), 10, 200)).toEqual([2, 2]);
  expect(lengths(new Hand(entries(100, 104, 100, 104)), 10, 200)).toEqual([2, 2]);
  expect(lengths(new Hand(entries(900, 10, 10, 900, 10)), 10, 100)).toEqual([1, 2, 1, 1]);
});

it('the halves of a piece stay apart, also where size cuts them further', () => {
  const hand = new Hand(entries(...Array.from({ length: 12 }, () => 10)));
  hand.halve(8);
  expect(hand.piece(100, 1_000)).toHaveLength(4);
  hand.halve(4);
  expect(lengths(hand, 100, 1_000)).toEqual([2, 2, 4, 4]);

  const narrow = new Hand(entries(...Array.from({ length: 8 }, () => 10)));
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
        const hand = new Hand(entries(...sizes));
        const given: number[] = [];
        for (const { max, maxBytes, halve } of [
          ...steps,
          ...sizes.map(() => ({ max: 9, maxBytes: 400, halve: false })),
        ]) {
          if (hand.length === 0) break;
          const piece = hand.piece(max, maxBytes);
          expect(piece.length).toBeGreaterThan(0);
          expect(piece.length).toBeLessThanOrEqual(max);
          expect(piece[0]).toBe(hand.entries[0]);
          if (halve && piece.length > 1) {
            hand.halve(piece.length);
            expect(hand.piece(9, 1e9).length).toBe(Math.min(9, Math.ceil(piece.length / 2)));
          } else {
            hand.drop(piece.length);
            given.push(...piece.map(({ seq }) => seq));
          }
        }
        expect(given).toEqual(sizes.map((_, index) => index + 1));
      },
    ),
  );
});
