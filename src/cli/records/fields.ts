import type { NewPassing } from 'rufus-client/outbox';
import { LineError } from './line-error.js';
import type { ReadTime } from './time.js';

/** A passing that a line has become. */
export type RecordedPassing = NewPassing & {
  /** `YYYY-MM-DDTHH:mm:ss.sssZ` */
  readonly timestamp: string;
  /** Where the line has one, and is allowed to. */
  readonly num_passing?: number;
};

type Kind = 'time' | 'text' | 'number' | 'integer' | 'left out';

const PASSING = {
  timestamp: 'time',
  bib: 'text',
  chip: 'text',
  participant_id: 'text',
  latitude: 'number',
  longitude: 'number',
  status: 'text',
  timezone: 'text',
  gender: 'text',
} as const satisfies Record<keyof NewPassing, Kind>;

/** What exports have besides: where a passing was before does not decide where it goes. */
const EXPORTED = {
  num_passing: 'integer',
  token_session: 'left out',
  deviceid: 'left out',
  __typename: 'left out',
  state: 'left out',
} as const;

/** Which fields a line may have, and what they hold. */
export type Fields = ReadonlyMap<string, Kind>;

/** Those of a passing that has no number yet. */
export const UNNUMBERED: Fields = new Map<string, Kind>(Object.entries(PASSING));
/** These, the number, and what exports have besides. */
export const NUMBERED: Fields = new Map<string, Kind>(Object.entries({ ...PASSING, ...EXPORTED }));

const DIGITS = /^\d+$/;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The value of a cell; undefined where it is empty, or left out. */
export function cellValue(name: string, kind: Kind, cell: string, readTime: ReadTime): unknown {
  if (kind === 'left out' || (cell === '' && kind !== 'time')) return undefined;
  if (kind === 'time') return readTime(cell);
  if (kind === 'text') return cell;
  if (kind === 'integer' && !DIGITS.test(cell)) throw new LineError(`${name}: expected digits`);
  if (!DECIMAL.test(cell)) throw new LineError(`${name}: expected a number with a decimal point`);
  return memberValue(name, kind, Number(cell), readTime);
}

/** The value of a member of a JSON object. */
export function memberValue(name: string, kind: Kind, value: unknown, readTime: ReadTime): unknown {
  if (kind === 'left out') return undefined;
  if (kind === 'time') {
    if (typeof value !== 'string') throw new LineError(`${name}: expected text`);
    return readTime(value);
  }
  if (value === null && kind !== 'integer') return null;
  if (kind === 'text') {
    if (typeof value !== 'string') throw new LineError(`${name}: expected text`);
    return value;
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new LineError(`${name}: expected a finite number`);
  if (kind === 'integer' && (!Number.isSafeInteger(value) || value < 0)) {
    throw new LineError(`${name}: expected an integer of at least 0`);
  }
  return value;
}
