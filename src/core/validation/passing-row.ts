import { isDateTime } from '../timestamp.js';

// A passing checked by hand: a page of 5,000 must not wait for zod. Each check passes only what the generated schema
// accepts; what it does not pass is judged by that schema.

function isTextOrNone(value: unknown): boolean {
  return typeof value === 'string' || value === undefined || value === null;
}

function isNumberOrNone(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : value === undefined || value === null;
}

/** A passing that is to be sent and has no number yet. */
export function isUnnumberedPassing(row: Record<string, unknown>): boolean {
  return row.bib !== '' && hasPassingFields(row);
}

function hasPassingFields(row: Record<string, unknown>): boolean {
  return (
    typeof row.timestamp === 'string' &&
    typeof row.bib === 'string' &&
    isTextOrNone(row.participant_id) &&
    isTextOrNone(row.chip) &&
    isNumberOrNone(row.latitude) &&
    isNumberOrNone(row.longitude) &&
    isTextOrNone(row.status) &&
    isTextOrNone(row.timezone) &&
    isTextOrNone(row.gender)
  );
}

/** A passing as it is sent. */
export function isWirePassing(row: Record<string, unknown>): boolean {
  return isNumber(row.num_passing) && isUnnumberedPassing(row);
}

function isNumber(num_passing: unknown): boolean {
  return typeof num_passing === 'number' && num_passing >= 0 && Number.isSafeInteger(num_passing);
}

/** A passing as it comes, once its coordinates are numbers. */
export function isPassing(row: Record<string, unknown>): boolean {
  return (
    isNumber(row.num_passing) &&
    hasPassingFields(row) &&
    isDateTime(row.timestamp as string) &&
    isTextOrNone(row.token_session) &&
    isTextOrNone(row.deviceid)
  );
}
