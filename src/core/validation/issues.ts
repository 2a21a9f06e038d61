import type { ZodError } from 'zod';
import type { Issue } from '../../types.js';
import { nearest } from '../known.js';

export type Path = readonly (string | number)[];

/** More faults than this help nobody; a page of 5,000 bad rows must not become 50,000 objects. */
export const MAX_ISSUES = 100;

/** `['passings', 17, 'timestamp']` as `passings[17].timestamp`. */
export function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

/** The first few, for a message: all of them are in the error's `issues`. */
export function summaryOf(issues: readonly Issue[]): string {
  const shown = issues
    .slice(0, 3)
    .map(({ path, message }) => (path.length === 0 ? message : `${formatPath(path)}: ${message}`));
  const more = issues.length > 3 ? `; and ${issues.length - 3} more` : '';
  return shown.join('; ') + more;
}

/** What is said of a time that came. */
export const ZONED_EXPECTATION =
  'expected a date-time with its zone, Z or an offset: without one JavaScript reads it as local time, and results are off by hours';

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

/** The faults zod found in `value`, in our words, below `at`; each unknown field is one of its own. `known`: the fields there are. */
export function issuesOf(error: ZodError, value: unknown, at: Path, known: readonly string[] = []): Issue[] {
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

/** Says which field was meant, where one is near. */
export function unknownField(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? 'unknown field' : `unknown field: did you mean ${near}?`;
}

function missing(issue: ZodIssue): string {
  return issue.path.length === 0 ? expectation(issue) : 'missing';
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown> | undefined)?.[step], value);
}
