import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What a timer of Node can wait for. */
const LONGEST_MS = 2 ** 31 - 1;

/** `500ms`, `2s`, `5m`, `1h`, `2d`; a bare number is seconds. In milliseconds. */
export function duration(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Write it as 500ms, 2s, 5m or 1h.');
  const ms = Math.round(Number(number) * UNIT_MS[unit]!);
  if (ms < 1 || ms > LONGEST_MS) throw new InvalidArgumentError('It must be between 1ms and 24d.');
  return ms;
}

/** A whole number of at least `min`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  };
}
