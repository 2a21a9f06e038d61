import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLine, encodeLine, recordOf } from '../../../src/outbox/disk/codec.js';
import { IntervalSet } from '../../../src/outbox/disk/intervals.js';
import { CommitTimes } from '../../../src/outbox/disk/state.js';

describe('a line', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.nat(), fc.json(), (seq, json) => {
        const bytes = Buffer.from(encodeLine(seq, json));
        expect(bytes.indexOf(10)).toBe(bytes.length - 1);
        const line = decodeLine(bytes.subarray(0, -1));
        expect(line?.seq).toBe(seq);
        expect(recordOf(line!)).toEqual(JSON.parse(json));
      }),
    );
  });

  it('with any one bit turned is no line', () => {
    fc.assert(
      fc.property(fc.nat(), fc.json(), fc.nat(), fc.nat({ max: 7 }), (seq, json, at, bit) => {
        const bytes = Buffer.from(encodeLine(seq, json)).subarray(0, -1);
        bytes[at % bytes.length]! ^= 1 << bit;
        expect(decodeLine(bytes)).toBe(null);
      }),
    );
  });

  it('is not found in any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(decodeLine(Buffer.from(bytes))).toBe(null);
      }),
    );
  });
});

describe('a set of intervals', () => {
  const operation = fc.oneof(
    fc.record({ add: fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 9 })) }),
    fc.record({ drop: fc.nat({ max: 60 }) }),
  );
  it('is the set of its numbers', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const intervals = new IntervalSet();
        const plain = new Set<number>();
        for (const step of operations) {
          if ('add' in step) {
            const [first, length] = step.add;
            const before = plain.size;
            for (let n = first; n <= first + length; n++) plain.add(n);
            expect(intervals.add(first, first + length)).toBe(plain.size - before);
          } else {
            intervals.dropUpTo(step.drop);
            for (const n of [...plain]) if (n <= step.drop) plain.delete(n);
          }
        }
        for (let n = 0; n < 80; n++) expect(intervals.has(n)).toBe(plain.has(n));
        expect(intervals.count(10, 40)).toBe([...plain].filter((n) => n >= 10 && n <= 40).length);
        expect(new IntervalSet(intervals.toJSON()).toJSON()).toEqual(intervals.toJSON());
        // As few ranges as there can be.
        const begins = [...plain].filter((n) => !plain.has(n - 1)).length;
        expect(intervals.toJSON()).toHaveLength(begins);
      }),
    );
  });
});

describe('times of commits', () => {
  it('stay few, and never say later than it was', () => {
    const times = new CommitTimes();
    for (let i = 0; i < 100_000; i++) times.note(i * 10 + 1, i, false);
    for (const seq of [1, 5_000, 500_000, 999_991]) {
      const at = times.of(seq)!;
      expect(at).toBeLessThanOrEqual((seq - 1) / 10);
      expect(at).toBeGreaterThan((seq - 1) / 10 - 1_000);
    }
    const told = new Set<number | null>();
    for (let i = 0; i < 100_000; i++) told.add(times.of(i * 10 + 1));
    expect(told.size).toBeGreaterThan(100);
    expect(told.size).toBeLessThanOrEqual(1_024);
    times.note(2_000_001, 777_777, true);
    expect(times.of(2_000_001)).toBe(777_777);
  });
});
