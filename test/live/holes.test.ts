import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Holes } from '../../src/live/holes.js';

const MOST = 200;

describe('against a plain set of numbers', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      gap: fc.integer({ min: 1, max: 9 }),
      size: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant('fill' as const), number: fc.nat(MOST) }),
    fc.record({ kind: fc.constant('looked' as const), first: fc.nat(MOST), size: fc.nat(40), age: fc.nat(12) }),
    fc.record({ kind: fc.constant('pass' as const) }),
  );

  it('adds, fills, gives up and walks alike', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const holes = new Holes();
        const model = new Map<number, number>();
        let top = 0;
        for (const [now, action] of steps.entries()) {
          if (action.kind === 'add') {
            const first = top + action.gap + 1;
            const last = first + action.size - 1;
            holes.add({ first, last, since: now });
            for (let number = first; number <= last; number++) model.set(number, now);
            top = last;
          } else if (action.kind === 'fill') {
            expect(holes.fill(action.number)).toBe(model.delete(action.number));
          } else if (action.kind === 'looked') {
            const last = action.first + action.size;
            const since = now - action.age;
            holes.looked({ first: action.first, last }, since);
            for (const [number, from] of model) {
              if (action.first <= number && number <= last && from <= since) model.delete(number);
            }
          } else {
            // A pass meets every missing number once, in order, and nothing that was never missing.
            holes.restart();
            const met: number[] = [];
            for (let range = holes.next(); range !== undefined; range = holes.next()) {
              expect(model.has(range.first)).toBe(true);
              expect(model.has(range.last)).toBe(true);
              for (let number = range.first; number <= range.last; number++) if (model.has(number)) met.push(number);
              holes.looked(range, Number.NEGATIVE_INFINITY);
            }
            expect(met).toEqual([...model.keys()].sort((a, b) => a - b));
          }
          const numbers = holes.toJSON().flatMap(([first, last]) => {
            expect(first).toBeLessThanOrEqual(last);
            return Array.from({ length: last - first + 1 }, (_, index) => first + index);
          });
          expect(numbers).toEqual([...model.keys()].sort((a, b) => a - b));
          expect(holes.isEmpty).toBe(model.size === 0);
          expect(holes.oldestAfter(now - 3)).toBe(
            [...model.values()].filter((since) => since > now - 3).sort((a, b) => a - b)[0],
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});

it('reads near holes in one request, far ones and huge ones by themselves', () => {
  const holes = new Holes();
  for (const [first, last] of [
    [2, 3],
    [50, 60],
    [300, 300],
    [1_000, 2_000_000],
    [2_000_050, 2_000_060],
  ] as const) {
    holes.add({ first, last, since: 0 });
  }
  const ranges = [];
  for (let range = holes.next(); range !== undefined; range = holes.next()) {
    ranges.push([range.first, range.last]);
    holes.looked(range, Number.NEGATIVE_INFINITY);
  }
  expect(ranges).toEqual([
    [2, 60],
    [300, 300],
    [1_000, 2_000_000],
    [2_000_050, 2_000_060],
  ]);
});

it('keeps 10,000 holes at most: the oldest go', () => {
  const holes = new Holes();
  for (let nth = 1; nth <= 12_000; nth++) holes.add({ first: nth * 2, last: nth * 2, since: nth });
  const kept = holes.toJSON();
  expect(kept.length).toBe(10_000);
  expect(kept[0]).toEqual([4_002, 4_002]);
  expect(holes.fill(4_000)).toBe(false);
  expect(holes.fill(4_002)).toBe(true);
});

describe('near holes', () => {
  const rangesOf = (...list: [number, number][]) => {
    const holes = new Holes();
    for (const [first, last] of list) holes.add({ first, last, since: 0 });
    const ranges: [number, number][] = [];
    for (let range = holes.next(); range !== undefined; range = holes.next()) {
      ranges.push([range.first, range.last]);
      holes.looked(range, Number.NEGATIVE_INFINITY);
    }
    return ranges;
  };

  it('are up to 100 apart', () => {
    expect(rangesOf([1, 1], [101, 101])).toEqual([[1, 101]]);
    expect(rangesOf([1, 1], [102, 102])).toEqual([
      [1, 1],
      [102, 102],
    ]);
    // From one to the next, not from the first.
    expect(rangesOf([1, 1], [90, 90], [180, 180])).toEqual([[1, 180]]);
  });

  it('are read together up to 1,000 numbers', () => {
    const spaced = (last: number): [number, number][] => [
      ...Array.from({ length: 10 }, (_, nth): [number, number] => [nth * 100, nth * 100]),
      [950, last],
    ];
    expect(rangesOf(...spaced(999))).toEqual([[0, 999]]);
    // However high the first of them is.
    const above = spaced(999).map(([first, last]): [number, number] => [first + 5_000, last + 5_000]);
    expect(rangesOf(...above)).toEqual([[5_000, 5_999]]);
    expect(rangesOf(...spaced(1_000))).toEqual([
      [0, 900],
      [950, 1_000],
    ]);
  });
});

describe('a pass over the holes', () => {
  const walked = (holes: Holes) => {
    const range = holes.next();
    return range && [range.first, range.last];
  };

  it('goes on in the middle of one that was looked at in part, and begins anew after its end', () => {
    const holes = new Holes();
    holes.add({ first: 10, last: 20, since: 5 });
    expect(walked(holes)).toEqual([10, 20]);
    holes.looked({ first: 10, last: 14 }, 4);
    expect(walked(holes)).toEqual([15, 20]);
    holes.looked({ first: 15, last: 20 }, 4);
    expect(walked(holes)).toBeUndefined();
    expect(walked(holes)).toEqual([10, 20]);
    holes.looked({ first: 10, last: 14 }, 4);
    holes.restart();
    expect(walked(holes)).toEqual([10, 20]);
  });

  it('gives up of a hole what was looked at, if it is old enough, and keeps the rest as old as it was', () => {
    const holes = new Holes();
    holes.add({ first: 10, last: 20, since: 5 });
    holes.add({ first: 30, last: 40, since: 6 });
    holes.looked({ first: 12, last: 35 }, 4);
    expect(holes.toJSON()).toEqual([
      [10, 20],
      [30, 40],
    ]);
    holes.looked({ first: 12, last: 35 }, 5);
    expect(holes.toJSON()).toEqual([
      [10, 11],
      [30, 40],
    ]);
    expect(holes.oldestAfter(4)).toBe(5);
    expect(holes.oldestAfter(5)).toBe(6);
    holes.looked({ first: 31, last: 31 }, 6);
    expect(holes.toJSON()).toEqual([
      [10, 11],
      [30, 30],
      [32, 40],
    ]);
    holes.looked({ first: 41, last: 50 }, 6);
    expect(holes.toJSON()).toEqual([
      [10, 11],
      [30, 30],
      [32, 40],
    ]);
  });
});

it('gives up a hole at the very end of what was looked at, and at its very beginning', () => {
  const holes = new Holes();
  holes.add({ first: 10, last: 20, since: 0 });
  holes.add({ first: 30, last: 40, since: 0 });
  holes.looked({ first: 20, last: 30 }, 0);
  expect(holes.toJSON()).toEqual([
    [10, 19],
    [31, 40],
  ]);
});

it('takes a number out of its hole, at either end, in the middle, or all of it', () => {
  const holes = new Holes();
  for (const [first, last] of [
    [2, 4],
    [6, 6],
    [8, 9],
  ] as const)
    holes.add({ first, last, since: 0 });
  expect([1, 5, 7, 10].map((number) => holes.fill(number))).toEqual([false, false, false, false]);
  expect(holes.fill(6)).toBe(true);
  expect(holes.fill(3)).toBe(true);
  expect(holes.toJSON()).toEqual([
    [2, 2],
    [4, 4],
    [8, 9],
  ]);
  expect(holes.fill(8)).toBe(true);
  expect(holes.fill(9)).toBe(true);
  expect(holes.fill(9)).toBe(false);
  expect(holes.toJSON()).toEqual([
    [2, 2],
    [4, 4],
  ]);
});

it('keeps exactly 10,000 holes', () => {
  const holes = new Holes();
  for (let nth = 1; nth <= 10_000; nth++) holes.add({ first: nth * 2, last: nth * 2, since: nth });
  expect(holes.toJSON()).toHaveLength(10_000);
  holes.add({ first: 30_000, last: 30_000, since: 0 });
  expect(holes.toJSON()).toHaveLength(10_000);
});
