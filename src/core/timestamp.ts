import { types } from 'node:util';
import type { Passing } from '../types.js';
import { RufusResponseValidationError } from './errors.js';
import { ZONED_EXPECTATION } from './validation/issues.js';

const DATE = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])';
const HOUR = '(?:[01]\\d|2[0-3])';
const SIXTY = '[0-5]\\d';

/** The form that is sent, as most callers hand it over already. */
const WIRE = new RegExp(`^${DATE}T${HOUR}:${SIXTY}:${SIXTY}\\.\\d{3}Z$`);
/** ISO 8601 without its zone: date, minute, second, fraction. */
const LOCAL = `(${DATE})[Tt](${HOUR}:${SIXTY})(?::(${SIXTY})(?:[.,](\\d+))?)?`;
const UNZONED = new RegExp(`^${LOCAL}$`);
/** The same with its zone: Z, +HH:MM, +HHMM or +HH. */
const ZONED = new RegExp(`^${LOCAL}(?:[Zz]|([+-])(${HOUR})(?::?(${SIXTY}))?)$`);

/** As answers have it: all of RFC 3339 but its lower case. */
const RFC3339 = new RegExp(`^${DATE}T${HOUR}:${SIXTY}:${SIXTY}(?:\\.\\d+)?(?:Z|[+-]${HOUR}:${SIXTY})$`);
const WIRE_FORM = '0000-00-00T00:00:00.000Z';
const DIGIT = 48;

const MINUTE_MS = 60_000;
const FIRST_MS = Date.parse('0000-01-01T00:00:00.000Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** The patterns take any day up to 31; whether the month has it is a matter of the calendar. */
function isOnCalendar(date: string): boolean {
  // Compared as text: for most days no number is made.
  if (date.slice(8, 10) <= '28') return true;
  const day = Number(date.slice(8, 10));
  const month = Number(date.slice(5, 7));
  if (month !== 2) return day <= 30 || ![4, 6, 9, 11].includes(month);
  const year = Number(date.slice(0, 4));
  return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function fromInstant(ms: number): string | undefined {
  return ms >= FIRST_MS && ms <= LAST_MS ? new Date(ms).toISOString() : undefined;
}

/**
 * The instant as the API takes it, `YYYY-MM-DDTHH:mm:ss.sssZ`; undefined where the value is none.
 *
 * Takes a valid Date, or ISO 8601 text with a zone: `Z`, `+02:00`, `+0200` or `+02`; `T` and `Z` in either case;
 * seconds may be absent. Digits finer than milliseconds are cut off, never rounded: a runner is not moved to a later
 * millisecond. Refused: text without a zone, days and hours that do not exist (February 30, 24:00, a leap second),
 * years outside 0000 to 9999.
 */
export function wireTimestamp(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (WIRE.test(value)) return isOnCalendar(value) ? value : undefined;
    const parts = ZONED.exec(value);
    if (parts === null) return undefined;
    const [, date = '', minute, second = '00', fraction = '', sign, hours = '0', minutes = '0'] = parts;
    if (!isOnCalendar(date)) return undefined;
    const utc = `${date}T${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
    const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
    if (sign === undefined || offset === 0) return utc;
    return fromInstant(Date.parse(utc) - (sign === '+' ? offset : -offset));
  }
  return types.isDate(value) ? fromInstant(Date.prototype.getTime.call(value)) : undefined;
}

/** Whether text that came is a date-time of RFC 3339: with seconds and a zone, on a day that exists. A leap second is none: a Date cannot hold it. */
export function isDateTime(text: string): boolean {
  return (isPlainWire(text) || RFC3339.test(text)) && isOnCalendar(text);
}

/** `YYYY-MM-DDTHH:mm:ss.sssZ` by its characters: a page of 5,000 rows takes as many of these looks. */
function isPlainWire(text: string): boolean {
  if (text.length !== 24) return false;
  for (let at = 0; at < 24; at++) {
    const code = text.charCodeAt(at);
    const wanted = WIRE_FORM.charCodeAt(at);
    if (wanted === DIGIT ? code < DIGIT || code > DIGIT + 9 : code !== wanted) return false;
  }
  const two = (at: number): number => (text.charCodeAt(at) - DIGIT) * 10 + text.charCodeAt(at + 1) - DIGIT;
  const month = two(5);
  const day = two(8);
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && two(11) <= 23 && two(14) <= 59 && two(17) <= 59;
}

/** What was expected instead of a value that {@link wireTimestamp} refused. */
export function timestampExpectation(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'string' && UNZONED.test(value)
    ? 'expected a zone at its end, Z or an offset such as +02:00: without one the instant is not known'
    : 'expected a valid Date, or ISO 8601 text with a zone, such as 2024-04-21T09:30:00.000Z';
}

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
