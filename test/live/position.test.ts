import { describe, expect, test } from 'vitest';
import { Position } from '../../src/live/position.js';
import type { Passing } from '../../src/types.js';

const rows = (...numbers: number[]): Passing[] =>
  numbers.map((num_passing, index) => ({ num_passing, bib: `at ${index}`, timestamp: '2026-04-26T09:00:00.000Z' }));
const numbersOf = (passings: readonly Passing[]) => passings.map(({ num_passing }) => num_passing);
const fresh = (position: Position, ...numbers: number[]) => numbersOf(position.advance(rows(...numbers), 0));

describe('a position', () => {
  test('begins before 0, and has no hole below 1', () => {
    const zero = new Position('T');
    expect(zero.last).toBeUndefined();
    expect(fresh(zero, 0, 1)).toEqual([0, 1]);
    expect(zero.cursor).toEqual({ token_session: 'T', last: 1 });

    const one = new Position('T');
    expect(fresh(one, 1)).toEqual([1]);
    expect(one.cursor).toEqual({ token_session: 'T', last: 1 });
    expect(new Position('T').advance(rows(2), 0)).toHaveLength(1);
  });

  test('at 0 knows of it', () => {
    const position = new Position('T');
    fresh(position, 0);
    expect(position.last).toBe(0);
  });

  test('keeps what was skipped, from the first number on', () => {
    const position = new Position('T');
    expect(fresh(position, 3)).toEqual([3]);
    expect(fresh(position, 6, 8)).toEqual([6, 8]);
    expect(position.cursor).toEqual({
      token_session: 'T',
      last: 8,
      holes: [
        [1, 2],
        [4, 5],
        [7, 7],
      ],
    });
  });

  test('takes rows in any order, gives them in theirs, and each number once', () => {
    const position = new Position('T');
    const unsorted = rows(3, 1, 2, 3, 5, 4, 1);
    const before = [...unsorted];
    expect(numbersOf(position.advance(unsorted, 0))).toEqual([1, 2, 3, 4, 5]);
    expect(unsorted).toEqual(before);
    expect(position.cursor).toEqual({ token_session: 'T', last: 5 });
    expect(fresh(position, 5, 4)).toEqual([]);
    expect(fresh(position, 9, 8, 7, 6)).toEqual([6, 7, 8, 9]);
  });

  test('of two rows with one number the first counts', () => {
    const position = new Position('T');
    expect(position.advance(rows(2, 1, 1, 2), 0).map(({ bib }) => bib)).toEqual(['at 1', 'at 0']);
    const sorted = new Position('T');
    expect(sorted.advance(rows(1, 1, 2, 2), 0).map(({ bib }) => bib)).toEqual(['at 0', 'at 2']);
  });

  test('fills holes: in order, each number once', () => {
    const position = new Position('T');
    fresh(position, 6);
    expect(numbersOf(position.fill(rows(4, 2, 4, 6, 7)))).toEqual([2, 4]);
    expect(position.cursor.holes).toEqual([
      [1, 1],
      [3, 3],
      [5, 5],
    ]);
    expect(numbersOf(position.fill(rows(1, 3, 5)))).toEqual([1, 3, 5]);
    expect(position.cursor).toEqual({ token_session: 'T', last: 6 });
    expect(position.fill(rows(1, 3, 5))).toEqual([]);
  });

  test('goes on at a cursor, whose holes are as old as that', () => {
    const position = Position.at(
      {
        token_session: 'T',
        last: 9,
        holes: [
          [2, 3],
          [5, 5],
        ],
      },
      77,
    );
    expect(position.alias).toBeNull();
    expect(position.last).toBe(9);
    expect(position.holes.oldestAfter(76)).toBe(77);
    expect(position.holes.oldestAfter(77)).toBeUndefined();
    expect(fresh(position, 9, 10, 12)).toEqual([10, 12]);
    expect(position.cursor).toEqual({
      token_session: 'T',
      last: 12,
      holes: [
        [2, 3],
        [5, 5],
        [11, 11],
      ],
    });
  });

  test('goes on at a cursor without holes', () => {
    const position = Position.at({ token_session: 'T', last: 3 }, 0);
    expect(position.holes.isEmpty).toBe(true);
    expect(position.cursor).toEqual({ token_session: 'T', last: 3 });
  });
});
