import { expect, test } from 'vitest';
import * as wire from '../src/generated/zod.gen.js';
import * as schemas from '../src/schemas.js';

test('the schemas are the generated ones, under their plain names', () => {
  expect(Object.keys(schemas)).toEqual(
    expect.arrayContaining(['Device', 'InsertPassingsRequest', 'Passing', 'PassingInput', 'RaceEvent', 'Session']),
  );
  for (const [name, schema] of Object.entries(schemas)) expect(schema).toBe(Reflect.get(wire, name));
});

test('stored data is validated with them, as a reader of the documentation would', () => {
  const stored = JSON.stringify([
    { timestamp: '2024-04-21T09:30:00.000Z', num_passing: 1, bib: '7', latitude: '41.38', added: 'later' },
  ]);
  expect(schemas.Passing.array().parse(JSON.parse(stored))).toEqual(JSON.parse(stored));
  expect(() => schemas.Passing.parse({ bib: '7' })).toThrow(/timestamp/);
  expect(() => schemas.PassingInput.parse({ ...JSON.parse(stored)[0] })).toThrow(/added/);
});
