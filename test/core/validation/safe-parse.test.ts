import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { safeParse } from '../../../src/core/validation/by-schema.js';

const schema = z.looseObject({
  text: z.string().min(1),
  list: z.array(z.strictObject({ name: z.string().max(3) })).min(1),
});
const INCOMPARABLE: [string, unknown][] = [
  ['of JSON', JSON.parse('{"length":{"toString":null}}')],
  ['a symbol', { length: Symbol('1') }],
  ['inherited', Object.create({ length: { valueOf: null, toString: null } })],
  ['of a function', Object.defineProperty(() => {}, 'length', { value: { toString: null } })],
];

const pathsOf = (value: unknown) => safeParse(schema, value).error?.issues.map(({ path }) => path.join('.')) ?? [];

describe.each(INCOMPARABLE)('a length that cannot be compared, %s', (_, odd) => {
  test('is a fault of its field, wherever it is, like any other', () => {
    expect(() => schema.safeParse({ text: odd })).toThrow(TypeError);
    expect(pathsOf({ text: odd, list: [{ name: 'a' }] })).toEqual(['text']);
    expect(pathsOf({ text: '', list: odd })).toEqual(['text', 'list']);
    expect(pathsOf({ text: 'a', list: [{ name: odd }, { name: 'long' }, 5] })).toEqual([
      'list.0.name',
      'list.1.name',
      'list.2',
    ]);
  });
});

test('what is sound is handed on as it is', () => {
  const value = { text: 'a', list: [{ name: 'abc' }], length: { toString: null } };
  expect(safeParse(schema, value)).toEqual({ success: true, data: value });
});
