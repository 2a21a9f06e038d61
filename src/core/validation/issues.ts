import type { Issue } from '../../types.js';
import { RufusRequestValidationError } from '../errors.js';
import { nearest } from '../option-names.js';
import { redact } from '../redact.js';

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

/** What a check of the caller's input gives: the input as the wire takes it, or what is wrong with it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * The check of input that was read at the call. To be called once the schemas are loaded: it gives what it would have given at
 * the call, whatever the caller has done to the input since.
 */
export type DeferredCheck<T> = () => Checked<T>;

export function checked<T>(value: T, issues: readonly Issue[]): Checked<T> {
  return issues.length === 0 ? { ok: true, value } : { ok: false, issues };
}

/**
 * The checked value, or the error that tells the caller all that is wrong with it.
 *
 * @param before How many items of the same call have been sent already.
 */
export function assertValid<T>(operation: string, result: Checked<T>, before = 0): T {
  if (result.ok) return result.value;
  throw validationError(operation, result.issues, before);
}

/** Throws if there are issues. */
export function assertNoIssues(operation: string, issues: readonly Issue[], before = 0): void {
  if (issues.length > 0) throw validationError(operation, issues, before);
}

function validationError(operation: string, issues: readonly Issue[], before: number): RufusRequestValidationError {
  const sent = before === 0 ? 'nothing was sent' : `the first ${before} were sent, nothing of what follows`;
  // A field's name comes from the caller: it may be a token that landed in the wrong place.
  const text = redact(`${operation}: ${sent}. ${summaryOf(issues)}.`);
  const safe = issues.map(({ path, message }) => ({ path: path.map(redactStep), message }));
  return new RufusRequestValidationError(text, { operation, issues: safe });
}

function redactStep(step: string | number): string | number {
  return typeof step === 'string' ? redact(step) : step;
}
