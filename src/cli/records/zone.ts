import { Temporal } from 'temporal-polyfill';
import { LineError } from './line-error.js';

const MINUTE_MS = 60_000;
/** Minutes whose offset is remembered: neighbouring lines share theirs. */
const MAX_MINUTES = 4_096;

export type Ambiguous = 'earlier' | 'later';

/** From a local time, given as the milliseconds that it would have in UTC, to those of the instant. */
export type ToInstant = (localMs: number) => number;

/**
 * @param ambiguous What is taken for a time that the clocks jumped over or went through twice. Default: it is refused.
 * @throws RangeError - there is no such time zone
 */
export function zoneReader(timezone: string, ambiguous: Ambiguous | undefined): ToInstant {
  const offsets = new Map<number, number>();
  Temporal.PlainDateTime.from('2000-01-01T00:00').toZonedDateTime(timezone);

  const resolve: ToInstant = (localMs) => {
    const [earlier, later] = candidates(localMs, timezone);
    if (earlier.epochMilliseconds === later.epochMilliseconds) return earlier.epochMilliseconds;
    if (ambiguous !== undefined) return (ambiguous === 'earlier' ? earlier : later).epochMilliseconds;
    const exists = localMsOf(earlier) === localMs;
    throw new LineError(
      `timestamp: ${exists ? `is there twice in ${timezone}, where the clocks went back` : `does not exist in ${timezone}, where the clocks went forward`}; --ambiguous earlier|later chooses`,
    );
  };

  return (localMs) => {
    const minute = Math.floor(localMs / MINUTE_MS);
    const known = offsets.get(minute);
    if (known !== undefined) return localMs - known;
    const instant = resolve(localMs);
    const offset = localMs - instant;
    const first = minute * MINUTE_MS;
    if ([first, first + MINUTE_MS - 1].every((end) => isUnique(end, offset, timezone))) {
      if (offsets.size >= MAX_MINUTES) offsets.clear();
      offsets.set(minute, offset);
    }
    return instant;
  };
}

/** Both readings of a local time; of one that does not exist, those with the offset behind and before the jump. */
function candidates(localMs: number, timezone: string): [Temporal.ZonedDateTime, Temporal.ZonedDateTime] {
  const local = Temporal.Instant.fromEpochMilliseconds(localMs).toZonedDateTimeISO('UTC').toPlainDateTime();
  return [
    local.toZonedDateTime(timezone, { disambiguation: 'earlier' }),
    local.toZonedDateTime(timezone, { disambiguation: 'later' }),
  ];
}

function isUnique(localMs: number, offset: number, timezone: string): boolean {
  return candidates(localMs, timezone).every(({ epochMilliseconds }) => localMs - epochMilliseconds === offset);
}

const localMsOf = (time: Temporal.ZonedDateTime): number =>
  time.toPlainDateTime().toZonedDateTime('UTC').epochMilliseconds;
