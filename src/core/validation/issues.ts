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

/** Says which field was meant, where one is near. */
export function unknownField(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? 'unknown field' : `unknown field: did you mean ${near}?`;
}
