import type { PassingInput } from '../../types.js';
import type { Known } from '../option-names.js';
import { isDateTime } from '../timestamp.js';

// The fields of a passing by hand: a page of 5,000 must wait neither for zod nor for a loop over names, which costs twice the
// time. A test holds this file against the generated schemas, field by field.

type Row = Record<string, unknown>;

/** The prechecks accept only what the schema accepts. They may reject valid rows; the schema decides. */
function isTextOrNone(value: unknown): boolean {
  return typeof value === 'string' || value === undefined || value === null;
}

function isNumberOrNone(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : value === undefined || value === null;
}

function isNumPassing(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value);
}

function hasPassingFields(row: Row): boolean {
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

/** A passing that is to be sent and has no number yet. Its timestamp is in the wire's form already. */
export function isUnnumberedPassing(row: Row): boolean {
  return row.bib !== '' && hasPassingFields(row);
}

/** A passing as it is sent. */
export function isWirePassing(row: Row): boolean {
  return isNumPassing(row.num_passing) && isUnnumberedPassing(row);
}

/** A passing as it comes, once its coordinates are numbers. */
export function isPassing(row: Row): boolean {
  return (
    isNumPassing(row.num_passing) &&
    hasPassingFields(row) &&
    isDateTime(row.timestamp as string) &&
    isTextOrNone(row.token_session) &&
    isTextOrNone(row.deviceid)
  );
}

/** The least of it. */
export const EXAMPLE_PASSING = { timestamp: '2000-01-01T00:00:00.000Z', num_passing: 0, bib: '' };

const UNNUMBERED: Known<Omit<PassingInput, 'num_passing'>> = {
  timestamp: true,
  bib: true,
  participant_id: true,
  chip: true,
  latitude: true,
  longitude: true,
  status: true,
  timezone: true,
  gender: true,
};
/** The fields of a passing that is to be sent and has no number yet. */
export const UNNUMBERED_FIELDS: readonly string[] = Object.keys(UNNUMBERED);

/** Copies what is set to `row`. Reads each field once: it may be a getter. */
export function copyOptionalFields(passing: Row, row: Row): void {
  const { participant_id, chip, latitude, longitude, status, timezone, gender } = passing;
  if (participant_id !== undefined) row.participant_id = participant_id;
  if (chip !== undefined) row.chip = chip;
  if (latitude !== undefined) row.latitude = latitude;
  if (longitude !== undefined) row.longitude = longitude;
  if (status !== undefined) row.status = status;
  if (timezone !== undefined) row.timezone = timezone;
  if (gender !== undefined) row.gender = gender;
}
