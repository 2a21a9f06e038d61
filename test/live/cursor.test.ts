import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FollowCursor, RufusConfigError } from '../../src/index.js';
import { checkedCursor } from '../../src/live/options.js';
import { Position } from '../../src/live/position.js';
import { read } from './support.js';

const TOKEN = '5F1D7A84DB00D2FCE00B31A7FC73224FA1B2C3D4E5F60718293A4B5C6D7E8F90';
const at = (more: object) => ({ token_session: TOKEN, last: 100, ...more });

describe('a damaged cursor is a RufusConfigError that says where', () => {
  const DAMAGED: readonly (readonly [unknown, RegExp])[] = [
    [JSON.stringify(at({})), /got text \(parse the JSON first\)/],
    [7, /expected an object/],
    [true, /expected an object/],
    [[at({})], /expected an object/],
    [{}, /token_session: expected text/],
    [{ last: 3 }, /token_session: expected text/],
    [at({ token_session: '' }), /token_session: /],
    [at({ token_session: '..' }), /token_session: /],
    [at({ token_session: `${TOKEN}\ud800` }), /token_session: /],
    [at({ token_session: 17 }), /token_session: /],
    [at({ last: undefined }), /last: expected an integer/],
    [at({ last: null }), /last: /],
    [at({ last: '100' }), /last: /],
    [at({ last: -1 }), /last: /],
    [at({ last: 1.5 }), /last: /],
    [at({ last: Number.NaN }), /last: /],
    [at({ last: 2 ** 53 }), /last: /],
    [at({ holes: null }), /holes: expected a list/],
    [at({ holes: { 0: [1, 2] } }), /holes: expected a list/],
    [at({ holes: [5] }), /holes\[0\]: expected two integers/],
    [at({ holes: [[1]] }), /holes\[0\]: expected two integers/],
    [at({ holes: [[1, 2, 3]] }), /holes\[0\]: expected two integers/],
    [
      at({
        holes: [
          [1, 2],
          ['3', 4],
        ],
      }),
      /holes\[1\]: expected two integers/,
    ],
    [at({ holes: [[4, 3]] }), /holes\[0\]: expected its first number not to exceed/],
    [at({ holes: [[0, 3]] }), /holes\[0\]: expected to lie above 0/],
    [
      at({
        holes: [
          [5, 9],
          [9, 12],
        ],
      }),
      /holes\[1\]: expected to lie above the hole before it/,
    ],
    [
      at({
        holes: [
          [5, 9],
          [1, 2],
        ],
      }),
      /holes\[1\]: expected to lie above the hole before it/,
    ],
    [at({ holes: [[99, 100]] }), /holes\[0\]: expected to lie below last/],
  ];
  it.each(DAMAGED)('%j', (cursor, fault) => {
    let thrown: unknown;
    try {
      checkedCursor(cursor);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RufusConfigError);
    expect((thrown as Error).message).toMatch(fault);
    expect((thrown as Error).message).not.toContain(TOKEN);
  });

  it('whatever it is: a cursor, none, or that error', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
        (value) => {
          try {
            const cursor = checkedCursor(value);
            expect(cursor === undefined ? value == null : cursor === value).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(RufusConfigError);
          }
        },
      ),
    );
  });
});

describe('a cursor that is whole', () => {
  const WHOLE: readonly FollowCursor[] = [
    { token_session: 'x', last: 0 },
    at({}),
    at({ holes: [] }),
    at({ holes: [[1, 99]] }),
    at({
      holes: [
        [1, 1],
        [2, 4],
        [98, 99],
      ],
    }),
  ];
  it.each(WHOLE)('%j', (cursor) => {
    expect(checkedCursor(cursor)).toBe(cursor);
  });

  it.each([undefined, null])('may be left out: %s', (cursor) => {
    expect(checkedCursor(cursor)).toBeUndefined();
  });

  it('is what any run of passings leaves behind, and resuming from it is the same as not having stopped', () => {
    const pages = fc.array(fc.array(fc.nat(60), { maxLength: 12 }), { maxLength: 12 });
    fc.assert(
      fc.property(pages, fc.nat(11), (numbers, stop) => {
        const through = new Position(TOKEN);
        let resumed = new Position(TOKEN);
        const seen = new Set<number>();
        for (const [nth, page] of numbers.entries()) {
          const rows = page.map(read);
          const fresh = through.advance(rows, nth);
          const late = through.fill(rows);
          for (const { num_passing } of [...fresh, ...late]) {
            expect(seen.has(num_passing)).toBe(false);
            seen.add(num_passing);
          }
          if (nth === stop && resumed.last !== undefined) {
            const stored: unknown = JSON.parse(JSON.stringify(resumed.cursor));
            resumed = Position.at(checkedCursor(stored)!, nth);
          }
          expect(resumed.advance(rows, nth)).toEqual(fresh);
          expect(resumed.fill(rows)).toEqual(late);
          expect(resumed.cursor).toEqual(through.cursor);
        }
        // Every number up to the last one has come or is missing, but for a 0 that came late.
        const { last, holes = [] } = through.cursor;
        for (let number = 1; number <= last; number++) {
          expect(holes.some(([from, to]) => from <= number && number <= to)).toBe(!seen.has(number));
        }
      }),
      { numRuns: 300 },
    );
  });
});
