// The parts of the page that need no browser.
import { describe, expect, test } from 'vitest';
import { age, duration, split, timeOfDay, wholeSeconds } from '../../src/board/page/format.js';
import { Store } from '../../src/board/page/store.js';
import { raceSpan, series } from '../../src/board/page/timeline.js';
import { truthOf } from '../../src/board/page/truth.js';
import type { FullState } from '../../src/board/wire.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe('durations', () => {
  test.each([
    [0, '0.0 s'],
    [840, '0.8 s'],
    [9_949, '9.9 s'],
    [9_950, '10 s'],
    [119_000, '119 s'],
    [2 * MINUTE, '2 min'],
    [119 * MINUTE, '119 min'],
    [2 * HOUR + 5 * MINUTE, '2 h 05 min'],
    [50 * HOUR, '2 d'],
  ])('%d ms took %s', (ms, shown) => expect(duration(ms)).toBe(shown));

  test.each([
    [-500, '0 s'],
    [12_900, '12 s'],
    [61_000, '61 s'],
    [3 * HOUR, '3 h 00 min'],
  ])('%d ms are %s', (ms, shown) => expect(wholeSeconds(ms)).toBe(shown));

  test('an age from the future is a clock that is ahead', () => {
    expect(age(3_000)).toBe('3 s ago');
    expect(age(-1_000)).toBe('0 s ago');
    expect(age(-2 * HOUR)).toBe('2 h 00 min ahead');
  });

  test.each([
    [0, '0:00.0'],
    [59_949, '0:59.9'],
    [59_950, '1:00.0'],
    [725_340, '12:05.3'],
    [3_599_999, '1:00:00.0'],
    [2 * HOUR + 14 * MINUTE + 5_600, '2:14:05.6'],
    [30 * HOUR, '30:00:00.0'],
  ])('%d ms between two crossings are %s', (ms, shown) => expect(split(ms)).toBe(shown));
});

test('times of day are in the race’s zone, and a text that is no time stays as it is', () => {
  expect(timeOfDay('2026-04-20T09:41:05.678Z', 'Europe/Madrid')).toMatch(/^11:41:05/);
  expect(timeOfDay('2026-04-20T09:41:05.678Z', 'UTC', 'tenth')).toMatch(/^09:41:05[.,]6/);
  expect(timeOfDay('yesterday', 'UTC')).toBe('yesterday');
});

describe('the stretch that the chart shows', () => {
  const mat = (minutes: Record<number, number>) => ({
    minutes: new Map(Object.entries(minutes).map(([minute, count]) => [Number(minute), count])),
  });

  test('is that of all checkpoints together', () => {
    expect(raceSpan([mat({ 100: 5 }), mat({ 160: 5, 200: 1 })], 900)).toEqual({ first: 100, last: 200 });
    expect(raceSpan([mat({}), mat({})], 900)).toBeUndefined();
  });

  test('leaves out the tests of the evening before, and clocks that were wrong', () => {
    const race = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [10_000 + index, 10]));
    expect(raceSpan([mat({ ...race, 9000: 40, 0: 1, 900000: 2 })], 10_500)).toEqual({ first: 10_000, last: 10_299 });
  });

  test('leaves out the minute that is not over, but for the first one', () => {
    expect(raceSpan([mat({ 100: 5, 101: 1 })], 101)).toEqual({ first: 100, last: 100 });
    expect(raceSpan([mat({ 101: 1 })], 101)).toEqual({ first: 101, last: 101 });
  });

  test('has a figure for each of its minutes', () => {
    expect(series(mat({ 100: 5, 102: 1 }), 99, 103)).toEqual([0, 5, 0, 1, 0]);
  });
});

describe('what the page says of its own freshness', () => {
  const now = Date.parse('2026-04-20T09:41:12Z');
  const given = {
    link: { state: 'live', since: '2026-04-20T08:00:00Z' },
    silenceMs: 500,
    isSilent: false,
    now,
    timeZone: 'UTC',
  } as const;

  test('live', () => expect(truthOf(given)).toMatchObject({ tone: 'live', label: 'live' }));

  test('no answer: counts the seconds in the label, and not in the sentence that is read out', () => {
    const outage = { ...given, link: { state: 'outage', since: '2026-04-20T09:41:00Z' } } as const;
    const first = truthOf(outage);
    const later = truthOf({ ...outage, now: now + MINUTE });
    expect([first.tone, first.label, later.label]).toEqual(['warn', 'no answer for 12 s', 'no answer for 72 s']);
    expect(first.sentence).toContain('09:41:00');
    expect(later.sentence).toBe(first.sentence);
  });

  test('key refused', () => {
    const refused = truthOf({ ...given, link: { state: 'refused', since: '2026-04-20T09:41:00Z' } });
    expect(refused).toMatchObject({ tone: 'bad', label: 'key refused', sentence: expect.stringContaining('09:41:00') });
  });

  test('a silent server comes first: what it said of RUFUS is old', () => {
    const silent = truthOf({ ...given, isSilent: true, silenceMs: HOUR });
    expect(silent).toMatchObject({
      tone: 'bad',
      label: 'board silent for 60 min',
      sentence: expect.stringContaining('08:41:12'),
    });
  });
});

describe('what the page keeps', () => {
  const counts = { deviceid: 'D', alias: 'Finish', reads: 1, runners: 1, last: null } as const;
  const state: FullState = {
    title: 'City run',
    timeZone: 'UTC',
    asOf: '2026-04-20T09:41:00Z',
    link: { state: 'live', since: '2026-04-20T09:00:00Z' },
    notice: null,
    devices: [{ ...counts, perMinute: [['2026-04-20T09:40:00.000Z', 1]] }],
    status: {},
    recent: [],
  };
  const minute = Date.parse('2026-04-20T09:40:00Z') / MINUTE;

  test('is the state, and what updates change of it', () => {
    const store = new Store();
    store.take({ event: 'update', data: { asOf: state.asOf, notice: 'too early' } });
    expect(store.board).toBeUndefined();
    store.take({ event: 'state', data: state });
    const perMinute = [
      ['2026-04-20T09:40:00.000Z', 3],
      ['2026-04-20T09:41:00.000Z', 2],
    ] as const;
    store.take({
      event: 'update',
      data: {
        asOf: state.asOf,
        devices: [
          { ...counts, reads: 5, perMinute },
          { ...counts, deviceid: 'E1234567890', alias: null, perMinute: [] },
        ],
      },
    });
    const [first, second] = store.board!.checkpoints;
    expect(first).toMatchObject({ name: 'Finish', reads: 5 });
    expect([...first!.minutes]).toEqual([
      [minute, 3],
      [minute + 1, 2],
    ]);
    expect(second).toMatchObject({ name: 'E1234567' });
    expect(store.board).toMatchObject({ title: 'City run', notice: null });
  });

  test('reckons by the server’s clock, whatever its own says', () => {
    const store = new Store();
    store.take({ event: 'beat', data: { asOf: new Date(Date.now() + 90 * MINUTE).toISOString() } });
    expect(store.now() - Date.now()).toBeGreaterThan(89 * MINUTE);
  });
});
