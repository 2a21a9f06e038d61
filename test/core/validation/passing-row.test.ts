// What of a passing is written out by hand, for speed, held against the generated schemas: a field that the document gains fails
// here until passing-row.ts has it.
import { describe, expect, test } from 'vitest';
import type { ZodObject } from 'zod';
import {
  EXAMPLE_PASSING,
  isPassing,
  isUnnumberedPassing,
  isWirePassing,
} from '../../../src/core/validation/passing-row.js';
import { wirePassings, wireUnnumbered } from '../../../src/core/validation/passings.js';
import { schemas } from '../../../src/core/validation/schemas.js';
import * as wire from '../../../src/generated/zod.gen.js';

await schemas.load();

type Row = Record<string, unknown>;

const SAMPLES: readonly unknown[] = [
  '2024-04-21T09:30:00.000Z',
  'W1',
  '',
  7,
  0,
  1.5,
  -1,
  2 ** 53,
  Number.NaN,
  true,
  null,
  undefined,
  {},
  [],
];

/** A valid row with every field that the schema has. */
function fullRow(schema: ZodObject): Row {
  const row: Row = {};
  for (const [field, type] of Object.entries(schema.shape)) {
    // Not null, and coordinates as the numbers that they are made before a precheck.
    const values = SAMPLES.filter(
      (sample) => sample !== null && sample !== undefined && type.safeParse(sample).success,
    );
    row[field] = values.find((value) => typeof value === 'number') ?? values[0];
  }
  return row;
}

describe.each([
  ['isPassing', isPassing, wire.Passing as ZodObject, []],
  ['isWirePassing', isWirePassing, wire.PassingInput as ZodObject, ['timestamp']],
  [
    'isUnnumberedPassing',
    isUnnumberedPassing,
    wire.PassingInput.omit({ num_passing: true }) as ZodObject,
    ['timestamp'],
  ],
] as const)('%s', (_name, precheck, schema, checkedBefore) => {
  const row = fullRow(schema);

  test('accepts a row with every field', () => {
    expect(schema.safeParse(row).success).toBe(true);
    expect(precheck(row)).toBe(true);
  });

  test.each(Object.keys(schema.shape))('accepts of %s what the schema does, and no more', (field) => {
    for (const sample of SAMPLES) {
      const changed = { ...row, [field]: sample };
      const isValid = schema.safeParse(changed).success;
      const isPrechecked = precheck(changed);
      if (isPrechecked && !(checkedBefore as readonly string[]).includes(field))
        expect(isValid, String(sample)).toBe(true);
      // Text in a coordinate is made a number before, or is no valid one: the schema decides about it.
      const isSlow = typeof sample === 'string' && field.endsWith('itude');
      if (isValid && !isSlow) expect(isPrechecked, String(sample)).toBe(true);
    }
  });
});

test('every field of the schema is sent, and no other is known', () => {
  const row = fullRow(wire.PassingInput);
  expect(wirePassings([row])).toStrictEqual({ ok: true, value: [row] });
  const { num_passing: _, ...unnumbered } = row;
  expect(wireUnnumbered([unnumbered])).toStrictEqual({ ok: true, value: [unnumbered] });
  expect(wireUnnumbered([row])).toMatchObject({ ok: false, issues: [{ path: ['passings', 0, 'num_passing'] }] });
});

test('the example is a passing, and has only what a passing must have', () => {
  expect(isPassing(EXAMPLE_PASSING)).toBe(true);
  for (const field of Object.keys(EXAMPLE_PASSING)) {
    expect(wire.Passing.safeParse({ ...EXAMPLE_PASSING, [field]: undefined }).success, field).toBe(false);
  }
});
