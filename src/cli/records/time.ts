import { LineError } from './line-error.js';
import type { Ambiguous, ToInstant } from './zone.js';

export interface TimeOptions {
  /** The zone of times that do not say theirs, such as `Europe/Madrid`. Default: such times are refused. */
  readonly timezone?: string | undefined;
  /** Which one is meant where the clocks make a local time exist twice or not at all. Default: such times are refused. */
  readonly ambiguous?: Ambiguous | undefined;
  /** The day of times of day: `2024-04-21`, or `2024-04-21T18:00`, from which on they count. Default: they are refused. */
  readonly date?: string | undefined;
}

/** From text to `YYYY-MM-DDTHH:mm:ss.sssZ`. @throws LineError */
export type ReadTime = (text: string) => string;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const DATE = '(\\d{4}-\\d{2}-\\d{2})';
const CLOCK = '(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d+))?)?';
const MOMENT = new RegExp(`^(?:${DATE}[Tt ])?${CLOCK}(?: ?([Zz]|[+-]\\d{2}(?::?\\d{2})?))?$`);
/** As it is sent, wherever the date and the time of day exist. */
const WIRE = /^.{10}T.{8}\.\d{3}Z$/;
const START = new RegExp(`^${DATE}(?:[Tt ](\\d{2}):(\\d{2})(?::(\\d{2}))?)?$`);

/**
 * Digits finer than milliseconds are cut off, never rounded, as the library does.
 *
 * @throws RangeError - an option is unusable; the message names it
 */
export async function timeReader({ timezone, ambiguous, date }: TimeOptions): Promise<ReadTime> {
  const toInstant = timezone === undefined ? undefined : await zone(timezone, ambiguous);
  const start = date === undefined ? undefined : startOf(date);
  const dayOf = remembered(calendarDay);
  return (text) => {
    const parts = MOMENT.exec(text);
    if (parts === null) throw new LineError(`timestamp: ${misreading(text)}`);
    const [, day, hour = '', minute = '', second = '00', fraction = '', offset] = parts;
    const clockMs = clock(Number(hour), Number(minute), Number(second), milliseconds(fraction));
    const localMs = day === undefined ? onDay(start, clockMs) : dayOf(day) + clockMs;
    if (WIRE.test(text)) return text;
    return wireForm(instantOf(localMs, offset, toInstant));
  };
}

async function zone(timezone: string, ambiguous: Ambiguous | undefined): Promise<ToInstant> {
  const { zoneReader } = await import('./zone.js');
  try {
    return zoneReader(timezone, ambiguous);
  } catch {
    throw new RangeError(`--timezone takes a name such as Europe/Madrid; there is no ${JSON.stringify(timezone)}`);
  }
}

/** Milliseconds of the first moment that a time of day may mean: it means the first such time from there on. */
function startOf(date: string): number {
  const parts = START.exec(date);
  const [, day = '', hour = '00', minute = '00', second = '00'] = parts ?? [];
  try {
    return calendarDay(day) + clock(Number(hour), Number(minute), Number(second), 0);
  } catch {
    throw new RangeError(`--date takes a day such as 2024-04-21, or 2024-04-21T18:00; ${JSON.stringify(date)} is none`);
  }
}

function onDay(start: number | undefined, clockMs: number): number {
  if (start === undefined) throw new LineError('timestamp: is a time of day; --date says of which day');
  const clockOfStart = ((start % DAY_MS) + DAY_MS) % DAY_MS;
  return start - clockOfStart + clockMs + (clockMs < clockOfStart ? DAY_MS : 0);
}

/** Neighbouring lines share their day. */
function remembered(compute: (text: string) => number): (text: string) => number {
  let last = { text: '', value: 0 };
  return (text) => {
    if (text !== last.text) last = { text, value: compute(text) };
    return last.value;
  };
}

function calendarDay(text: string): number {
  const ms = Date.parse(`${text}T00:00:00.000Z`);
  // The 30th of February is read as the 1st of March.
  if (!Number.isFinite(ms) || !new Date(ms).toISOString().startsWith(text)) {
    throw new LineError('timestamp: is on a day that does not exist');
  }
  return ms;
}

function clock(hour: number, minute: number, second: number, ms: number): number {
  if (hour > 23) throw new LineError('timestamp: hours go from 00 to 23');
  if (minute > 59) throw new LineError('timestamp: minutes go from 00 to 59');
  if (second > 59) throw new LineError('timestamp: seconds go from 00 to 59; a leap second cannot be sent');
  return ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

const milliseconds = (fraction: string): number => (fraction === '' ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0')));

function instantOf(localMs: number, offset: string | undefined, toInstant: ToInstant | undefined): number {
  if (offset === undefined) {
    if (toInstant === undefined) throw new LineError('timestamp: has no zone; --timezone says which one is meant');
    return toInstant(localMs);
  }
  if (offset === 'Z' || offset === 'z') return localMs;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(3).replace(':', ''));
  if (hours > 23 || minutes > 59) throw new LineError('timestamp: has an offset that does not exist');
  const ms = (hours * 60 + minutes) * MINUTE_MS;
  return offset.startsWith('-') ? localMs + ms : localMs - ms;
}

function wireForm(ms: number): string {
  const text = new Date(ms).toISOString();
  // Years outside of 0000 to 9999 have a sign and six digits.
  if (text.length !== 24) throw new LineError('timestamp: is outside of the years 0000 to 9999');
  return text;
}

/** What is wrong with a text that is no time at all. */
function misreading(text: string): string {
  if (text === '') return 'missing';
  if (/^[+-]?\d+(?:[.,]\d+)?$/.test(text))
    return 'a plain number is not taken for a time: its unit and start are not known';
  if (/^[+-]?\d{5,}-/.test(text)) return 'a year has four digits';
  return 'expected ISO 8601, such as 2024-04-21T09:30:00.000Z';
}
