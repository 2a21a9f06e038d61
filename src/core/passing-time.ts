import type { Passing } from '../types.js';
import { RufusResponseValidationError } from './errors.js';
import { isDateTime } from './timestamp.js';
import { ZONED_EXPECTATION } from './validation/issues.js';

/**
 * The moment of a passing, to the millisecond: finer digits are cut off.
 *
 * In the tolerant mode answers are handed on as they came. `new Date('2023-01-22 09:20:26')` would take such a text for local
 * time, and every result would be off by hours; this does not guess.
 *
 * @throws RufusResponseValidationError - its text is no date-time with a zone
 * @example
 * const seconds = (passingTime(finish).getTime() - passingTime(start).getTime()) / 1000;
 */
export function passingTime(passing: Pick<Passing, 'timestamp'>): Date {
  const timestamp: unknown = passing?.timestamp;
  if (typeof timestamp === 'string' && isDateTime(timestamp)) return new Date(timestamp);
  throw new RufusResponseValidationError(`The time of a passing cannot be used: ${ZONED_EXPECTATION}.`, {
    issues: [{ path: ['timestamp'], message: ZONED_EXPECTATION }],
    status: 200,
  });
}
