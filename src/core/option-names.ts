import { RufusConfigError } from './errors.js';
import { redact } from './redact.js';

/** The names that an options object may have: complete by type, so that a new option is in here or does not compile. */
export type Known<T> = Readonly<Record<keyof T, true>>;

/**
 * A misspelt option would do nothing, silently: `baseURL` sends a key to production that was meant for a sandbox.
 *
 * @throws RufusConfigError - it names the option and the nearest known one; `undefined` is as if left out
 */
export function refuseUnknown(within: string, given: object, known: Readonly<Record<string, true>>): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name) || (given as Record<string, unknown>)[name] === undefined) continue;
    const names = Object.keys(known);
    const near = nearest(name, names);
    const advice = near === undefined ? `Known are: ${names.join(', ')}.` : `Did you mean \`${near}\`?`;
    // The name comes from the caller: it may be a token that landed in the wrong place.
    const path = within === '' ? redact(name) : `${within}.${redact(name)}`;
    throw new RufusConfigError(`Unknown option \`${path}\`. ${advice}`);
  }
}

/** The known name that somebody who wrote `name` most likely meant; undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const each of known) {
    const other = plain(each);
    const limit = Math.ceil(Math.max(wanted.length, other.length) * 0.4);
    const steps = Math.min(distance(wanted, other, limit), shortening(wanted, other));
    if (steps <= limit && steps < least) {
      best = each;
      least = steps;
    }
  }
  return best;
}

const LONGEST = 64;

/** As people confuse names: `num_passing`, `numPassing` and `NumPassing` are one. */
const plain = (name: string): string => name.slice(0, LONGEST).toLowerCase().replaceAll(/[_-]/g, '');

/** One is the beginning of the other: `lat`, `timeout`, `minimum`. What is left out counts half. */
function shortening(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length > 2 && long.startsWith(short) ? (long.length - short.length) / 2 : Number.POSITIVE_INFINITY;
}

/** How many letters to add, take away, change or swap. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, changed);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
