import type { ZodSafeParseResult, ZodType } from 'zod';
import { isRecord } from '../envelope.js';

/**
 * zod's `safeParse`, which throws nothing of its own. zod's length checks run on what has failed its type check, too, and compare
 * whatever its `length` is: an object that cannot be compared makes them throw.
 */
export function safeParse<T>(schema: ZodType<T>, value: unknown): ZodSafeParseResult<T> {
  try {
    return schema.safeParse(value);
  } catch {
    return schema.safeParse(withoutLengths(value, DEPTH));
  }
}

/** Deeper than any schema of the API goes. */
const DEPTH = 4;

/** The same to a schema, but for objects with a `length`. */
function withoutLengths(value: unknown, depth: number): unknown {
  if (depth > 0 && Array.isArray(value)) return value.map((item) => withoutLengths(item, depth - 1));
  if (typeof value === 'function') return {};
  if (!isRecord(value)) return value;
  const fields = depth > 0 ? Object.entries(value).filter(([name]) => name !== 'length') : [];
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutLengths(field, depth - 1)]));
}
