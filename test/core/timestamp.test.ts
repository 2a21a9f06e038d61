import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timestampExpectation, wireTimestamp } from '../../src/core/timestamp.js';

const WIRE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const pad = (value: number, width: number) => String(value).padStart(width, '0');

/** Midnight of the date, by the platform's own calendar; undefined where there is no such day. */
function midnight(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

const anyText = fc.record({
  year: fc.integer({ min: 0, max: 9999 }),
  month: fc.integer({ min: 1, max: 12 }),
  day: fc.integer({ min: 1, max: 31 }),
  hour: fc.integer({ min: 0, max: 23 }),
  minute: fc.integer({ min: 0, max: 59 }),
  second: fc.integer({ min: 0, max: 59 }),
  fraction: fc.stringMatching(/^\d{0,12}$/),
  offset: fc.option(fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }), { nil: undefined }),
  colon: fc.boolean(),
});

describe('wireTimestamp', () => {
  test.each([
    ['2024-04-21T09:30:00.000Z', '2024-04-21T09:30:00.000Z'],
    ['2024-04-21T09:30:00Z', '2024-04-21T09:30:00.000Z'],
    ['2024-04-21T09:30Z', '2024-04-21T09:30:00.000Z'],
    ['2024-04-21t09:30:00.5z', '2024-04-21T09:30:00.500Z'],
    ['2024-04-21T09:30:00,25Z', '2024-04-21T09:30:00.250Z'],
    ['2024-04-21T11:30:00.123+02:00', '2024-04-21T09:30:00.123Z'],
    ['2024-04-21T11:30:00.123+0200', '2024-04-21T09:30:00.123Z'],
    ['2024-04-21T11:30:00.123+02', '2024-04-21T09:30:00.123Z'],
    ['2024-04-21T00:30:00-00:00', '2024-04-21T00:30:00.000Z'],
    ['2024-12-31T23:30:00-05:30', '2025-01-01T05:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['0099-06-01T00:00:00.1239Z', '0099-06-01T00:00:00.123Z'],
    ['9999-12-31T23:59:59.9999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is sent as %s', (text, wire) => {
    expect(wireTimestamp(text)).toBe(wire);
  });

  test.each([
    ['2024-04-21T09:30:00.9999Z', '2024-04-21T09:30:00.999Z'],
    ['2024-12-31T23:59:59.999999999Z', '2024-12-31T23:59:59.999Z'],
    ['2024-04-21T11:30:00.9999+02:00', '2024-04-21T09:30:00.999Z'],
    ['1969-12-31T23:59:59.9999Z', '1969-12-31T23:59:59.999Z'],
    ['1969-12-31T23:59:59.0009-01:00', '1970-01-01T00:59:59.000Z'],
    ['1901-01-01T00:00:00.0019+01:00', '1900-12-31T23:00:00.001Z'],
  ])('finer digits of %s are cut off, never rounded', (text, wire) => {
    expect(wireTimestamp(text)).toBe(wire);
  });

  test.each([
    '',
    'now',
    '2024-04-21',
    '2024-04-21T09:30:00',
    '2024-04-21T09:30:00.000',
    '2024-04-21 09:30:00Z',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00.000Z',
    '1900-02-29T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-00-10T00:00:00Z',
    '2024-13-10T00:00:00Z',
    '2024-01-00T00:00:00Z',
    '2024-01-32T00:00:00Z',
    '2024-04-21T24:00:00Z',
    '2024-04-21T25:00:00Z',
    '2024-04-21T09:60:00Z',
    '2024-04-21T09:30:60Z',
    '2024-04-21T09:30:00.Z',
    '2024-04-21T09:30:00+24:00',
    '2024-04-21T09:30:00+02:60',
    '2024-04-21T09:30:00+2:00',
    '2024-04-21T09:30:00 Z',
    ' 2024-04-21T09:30:00Z',
    '2024-04-21T09:30:00Z\n',
    '+002024-04-21T09:30:00Z',
    '-000001-04-21T09:30:00Z',
    '24-04-21T09:30:00Z',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '٢٠٢٤-04-21T09:30:00Z',
    1713691800000,
    null,
    undefined,
    {},
    { toISOString: (): string => '2024-04-21T09:30:00.000Z' },
    new Date(Number.NaN),
    new Date(-62167219200001),
    new Date(253402300800000),
  ])('%s is refused', (value) => {
    expect(wireTimestamp(value)).toBeUndefined();
  });

  test('a Date is sent as its instant, also one of another realm', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(-62167219200000), max: new Date(253402300799999), noInvalidDate: true }),
        (date) => {
          expect(wireTimestamp(date)).toBe(date.toISOString());
        },
      ),
    );
    expect(wireTimestamp(runInNewContext('new Date(1713691800123)'))).toBe('2024-04-21T09:30:00.123Z');
  });

  test('text with a zone is its instant, cut to the millisecond, where there is such a day', () => {
    fc.assert(
      fc.property(anyText, ({ year, month, day, hour, minute, second, fraction, offset, colon }) => {
        const size = Math.abs(offset ?? 0);
        const zone =
          offset === undefined
            ? 'Z'
            : `${offset < 0 ? '-' : '+'}${pad(Math.floor(size / 60), 2)}${colon ? ':' : ''}${pad(size % 60, 2)}`;
        const clock = `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}`;
        const text = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}${fraction && `.${fraction}`}${zone}`;

        const start = midnight(year, month, day);
        const seconds = hour * 3600 + minute * 60 + second - (offset ?? 0) * 60;
        const wholeMs = Number(BigInt(fraction.padEnd(12, '0')) / 1_000_000_000n);
        const instant = start === undefined ? Number.NaN : start + seconds * 1000 + wholeMs;
        const inRange = instant >= -62167219200000 && instant <= 253402300799999;
        expect(wireTimestamp(text)).toBe(inRange ? new Date(instant).toISOString() : undefined);
      }),
      { numRuns: 2000 },
    );
  });

  test('without its zone the same text is refused, and the message says why', () => {
    fc.assert(
      fc.property(anyText, ({ year, month, day, hour, minute, second, fraction }) => {
        const clock = `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}`;
        const text = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}${fraction && `.${fraction}`}`;
        expect(wireTimestamp(text)).toBeUndefined();
        expect(timestampExpectation(text)).toMatch(/zone at its end/);
      }),
    );
    expect(timestampExpectation('yesterday')).toMatch(/valid Date, or ISO 8601/);
    expect(timestampExpectation(12)).toMatch(/valid Date, or ISO 8601/);
  });

  test('whatever is taken comes out in the wire form, unchanged by a second pass', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string(), fc.stringMatching(WIRE)), (value) => {
        const wire = wireTimestamp(value);
        if (wire === undefined) return;
        expect(wire).toMatch(WIRE);
        expect(new Date(wire).toISOString()).toBe(wire);
        expect(wireTimestamp(wire)).toBe(wire);
      }),
      { numRuns: 1000 },
    );
  });
});
