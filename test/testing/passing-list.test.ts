import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PassingList, type StoredPassing } from '../../src/testing/passing-list.js';

const row = (num_passing: number, bib = ''): StoredPassing => ({
  timestamp: '2026-03-15T08:00:00.000Z',
  num_passing,
  bib,
  participant_id: null,
  chip: null,
  latitude: null,
  longitude: null,
  status: null,
  timezone: null,
  gender: null,
});

const batches = fc.array(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 20 }), { maxLength: 12 });
/** Each row marked with when it came, so that it shows which of two was kept. */
const marked = (lists: number[][]) => {
  let count = 0;
  return lists.map((list) => list.map((num) => row(num, String(count++))));
};

describe('PassingList', () => {
  it('holds the first of each number, in order, whatever the order of arrival', () => {
    fc.assert(
      fc.property(batches, (lists) => {
        const passings = new PassingList();
        const model = new Map<number, StoredPassing>();
        for (const batch of marked(lists)) {
          const before = model.size;
          for (const passing of batch) if (!model.has(passing.num_passing)) model.set(passing.num_passing, passing);
          expect(passings.add(batch, false)).toBe(model.size - before);
        }
        expect(passings.slice()).toEqual([...model.values()].sort((a, b) => a.num_passing - b.num_passing));
      }),
    );
  });

  it('holds all where repeats are kept, those of one number in order of arrival', () => {
    fc.assert(
      fc.property(batches, (lists) => {
        const passings = new PassingList();
        const rows = marked(lists);
        for (const batch of rows) expect(passings.add(batch, true)).toBe(batch.length);
        expect(passings.slice()).toEqual(rows.flat().sort((a, b) => a.num_passing - b.num_passing));
      }),
    );
  });

  it('finds where a number begins', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: -1, max: 62 }), (lists, num) => {
        const passings = new PassingList();
        for (const batch of marked(lists)) passings.add(batch, true);
        const found = passings.slice().findIndex((passing) => passing.num_passing >= num);
        expect(passings.indexFrom(num)).toBe(found === -1 ? passings.length : found);
      }),
    );
  });
});
