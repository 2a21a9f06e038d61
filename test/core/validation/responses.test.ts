import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { shapes } from '../../../src/core/operations.js';
import type { Shape } from '../../../src/core/payload.js';
import { readCoordinate } from '../../../src/core/validation/coordinates.js';
import { formatPath, MAX_ISSUES } from '../../../src/core/validation/issues.js';
import { isPassing } from '../../../src/core/validation/passing-row.js';
import { checkItem, checkItems } from '../../../src/core/validation/responses.js';
import { schemas } from '../../../src/core/validation/schemas.js';
import * as wire from '../../../src/generated/zod.gen.js';
import type { Issue, ValidationMode } from '../../../src/types.js';
import { passingRow } from './rows.js';

await schemas.load();

const passing = (changes: object = {}): Record<string, unknown> => ({
  timestamp: '2024-04-21T09:30:00.000Z',
  num_passing: 1,
  bib: '7',
  ...changes,
});

/** What a judgement said: refusals and drift, both as text. */
function verdict(shape: Shape, value: unknown, mode: ValidationMode) {
  const drift: string[] = [];
  const note = (field: string, message: string) => drift.push(`${field}: ${message}`);
  const issues = Array.isArray(value)
    ? checkItems(shape, value, mode, note, ['result'])
    : checkItem(shape, value, mode, note, ['result']);
  return { refused: issues.map(({ path, message }: Issue) => `${formatPath(path)}: ${message}`), drift };
}

describe('a passing that is as described', () => {
  test.each(['tolerant', 'strict'] as const)('is accepted in %s, whatever unknown or empty fields it has', (mode) => {
    const rows = [
      passing(),
      passing({ chip: null, latitude: null, timezone: undefined, token_session: 'A', deviceid: 'B' }),
      passing({ tomorrow: { nested: [1] }, num_passing: 0, bib: '' }),
      passing({ timestamp: '2024-04-21T09:30:00.000+02:00' }),
      passing({ timestamp: '2024-04-21T09:30:00Z' }),
      JSON.parse(
        '{"timestamp":"2024-04-21T09:30:00.1-03:30","num_passing":2,"bib":"W1","__proto__":{"bib":3},"constructor":1}',
      ),
    ];
    const before = structuredClone(rows);
    const identities = [...rows];
    expect(verdict(shapes.passing, rows, mode)).toEqual({ refused: [], drift: [] });
    expect(rows).toEqual(before);
    expect(rows.every((row, index) => row === identities[index])).toBe(true);
  });
});

test('ids of a passing that are null are handed on as absent', () => {
  const row = passing({ token_session: null, deviceid: null });
  expect(verdict(shapes.passing, [row], 'strict')).toEqual({ refused: [], drift: [] });
  expect(Object.keys(row)).toEqual(['timestamp', 'num_passing', 'bib']);
});

describe('drift in a passing', () => {
  const odd: [string, object, string, string][] = [
    ['bib that is null', { bib: null }, 'bib', 'expected text'],
    ['bib that is a number', { bib: 7 }, 'bib', 'expected text'],
    ['chip that is a number', { chip: 7 }, 'chip', 'expected text'],
    ['timestamp that is a number', { timestamp: 5 }, 'timestamp', 'expected text'],
    ['negative num_passing', { num_passing: -1 }, 'num_passing', 'expected at least 0'],
    ['latitude that is no number', { latitude: 'abc' }, 'latitude', 'expected a finite number'],
    ['longitude beyond numbers', { longitude: '1e999' }, 'longitude', 'expected a finite number'],
    ['latitude in hex', { latitude: '0x10' }, 'latitude', 'expected a finite number'],
    ['latitude that is an object', { latitude: {} }, 'latitude', 'expected a finite number or text'],
    ['token_session that is a number', { token_session: 5 }, 'token_session', 'expected text'],
  ];

  test.each(odd)('%s: handed on as it came in tolerant, reported', (_, changes, field, message) => {
    const row = passing(changes);
    expect(verdict(shapes.passing, [passing(), row], 'tolerant')).toEqual({
      refused: [],
      drift: [`${field}: ${message}`],
    });
    expect(row).toEqual(passing(changes));
  });

  test.each(odd)('%s: refused in strict, with its path', (_, changes, field, message) => {
    expect(verdict(shapes.passing, [passing(), passing(changes)], 'strict')).toEqual({
      refused: [`result[1].${field}: ${message}`],
      drift: [],
    });
  });

  test('costs the good rows nothing: their coordinates are numbers', () => {
    const rows = [passing({ bib: null, latitude: '1.5' }), passing({ latitude: '12.000' })];
    expect(verdict(shapes.passing, rows, 'tolerant').refused).toEqual([]);
    expect(rows.map((row) => row.latitude)).toEqual([1.5, 12]);
  });
});

describe('an item that cannot be identified', () => {
  const unusable: [keyof typeof shapes, object, string, string][] = [
    ['passing', passing({ num_passing: '1' }), 'num_passing', 'expected an integer'],
    ['passing', passing({ num_passing: 1.5 }), 'num_passing', 'expected an integer'],
    ['passing', passing({ num_passing: 2 ** 53 }), 'num_passing', 'expected an integer'],
    ['passing', passing({ num_passing: null }), 'num_passing', 'expected an integer'],
    ['passing', { timestamp: 'x', bib: '7' }, 'num_passing', 'expected an integer'],
    ['session', { token_session: null, active: true }, 'token_session', 'expected text'],
    ['device', { deviceid: 5 }, 'deviceid', 'expected text'],
    ['raceEvent', {}, 'event_token', 'expected text'],
    ['deviceReceipt', { description: 'ok' }, 'deviceid', 'expected text'],
    ['sessionReceipt', { description: 'ok', token_session: 5 }, 'token_session', 'expected text'],
    ['insertReceipt', { description: 'ok', token_session: null }, 'token_session', 'expected text'],
    ['passingPoll', { passings: [], session_used: 5 }, 'session_used', 'expected text or null'],
    ['passingPoll', { passings: [], resumed_from: 'x' }, 'resumed_from', 'expected an integer or null'],
  ];

  test.each(unusable)('%s %j is refused in tolerant, for %s alone', (name, value, field, message) => {
    expect(verdict(shapes[name], value, 'tolerant')).toEqual({ refused: [`result.${field}: ${message}`], drift: [] });
  });

  test.each(unusable)('%s %j is refused in strict', (name, value, field) => {
    expect(verdict(shapes[name], value, 'strict').refused.join()).toContain(`result.${field}: `);
  });

  test.each([null, undefined, 'row', 5, true, [passing()]])('a row that is %j is refused in either mode', (row) => {
    for (const mode of ['tolerant', 'strict'] as const) {
      const issues = checkItems(shapes.passing, [passing(), row], mode, () => {}, ['result']);
      expect(issues).toEqual([{ path: ['result', 1], message: 'expected an object (passing)' }]);
    }
  });

  test('a page of nothing but bad rows gives no more issues than anyone reads', () => {
    const rows = Array.from({ length: 5_000 }, () => ({ timestamp: 1, bib: '2', latitude: '3' }));
    for (const mode of ['strict', 'tolerant'] as const) {
      expect(checkItems(shapes.passing, [{ bib: 4 }, ...rows], mode, () => {}, [])).toHaveLength(MAX_ISSUES);
    }
    // And no time goes on the rest.
    expect(rows.at(0)?.latitude).toBe(3);
    expect(rows.at(-1)?.latitude).toBe('3');
  });
});

describe('sessions, devices, events and bodies', () => {
  test.each([
    ['session', { token_session: 'A', active: true, alias: null, later: 1 }],
    ['device', { deviceid: 'A', battery_percentage: 100, charging: null, firmware: null }],
    ['raceEvent', { event_token: 'A', start_date: null, edition: '2024' }],
    ['insertReceipt', { description: '', token_session: 'A' }],
    ['insertReceipt', { description: '', token_session: 'A', inserted_count: 3, duplicate_count: null }],
    ['deviceList', { description: '', pagination: { page: 1, limit: 5, total: 0, has_more: false } }],
    ['passingList', { description: '' }],
    ['passingPoll', { passings: [], session_used: null, resumed_from: 42 }],
    ['passingPoll', {}],
  ] as const)('%s %j is as described', (name, value) => {
    expect(verdict(shapes[name], value, 'strict')).toEqual({ refused: [], drift: [] });
    expect(verdict(shapes[name], value, 'tolerant')).toEqual({ refused: [], drift: [] });
  });

  test.each([
    ['session', { token_session: 'A', active: 1 }, 'active: expected true or false'],
    ['session', { token_session: 'A', active: true, passings: 1.5 }, 'passings: expected an integer'],
    ['device', { deviceid: 'A', battery_percentage: 101 }, 'battery_percentage: expected at most 100'],
    ['device', { deviceid: 'A', charging: 'no' }, 'charging: expected true or false'],
    ['raceEvent', { event_token: 'A', edition: 2024 }, 'edition: expected text'],
    ['insertReceipt', { token_session: 'A' }, 'description: missing'],
    ['deviceList', { description: '' }, 'pagination: missing'],
    [
      'eventList',
      { description: '', pagination: { page: 1, limit: 1, total: 1, has_more: 'yes' } },
      'pagination.has_more: expected true or false',
    ],
  ] as const)('%s %j drifts: reported in tolerant, refused in strict', (name, value, fault) => {
    expect(verdict(shapes[name], value, 'tolerant')).toEqual({ refused: [], drift: [fault] });
    expect(verdict(shapes[name], value, 'strict')).toEqual({ refused: [`result.${fault}`], drift: [] });
  });

  test("a body is judged without its payload, which is the items' own", () => {
    const body = { description: 'ok', result: [{ not: 'a passing' }] };
    expect(verdict(shapes.passingList, body, 'strict')).toEqual({ refused: [], drift: [] });
    expect(body.result).toHaveLength(1);
  });
});

describe('coordinates', () => {
  test.each([
    ['12.000', 12],
    ['41.38', 41.38],
    ['-0.1278', -0.1278],
    ['+2.17', 2.17],
    ['.5', 0.5],
    ['5.', 5],
    ['1e2', 100],
    [' 41.38 ', 41.38],
    ['', null],
    ['  ', null],
    ['abc', undefined],
    ['41,38', undefined],
    ['41.38N', undefined],
    ['0x10', undefined],
    ['0b1', undefined],
    ['1e999', undefined],
    ['Infinity', undefined],
    ['NaN', undefined],
    ['-', undefined],
    ['1-2', undefined],
    ['1 2', undefined],
    ['1_000', undefined],
  ])('%j is read as %s', (text, number) => {
    expect(readCoordinate(text)).toBe(number);
  });

  test('come out as numbers, null or absent, whichever way they came, in both modes', () => {
    for (const mode of ['tolerant', 'strict'] as const) {
      const rows = [
        passing({ latitude: '41.38', longitude: 2.17 }),
        passing({ latitude: 41.38, longitude: '2.170' }),
        passing({ latitude: null, longitude: '' }),
        passing(),
      ];
      expect(verdict(shapes.passing, rows, mode)).toEqual({ refused: [], drift: [] });
      expect(rows.map(({ latitude, longitude }) => [latitude, longitude])).toEqual([
        [41.38, 2.17],
        [41.38, 2.17],
        [null, null],
        [undefined, undefined],
      ]);
      expect(rows[3]).not.toHaveProperty('latitude');
    }
  });

  test('any finite number survives the way through text', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(readCoordinate(String(number))).toBe(Object.is(number, -0) ? 0 : number);
      }),
    );
  });

  test('decimals are the very numbers that Number makes of them', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^-?\d{1,12}(\.\d{0,12})?$/), (text) => {
        expect(readCoordinate(text)).toBe(Number(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is read is finite, null or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.eE\d]{0,12}$/)), (text) => {
        const number = readCoordinate(text);
        if (typeof number === 'number') {
          expect(Number.isFinite(number)).toBe(true);
          expect(number).toBe(Number.parseFloat(text));
        } else if (number === null) expect(text.trim()).toBe('');
      }),
    );
  });
});

describe('the check by hand', () => {
  test('never passes what the schema refuses, and passes every plain passing', () => {
    let passed = 0;
    fc.assert(
      fc.property(passingRow, (row) => {
        if (!isPassing(row)) return;
        passed++;
        expect(wire.Passing.safeParse(row).success).toBe(true);
      }),
      { numRuns: 5_000 },
    );
    expect(passed).toBeGreaterThan(100);
    expect(isPassing(passing())).toBe(true);
  });

  test('says the same as the schema, of rows without text coordinates', () => {
    fc.assert(
      fc.property(passingRow, (row) => {
        fc.pre(typeof row.latitude !== 'string' && typeof row.longitude !== 'string');
        expect(isPassing(row)).toBe(wire.Passing.safeParse(row).success);
      }),
      { numRuns: 5_000 },
    );
  });

  test('changes no judgement: with and without it the same is refused, reported and handed on', () => {
    const { precheck, ...unchecked } = shapes.passing as Shape;
    expect(precheck).toBeDefined();
    fc.assert(
      fc.property(fc.array(passingRow, { maxLength: 4 }), fc.constantFrom('tolerant', 'strict'), (rows, mode) => {
        const twin = structuredClone(rows);
        expect(verdict(shapes.passing, rows, mode)).toEqual(verdict(unchecked, twin, mode));
        expect(rows).toEqual(twin);
      }),
    );
  });
});

describe('a page in which many rows drift', () => {
  const SAMPLES = ['2024-04-21T09:30:00Z', 'soon', '', '7', 7, -1, 1.5, null, undefined, {}, true];
  const FIELDS = Object.keys(wire.Passing.shape);
  const oddRow = fc.dictionary(fc.constantFrom(...FIELDS), fc.constantFrom(...SAMPLES), { maxKeys: 4 }).map(passing);
  const fieldsOf = (lines: readonly string[]) => [...new Set(lines.map((line) => line.split(':')[0]))].sort();

  test.each(['tolerant', 'strict'] as const)('is judged as each row by itself, in %s', (mode) => {
    fc.assert(
      fc.property(fc.array(oddRow, { minLength: 1, maxLength: 12 }), (rows) => {
        const alone = structuredClone(rows).map((row) => verdict(shapes.passing, [row], mode));
        const page = verdict(shapes.passing, rows, mode);
        expect(page.refused).toEqual(
          alone.flatMap(({ refused }, index) => refused.map((line) => line.replace('[0]', `[${index}]`))),
        );
        expect(fieldsOf(page.drift)).toEqual(fieldsOf(alone.flatMap(({ drift }) => drift)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('asks the schema about the first of them', () => {
    const schema = vi.spyOn(wire.Passing, 'safeParse');
    onTestFinished(() => schema.mockRestore());
    const rows = Array.from({ length: 5_000 }, (_, index) =>
      passing({ num_passing: index, bib: index, latitude: 'north', gender: index % 2 === 0 ? 1 : 'M' }),
    );
    expect(fieldsOf(verdict(shapes.passing, rows, 'tolerant').drift)).toEqual(['bib', 'gender', 'latitude']);
    expect(schema.mock.calls.length).toBeLessThanOrEqual(2);
  });

  test('refuses a number that is none, although its drift is known', () => {
    const rows = [passing({ num_passing: -1 }), passing({ num_passing: '2' }), passing({ num_passing: -3 })];
    expect(verdict(shapes.passing, rows, 'tolerant').refused).toEqual(['result[1].num_passing: expected an integer']);
  });
});
