// Numbers and times as the browser's locale has them, durations in words.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const number = new Intl.NumberFormat();
export const count = (value: number): string => number.format(value);

const oneDigit = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** As exact as is of use: `0.8 s`, `42 s`, `12 min`, `3 h 05 min`, `4 d`. */
export function duration(ms: number): string {
  if (ms < 9.95 * SECOND) return `${oneDigit.format(Math.max(0, ms) / SECOND)} s`;
  if (ms < 2 * MINUTE) return `${Math.round(ms / SECOND)} s`;
  return longer(ms);
}

/** For what is shown every second: `12 s`, `12 min`, `3 h 05 min`, `4 d`. */
export function wholeSeconds(ms: number): string {
  return ms < 2 * MINUTE ? `${Math.max(0, Math.floor(ms / SECOND))} s` : longer(ms);
}

function longer(ms: number): string {
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY)
    return `${Math.floor(ms / HOUR)} h ${String(Math.floor((ms % HOUR) / MINUTE)).padStart(2, '0')} min`;
  return `${Math.floor(ms / DAY)} d`;
}

/** Between two crossings of a runner, as stopwatches show it: `12:05.3`, `1:02:05.3`. */
export function split(ms: number): string {
  const tenths = Math.round(ms / 100);
  const [hours, minutes, seconds] = [tenths / 36_000, (tenths / 600) % 60, (tenths / 10) % 60].map(Math.floor) as [
    number,
    number,
    number,
  ];
  const two = (value: number) => String(value).padStart(2, '0');
  const head = hours > 0 ? `${hours}:${two(minutes)}` : String(minutes);
  return `${head}:${two(seconds)}${oneDigit.format((tenths % 10) / 10).slice(1)}`;
}

/** How old something is. A time from the future is a clock that is wrong. */
export function age(ms: number): string {
  return ms < -2 * SECOND ? `${wholeSeconds(-ms)} ahead` : `${wholeSeconds(ms)} ago`;
}

const cache = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([timeZone, options]);
  let format = cache.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(undefined, { timeZone, ...options });
    cache.set(key, format);
  }
  return format;
}

type Precision = 'minute' | 'second' | 'tenth';

const PRECISIONS: Readonly<Record<Precision, Intl.DateTimeFormatOptions>> = {
  minute: { hour: '2-digit', minute: '2-digit' },
  second: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
  tenth: { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 1 },
};

/** In the race's zone. A text that is no time is shown as it came. */
export function timeOfDay(timestamp: string | number, timeZone: string, precision: Precision = 'second'): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return String(timestamp);
  return formatter(timeZone, PRECISIONS[precision]).format(date);
}

export function dateAndTime(timestamp: string, timeZone: string): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return timestamp;
  return formatter(timeZone, { dateStyle: 'full', timeStyle: 'long' }).format(date);
}
