import type { ZodError } from 'zod';
import type { Issue } from '../../types.js';

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
    default:
      return issue.message;
  }
}

/** The faults zod found, in our words, below `at`; each unknown field is one of its own. */
export function issuesOf(error: ZodError, at: Path): Issue[] {
  return error.issues.flatMap((issue) => {
    const path = [...at, ...(issue.path as (string | number)[])];
    if (issue.code !== 'unrecognized_keys') return [{ path, message: expectation(issue) }];
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: key === 'chips' ? 'unknown field: did you mean chip?' : 'unknown field',
    }));
  });
}
