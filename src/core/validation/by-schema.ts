import type { ZodError, ZodSafeParseResult, ZodType } from 'zod';
import * as generated from '../../generated/zod.gen.js';
import type { Issue } from '../../types.js';
import { isRecord } from '../payload.js';
import { formatPath, type Path, unknownField, ZONED_EXPECTATION } from './issues.js';

const SCHEMAS = { ...generated, UnnumberedPassing: generated.PassingInput.omit({ num_passing: true }) };

export type SchemaName = keyof typeof SCHEMAS;

/**
 * The faults that the schema finds in `value`, in our words, below `at`; each unknown field is one of its own.
 *
 * @param known The fields there are, for whoever misspelt one.
 */
export function faultsBySchema(
  name: SchemaName,
  value: unknown,
  at: Path = [],
  known: readonly string[] = [],
): Issue[] {
  const parsed = safeParse<unknown>(SCHEMAS[name], value);
  return parsed.success ? [] : issuesOf(parsed.error, value, at, known);
}

function issuesOf(error: ZodError, value: unknown, at: Path, known: readonly string[]): Issue[] {
  const seen = new Set<string>();
  return error.issues.flatMap((issue) => {
    const below = issue.path as (string | number)[];
    const path = [...at, ...below];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownField(key, known) }));
    }
    // zod measures the length of what is no text, too: the first fault of a field says it all.
    const name = formatPath(path);
    if (seen.has(name)) return [];
    seen.add(name);
    return [{ path, message: valueAt(value, below) === undefined ? missing(issue) : expectation(issue) }];
  });
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a finite number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

type ZodIssue = ZodError['issues'][number];

/** What was expected. Never what was there: that may be a token or somebody's data. */
function expectation(issue: ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_union':
      return `expected ${issue.errors.map(([first]) => first && expectation(first).replace('expected ', '')).join(' or ')}`;
    case 'too_small':
      if (issue.origin === 'string') return 'expected text that is not empty';
      if (issue.origin === 'array') return 'expected at least one item';
      return `expected at least ${issue.minimum}`;
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    case 'invalid_format':
      return issue.format === 'datetime' ? ZONED_EXPECTATION : issue.message;
    default:
      return issue.message;
  }
}

function missing(issue: ZodIssue): string {
  return issue.path.length === 0 ? expectation(issue) : 'missing';
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown> | undefined)?.[step], value);
}

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
