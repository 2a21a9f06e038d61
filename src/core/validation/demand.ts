import type { Issue } from '../../types.js';
import { RufusRequestValidationError } from '../errors.js';
import { redact } from '../redact.js';
import type { Checked } from './checked.js';
import { summaryOf } from './issues.js';

/**
 * The checked value, or the error that tells the caller all that is wrong with it.
 *
 * @param before How many items of the same call have been sent already.
 */
export function demand<T>(operation: string, checked: Checked<T>, before = 0): T {
  if (checked.ok) return checked.value;
  throw refused(operation, checked.issues, before);
}

/** Throws if there are issues. */
export function demandNone(operation: string, issues: readonly Issue[]): void {
  if (issues.length > 0) throw refused(operation, issues, 0);
}

function refused(operation: string, issues: readonly Issue[], before: number): RufusRequestValidationError {
  const sent = before === 0 ? 'nothing was sent' : `the first ${before} were sent, nothing of what follows`;
  // A field's name comes from the caller: it may be a token that landed in the wrong place.
  const text = redact(`${operation}: ${sent}. ${summaryOf(issues)}.`);
  const safe = issues.map(({ path, message }) => ({ path: path.map(redactStep), message }));
  return new RufusRequestValidationError(text, { operation, issues: safe });
}

function redactStep(step: string | number): string | number {
  return typeof step === 'string' ? redact(step) : step;
}
