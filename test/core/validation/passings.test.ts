import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wireTimestamp } from '../../../src/core/timestamp.js';
import { formatPath, MAX_ISSUES } from '../../../src/core/validation/issues.js';
import { wirePassings } from '../../../src/core/validation/passings.js';
import { schemas } from '../../../src/core/validation/schemas.js';
import * as wire from '../../../src/generated/zod.gen.js';
import { passingInput } from './rows.js';

await schemas.load();

const passing = (changes: object = {}): Record<string, unknown> => ({
  timestamp: '2024-04-21T09:30:00.000Z',
  num_passing: 1,
  bib: '7',
  ...changes,
});

/** What is wrong, as text; empty where nothing is. */
function faults(passings: unknown, first?: number): string[] {
  const result = wirePassings(passings, first);
  return result.ok ? [] : result.issues.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

function sent(passings: unknown): unknown {
  const result = wirePassings(passings);
  return result.ok ? result.value : result.issues;
}

describe('passings that are fit to send', () => {
  test('are sent as new objects, instants in the wire form, undefined left out, null kept', () => {
    const given = [
      passing({ timestamp: new Date('2024-04-21T09:30:00.999Z'), chip: undefined, gender: null }),
      passing({
        num_passing: 2,
        timestamp: '2024-04-21T11:30:00.1239+02:00',
        bib: 'W1',
        latitude: 41.38,
        longitude: -0,
      }),
    ];
    const before = structuredClone(given);
    expect(sent(given)).toStrictEqual([
      passing({ timestamp: '2024-04-21T09:30:00.999Z', gender: null }),
      passing({ num_passing: 2, timestamp: '2024-04-21T09:30:00.123Z', bib: 'W1', latitude: 41.38, longitude: -0 }),
    ]);
    expect(given).toStrictEqual(before);
    expect(sent(given.map((each) => Object.freeze(each)))).toHaveLength(2);
  });

  test('may be instances of classes, with getters, each of which is read once', () => {
    let reads = 0;
    class Read {
      num_passing = 5;
      get timestamp() {
        reads++;
        return new Date(0);
      }
      get bib() {
        return 'F12';
      }
    }
    expect(sent([new Read(), Object.create(passing(), {})])).toStrictEqual([
      { timestamp: '1970-01-01T00:00:00.000Z', num_passing: 5, bib: 'F12' },
      passing(),
    ]);
    expect(reads).toBe(1);
    expect(sent([Object.assign(Object.create(null), passing())])).toStrictEqual([passing()]);
    expect(sent([Object.create(passing({ inherited: 'by accident' }))])).toStrictEqual([passing()]);
  });
});

describe('passings that are not', () => {
  test.each([
    [{ chips: '1' }, 'chips: unknown field: did you mean chip?'],
    [{ chips: undefined }, 'chips: unknown field: did you mean chip?'],
    [{ token_session: 'A' }, 'token_session: unknown field'],
    [JSON.parse('{"__proto__":{}}'), '__proto__: unknown field'],
    [{ bib: 7 }, 'bib: expected text'],
    [{ bib: null }, 'bib: expected text'],
    [{ bib: undefined }, 'bib: missing'],
    [{ chip: 7 }, 'chip: expected text'],
    [{ gender: ['f'] }, 'gender: expected text'],
    [{ num_passing: 1.5 }, 'num_passing: expected an integer'],
    [{ num_passing: '1' }, 'num_passing: expected a finite number'],
    [{ num_passing: -1 }, 'num_passing: expected at least 0'],
    [{ num_passing: Number.NaN }, 'num_passing: expected a finite number'],
    [{ num_passing: 2 ** 53 }, 'num_passing: expected at most 9007199254740991'],
    [{ latitude: Number.NaN }, 'latitude: expected a finite number'],
    [{ longitude: Number.POSITIVE_INFINITY }, 'longitude: expected a finite number'],
    [{ latitude: '41.38' }, 'latitude: expected a finite number'],
    [{ timestamp: new Date(Number.NaN) }, 'timestamp: expected a valid Date'],
    [{ timestamp: '2024-04-21T09:30:00.000' }, 'timestamp: expected a zone'],
    [{ timestamp: '2024-02-30T09:30:00.000Z' }, 'timestamp: expected a valid Date'],
    [{ timestamp: 1713691800000 }, 'timestamp: expected a valid Date'],
    [{ timestamp: undefined }, 'timestamp: missing'],
  ])('%j is one fault, with its path', (changes, fault) => {
    const found = faults([passing(), { ...passing(), ...changes }]);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`passings[1].${fault}`);
  });

  test('are named each, where there are several', () => {
    expect(
      faults([passing({ bib: 7, chips: 'x', timestamp: 'now' }), null, passing({ num_passing: -1 })], 500),
    ).toEqual([
      'passings[500].timestamp: expected a valid Date, or ISO 8601 text with a zone, such as 2024-04-21T09:30:00.000Z',
      'passings[500].bib: expected text',
      'passings[500].chips: unknown field: did you mean chip?',
      'passings[501]: expected an object',
      'passings[502].num_passing: expected at least 0',
    ]);
  });

  test('are no list, or an empty one, or have holes', () => {
    expect(faults([])).toEqual(['passings: expected at least one item']);
    for (const no of [undefined, null, {}, 'passings', new Set([passing()])]) {
      expect(faults(no)).toEqual(['passings: expected a list']);
    }
    const holed = [passing(), passing(), passing()];
    delete holed[1];
    expect(faults(holed)).toEqual(['passings[1]: expected an object']);
    expect(faults([[passing()]])).toEqual(['passings[0]: expected an object']);
  });

  test('have a number that comes twice, in any order', () => {
    const numbered = (...numbers: number[]) =>
      faults(
        numbers.map((num_passing) => passing({ num_passing })),
        500,
      );
    expect(numbered(1, 2, 3)).toEqual([]);
    expect(numbered(3, 1, 2)).toEqual([]);
    expect(numbered(1, 1)).toEqual(['passings[501].num_passing: is that of passings[500], too']);
    expect(numbered(5, 7, 1, 7, 5)).toEqual([
      'passings[503].num_passing: is that of passings[501], too',
      'passings[504].num_passing: is that of passings[500], too',
    ]);
  });

  test.each([
    ['numPassing', 'num_passing'],
    ['participantId', 'participant_id'],
    ['lat', 'latitude'],
    ['Bib', 'bib'],
    ['chips', 'chip'],
    ['time_stamp', 'timestamp'],
  ])('have the unknown field %s, where %s was meant', (field, meant) => {
    expect(faults([passing({ [field]: 1 })])).toContain(`passings[0].${field}: unknown field: did you mean ${meant}?`);
  });

  test('have an empty bib', () => {
    expect(faults([passing({ bib: '' })])).toEqual(['passings[0].bib: expected text that is not empty']);
  });

  test('do not have their values repeated in what is said of them', () => {
    const secret = 'S3CRET';
    const said = faults([passing({ bib: [secret], timestamp: secret, chip: { secret }, latitude: secret })]);
    expect(said).toHaveLength(4);
    expect(said.join()).not.toContain(secret);
  });

  test('are not all listed', () => {
    expect(faults(Array.from({ length: 5_000 }, () => ({})))).toHaveLength(MAX_ISSUES);
  });
});

test('what goes out is what the schema accepts, and what it accepts goes out', () => {
  fc.assert(
    fc.property(passingInput, (input) => {
      const result = wirePassings([input]);
      const timestamp = wireTimestamp(input.timestamp);
      const fit = timestamp !== undefined && wire.PassingInput.safeParse({ ...input, timestamp }).success;
      expect(result.ok).toBe(fit);
      if (result.ok) expect(wire.PassingInput.safeParse(result.value[0]).success).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});
