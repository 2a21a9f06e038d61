import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { LineError } from '../../../src/cli/records/line-error.js';
import { type TimeOptions, timeReader } from '../../../src/cli/records/time.js';
import { wireTimestamp } from '../../../src/core/timestamp.js';

async function read(text: string, options: TimeOptions = {}): Promise<string> {
  const readTime = await timeReader(options);
  try {
    return readTime(text);
  } catch (error) {
    if (error instanceof LineError) return error.message;
    throw error;
  }
}

const pad = (value: number, width = 2) => String(value).padStart(width, '0');

describe('a time with a zone', () => {
  test.each([
    ['2024-04-21T09:30:00.123Z', '2024-04-21T09:30:00.123Z'],
    ['2024-04-21 09:30:00.123Z', '2024-04-21T09:30:00.123Z'],
    ['2024-04-21 11:30:00,5 +02:00', '2024-04-21T09:30:00.500Z'],
    ['2024-04-21T9:30Z', '2024-04-21T09:30:00.000Z'],
    ['2024-04-21T11:30+0200', '2024-04-21T09:30:00.000Z'],
    ['2024-04-21T00:30-05', '2024-04-21T05:30:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['1899-12-31T23:59:59.999Z', '1899-12-31T23:59:59.999Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['0099-06-01T00:00:00Z', '0099-06-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.9999Z', '9999-12-31T23:59:59.999Z'],
    ['1969-12-31T23:59:59.9999Z', '1969-12-31T23:59:59.999Z'],
  ])('%s is %s', async (text, time) => {
    expect(await read(text)).toBe(time);
    expect(await read(text, { timezone: 'Asia/Tokyo', ambiguous: 'later', date: '2020-01-01' })).toBe(time);
  });

  it('is what the library itself would send, wherever that takes it', async () => {
    const readTime = await timeReader({});
    const moment = fc.record({
      date: fc.tuple(
        fc.integer({ min: 0, max: 9999 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 31 }),
      ),
      clock: fc.tuple(fc.integer({ min: 0, max: 24 }), fc.integer({ min: 0, max: 60 })),
      second: fc.oneof(
        fc.constant(''),
        fc.integer({ min: 0, max: 60 }).map((second) => `:${pad(second)}`),
      ),
      fraction: fc.oneof(fc.constant(''), fc.stringMatching(/^[.,]\d{1,12}$/)),
      zone: fc.oneof(
        fc.constantFrom('Z', 'z', '-00:00', '+24:00', '+02:60'),
        fc.stringMatching(/^[+-]([01]\d|2[0-3])(:?[0-5]\d)?$/),
      ),
    });
    let taken = 0;
    fc.assert(
      fc.property(moment, ({ date: [year, month, day], clock, second, fraction, zone }) => {
        const text = `${pad(year, 4)}-${pad(month)}-${pad(day)}T${clock.map((part) => pad(part)).join(':')}${second}${second && fraction}${zone}`;
        const expected = wireTimestamp(text);
        if (expected === undefined) {
          expect(() => readTime(text)).toThrow(LineError);
        } else {
          taken++;
          expect(readTime(text)).toBe(expected);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  test.each([
    ['2023-02-29T00:00:00Z', 'is on a day that does not exist'],
    ['2024-04-31T00:00:00Z', 'is on a day that does not exist'],
    ['2024-13-01T00:00:00Z', 'is on a day that does not exist'],
    ['2024-00-01T00:00:00Z', 'is on a day that does not exist'],
    ['2024-01-00T00:00:00Z', 'is on a day that does not exist'],
    ['1900-02-29T00:00:00Z', 'is on a day that does not exist'],
    ['2024-04-21T24:00:00Z', 'hours go from 00 to 23'],
    ['2024-04-21T09:60:00Z', 'minutes go from 00 to 59'],
    ['2016-12-31T23:59:60Z', 'seconds go from 00 to 59; a leap second cannot be sent'],
    ['2024-04-21T09:30:00+24:00', 'has an offset that does not exist'],
    ['2024-04-21T09:30:00+02:60', 'has an offset that does not exist'],
    ['9999-12-31T23:59:59-00:01', 'is outside of the years 0000 to 9999'],
    ['0000-01-01T00:00:00+00:01', 'is outside of the years 0000 to 9999'],
    ['10000-01-01T00:00:00Z', 'a year has four digits'],
    ['+010000-01-01T00:00:00Z', 'a year has four digits'],
    ['1713690000', 'a plain number is not taken for a time: its unit and start are not known'],
    ['1713690000123', 'a plain number is not taken for a time: its unit and start are not known'],
    ['-1', 'a plain number is not taken for a time: its unit and start are not known'],
    ['45403.39583', 'a plain number is not taken for a time: its unit and start are not known'],
    ['', 'missing'],
  ])('%s: %s', async (text, reason) => {
    expect(await read(text, { timezone: 'UTC', date: '2024-04-21' })).toBe(`timestamp: ${reason}`);
  });

  test.each([
    'yesterday',
    '21/04/2024 09:30:00Z',
    '04/21/2024',
    '21.04.2024 09:30',
    '2024-04-21',
    '20240421T093000Z',
    '2024-4-21T09:30:00Z',
    '2024-04-21T09:30:00 PM',
    '2024-04-21T09:30:00.Z',
    '2024-04-21T09:30.5Z',
    '2024-04-21T09Z',
    '2024-04-21T09:30:00+02:00[Europe/Madrid]',
    '2024-04-21T09:30:00 CET',
    ' 2024-04-21T09:30:00Z',
    '2024-04-21T09:30:00Z ',
    '2024-04-21  09:30:00Z',
    '２０２４-04-21T09:30:00Z',
    '2024-04-21T09:30:00Z\n',
    '-2024-04-21T09:30:00Z',
  ])('%j is no time', async (text) => {
    const reason = 'timestamp: expected ISO 8601, such as 2024-04-21T09:30:00.000Z';
    expect(await read(text, { timezone: 'UTC', date: '2024-04-21' })).toBe(reason);
  });
});

describe('a time without a zone', () => {
  it('is refused unless the zone is named', async () => {
    expect(await read('2024-04-21T09:30:00')).toBe('timestamp: has no zone; --timezone says which one is meant');
    expect(await read('2024-04-21T09:30:00', { timezone: 'Europe/Madrid' })).toBe('2024-04-21T07:30:00.000Z');
    expect(await read('2024-12-21 09:30', { timezone: 'Europe/Madrid' })).toBe('2024-12-21T08:30:00.000Z');
    expect(await read('2024-04-21T09:30:00', { timezone: 'Asia/Kathmandu' })).toBe('2024-04-21T03:45:00.000Z');
    expect(await read('2024-04-21T09:30:00', { timezone: '+02:00' })).toBe('2024-04-21T07:30:00.000Z');
    expect(await read('2024-04-21T09:30:00', { timezone: 'utc' })).toBe('2024-04-21T09:30:00.000Z');
    // Before there were zones, Madrid was 14 minutes and 44 seconds behind Greenwich.
    expect(await read('1899-12-31T12:00:00', { timezone: 'Europe/Madrid' })).toBe('1899-12-31T12:14:44.000Z');
    expect(await read('0000-01-01T00:00:00', { timezone: '+02:00' })).toBe(
      'timestamp: is outside of the years 0000 to 9999',
    );
  });

  test.each([
    ['Europe/Madrid', '2024-03-31T02:00:00', 'does not exist', '2024-03-31T00:00:00.000Z', '2024-03-31T01:00:00.000Z'],
    [
      'Europe/Madrid',
      '2024-03-31T02:59:59.999',
      'does not exist',
      '2024-03-31T00:59:59.999Z',
      '2024-03-31T01:59:59.999Z',
    ],
    ['Europe/Madrid', '2024-10-27T02:00:00', 'is there twice', '2024-10-27T00:00:00.000Z', '2024-10-27T01:00:00.000Z'],
    [
      'Europe/Madrid',
      '2024-10-27T02:59:59.999',
      'is there twice',
      '2024-10-27T00:59:59.999Z',
      '2024-10-27T01:59:59.999Z',
    ],
    [
      'America/New_York',
      '2024-11-03T01:30:00',
      'is there twice',
      '2024-11-03T05:30:00.000Z',
      '2024-11-03T06:30:00.000Z',
    ],
    // Half an hour.
    [
      'Australia/Lord_Howe',
      '2024-10-06T02:15:00',
      'does not exist',
      '2024-10-05T15:15:00.000Z',
      '2024-10-05T15:45:00.000Z',
    ],
    [
      'Australia/Lord_Howe',
      '2024-04-07T01:45:00',
      'is there twice',
      '2024-04-06T14:45:00.000Z',
      '2024-04-06T15:15:00.000Z',
    ],
    // A whole day.
    ['Pacific/Apia', '2011-12-30T12:00:00', 'does not exist', '2011-12-29T22:00:00.000Z', '2011-12-30T22:00:00.000Z'],
  ])('in %s, %s %s unless --ambiguous says what is meant', async (timezone, text, what, earlier, later) => {
    const went = what === 'is there twice' ? 'back' : 'forward';
    expect(await read(text, { timezone })).toBe(
      `timestamp: ${what} in ${timezone}, where the clocks went ${went}; --ambiguous earlier|later chooses`,
    );
    expect(await read(text, { timezone, ambiguous: 'earlier' })).toBe(earlier);
    expect(await read(text, { timezone, ambiguous: 'later' })).toBe(later);
  });

  test.each([
    ['2024-03-31T01:59:59.999', '2024-03-31T00:59:59.999Z'],
    ['2024-03-31T03:00:00', '2024-03-31T01:00:00.000Z'],
    ['2024-10-27T01:59:59.999', '2024-10-26T23:59:59.999Z'],
    ['2024-10-27T03:00:00', '2024-10-27T02:00:00.000Z'],
  ])('in Europe/Madrid, %s is not ambiguous', async (text, time) => {
    for (const ambiguous of [undefined, 'earlier', 'later'] as const) {
      expect(await read(text, { timezone: 'Europe/Madrid', ambiguous })).toBe(time);
    }
  });

  it('means an instant at which the clocks of that zone show it', async () => {
    const zones = [
      'Europe/Madrid',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'Pacific/Apia',
      'Africa/Casablanca',
    ];
    const clocks = new Map(
      zones.map((timeZone) => [
        timeZone,
        new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium', calendar: 'iso8601' }),
      ]),
    );
    const readers = new Map(
      await Promise.all(
        zones.map(async (timezone) => {
          const readings = [undefined, 'earlier', 'later'] as const;
          return [
            timezone,
            await Promise.all(readings.map((ambiguous) => timeReader({ timezone, ambiguous }))),
          ] as const;
        }),
      ),
    );
    const instant = fc.oneof(
      fc.integer({ min: Date.UTC(1990), max: Date.UTC(2040) }),
      // Around the change of the clocks.
      fc.integer({ min: Date.UTC(2024, 2, 31, 0), max: Date.UTC(2024, 2, 31, 3) }),
      fc.integer({ min: Date.UTC(2024, 9, 27, 0), max: Date.UTC(2024, 9, 27, 3) }),
      fc.integer({ min: Date.UTC(2024, 3, 6, 14), max: Date.UTC(2024, 3, 6, 17) }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, (zone, at) => {
        const show = (ms: number) => clocks.get(zone)!.format(ms);
        const text = `${show(at)}.${pad(at % 1000, 3)}`;
        const [strict, earlier, later] = readers.get(zone)!.map((readTime) => {
          try {
            return Date.parse(readTime(text));
          } catch (error) {
            expect(String(error)).toContain('is there twice');
            return undefined;
          }
        });
        for (const ms of [earlier!, later!]) expect(show(ms)).toBe(show(at));
        if (strict === undefined) expect([earlier, later]).toContain(at);
        else expect([strict, earlier, later]).toEqual([at, at, at]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is read alike when many minutes have been seen, those around a change among them', async () => {
    const timezone = 'Europe/Madrid';
    const used = await timeReader({ timezone });
    const at = (minutes: number) => new Date(Date.UTC(2024, 9, 26, 21) + minutes * 61_007).toISOString().slice(0, -1);
    for (let minutes = 0; minutes < 6_000; minutes++) {
      const text = at(minutes);
      const expected = await read(text, { timezone });
      let found: string;
      try {
        found = used(text);
      } catch (error) {
        found = (error as Error).message;
      }
      if (found !== expected) expect([text, found]).toEqual([text, expected]);
    }
  });
});

describe('a change in the middle of a minute', () => {
  it('divides it', async () => {
    // With the new century, Madrid left its own time: 23:45:16 was followed by midnight.
    const readTime = await timeReader({ timezone: 'Europe/Madrid' });
    expect(readTime('1900-12-31T23:45:15')).toBe('1900-12-31T23:59:59.000Z');
    expect(() => readTime('1900-12-31T23:45:16')).toThrow('does not exist');
    expect(readTime('1900-12-31T23:45:10')).toBe('1900-12-31T23:59:54.000Z');
    expect(readTime('1901-01-01T00:00:00')).toBe('1901-01-01T00:00:00.000Z');
  });
});

describe('a time of day', () => {
  it('is refused unless its day is named', async () => {
    const reason = 'timestamp: is a time of day; --date says of which day';
    expect(await read('09:30:00', { timezone: 'UTC' })).toBe(reason);
    expect(await read('09:30:00Z')).toBe(reason);
  });

  test.each([
    ['09:30:00.123', '2024-04-21T07:30:00.123Z'],
    ['9:30:00', '2024-04-21T07:30:00.000Z'],
    ['09:30', '2024-04-21T07:30:00.000Z'],
    ['00:00:00', '2024-04-20T22:00:00.000Z'],
    ['23:59:59,999', '2024-04-21T21:59:59.999Z'],
    ['09:30:00Z', '2024-04-21T09:30:00.000Z'],
    ['09:30:00-04:00', '2024-04-21T13:30:00.000Z'],
  ])('%s of 2024-04-21 in Madrid is %s', async (text, time) => {
    expect(await read(text, { timezone: 'Europe/Madrid', date: '2024-04-21' })).toBe(time);
  });

  it('of a race over midnight is the first such time from the moment that --date names', async () => {
    const options = { timezone: 'Europe/Madrid', date: '2024-04-21T18:00' };
    expect(await read('18:00:00', options)).toBe('2024-04-21T16:00:00.000Z');
    expect(await read('23:59:59.999', options)).toBe('2024-04-21T21:59:59.999Z');
    expect(await read('00:00:00', options)).toBe('2024-04-21T22:00:00.000Z');
    expect(await read('17:59:59.999', options)).toBe('2024-04-22T15:59:59.999Z');
    expect(await read('00:00:00', { timezone: 'UTC', date: '2024-12-31 12:00:00' })).toBe('2025-01-01T00:00:00.000Z');
    expect(await read('00:30:00', { timezone: 'UTC', date: '1960-02-28T12:00' })).toBe('1960-02-29T00:30:00.000Z');
    expect(await read('13:00:00', { timezone: 'UTC', date: '1960-02-28T12:00' })).toBe('1960-02-28T13:00:00.000Z');
  });

  it('may fall into the hour that is not there, or there twice', async () => {
    const madrid = { timezone: 'Europe/Madrid' };
    expect(await read('02:30:00', { ...madrid, date: '2024-03-31' })).toContain('does not exist');
    expect(await read('02:30:00', { ...madrid, date: '2024-10-26T12:00' })).toContain('is there twice');
    expect(await read('02:30:00', { ...madrid, date: '2024-10-27', ambiguous: 'later' })).toBe(
      '2024-10-27T01:30:00.000Z',
    );
  });
});

describe('an option', () => {
  test.each(['Mars/Olympus', '', 'Europe/', 'local', 'CET+1'])('--timezone %j is refused', async (timezone) => {
    await expect(timeReader({ timezone })).rejects.toThrow(
      new RangeError(`--timezone takes a name such as Europe/Madrid; there is no ${JSON.stringify(timezone)}`),
    );
  });

  test.each([
    '2024-02-30',
    '21.04.2024',
    '',
    'today',
    '2024-04-21T24:00',
    '2024-04-21T09',
    '2024-04-21T09:30Z',
    '10000-01-01',
  ])('--date %j is refused', async (date) => {
    await expect(timeReader({ date })).rejects.toThrow(
      new RangeError(`--date takes a day such as 2024-04-21, or 2024-04-21T18:00; ${JSON.stringify(date)} is none`),
    );
  });
});
