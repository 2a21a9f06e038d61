import type { StoredPassing } from './passing-list.js';
import type { Settings } from './settings.js';
import type { World } from './world.js';

/** What the placeholders of a path stand for. */
export type PathParams = Readonly<Record<string, string>>;

/** What an operation of the sandbox is given. */
export interface ApiRequest {
  readonly world: World;
  readonly settings: Settings;
  readonly params: PathParams;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** What it gives. */
export interface ApiReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> | null;
}

/** An answer other than success. */
export class Refusal extends Error implements ApiReply {
  constructor(
    readonly status: number,
    readonly body: { description: string; [field: string]: unknown },
  ) {
    super(body.description);
  }
}

interface Field {
  readonly expected: string;
  readonly required: boolean;
  accepts(value: unknown): boolean;
}
type Shape = ReadonlyMap<string, Field>;

const isDateTime = (value: unknown) =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
  !Number.isNaN(Date.parse(value));

const required = (expected: string, accepts: Field['accepts']): Field => ({ expected, required: true, accepts });
const optional = (field: Field): Field => ({ ...field, required: false });
const orNull = ({ expected, accepts }: Field): Field =>
  optional(required(`${expected} or null`, (value) => value === null || accepts(value)));

const text = required('a string', (value) => typeof value === 'string');
const filled = required('a string that is not empty', (value) => typeof value === 'string' && value !== '');
const textIfAny = optional(text);
const textOrNull = orNull(text);
const numberOrNull = orNull(required('a number', (value) => typeof value === 'number'));
const number = required('an integer of 0 or more', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const dateTime = required('a date-time such as 2023-01-22T09:20:25.000Z', isDateTime);
const list = required('an array of at least one passing', (value) => Array.isArray(value) && value.length > 0);

const shape = (fields: Record<string, Field>): Shape => new Map(Object.entries(fields));
const BIND = shape({ type: filled, model: filled, serial_number: filled, alias: textIfAny, firmware: textIfAny });
const CREATE = shape({ deviceid: filled, alias: textIfAny });
const INSERT = shape({ token_session: filled, passings_list: list });
const PASSING = shape({
  timestamp: dateTime,
  num_passing: number,
  bib: text,
  participant_id: textOrNull,
  chip: textOrNull,
  latitude: numberOrNull,
  longitude: numberOrNull,
  status: textOrNull,
  timezone: textOrNull,
  gender: textOrNull,
});
const UNSET = Object.fromEntries([...PASSING.keys()].map((name) => [name, null])) as {
  [F in keyof StoredPassing]: null;
};

const badRequest = (problem: string) => new Refusal(400, { description: `Bad request: ${problem}` });

/** As strict as the published schemas: what they do not name is refused. */
function check<T>(value: unknown, fields: Shape, at: string): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(`${at || 'the body'} must be an object`);
  }
  const given = value as Record<string, unknown>;
  const prefix = at && `${at}.`;
  for (const name in given) if (!fields.has(name)) throw badRequest(`${prefix}${name} is not a known field`);
  for (const [name, field] of fields) {
    const present = given[name];
    if (present === undefined ? field.required : !field.accepts(present)) {
      throw badRequest(`${prefix}${name} must be ${field.expected}`);
    }
  }
  return value as T;
}

export function parseJson(body: string, contentType: string | null): unknown {
  if (contentType === null || !/^application\/json\s*(;|$)/i.test(contentType)) {
    throw badRequest('the Content-Type must be application/json');
  }
  try {
    return JSON.parse(body);
  } catch {
    throw badRequest('the body is not JSON');
  }
}

export const parseBind = (body: unknown) =>
  check<{ type: string; model: string; serial_number: string; alias?: string; firmware?: string }>(body, BIND, '');

export const parseCreate = (body: unknown) => check<{ deviceid: string; alias?: string }>(body, CREATE, '');

type GivenPassing = Pick<StoredPassing, 'timestamp' | 'num_passing' | 'bib'> & Partial<StoredPassing>;

export function parseInsert(body: unknown): { token_session: string; passings: StoredPassing[] } {
  const { token_session, passings_list } = check<{ token_session: string; passings_list: unknown[] }>(body, INSERT, '');
  const passings = passings_list.map((item, index) => {
    const given = check<GivenPassing>(item, PASSING, `passings_list[${index}]`);
    return { ...UNSET, ...given, timestamp: inUtc(given.timestamp) };
  });
  return { token_session, passings };
}

/** The form of every answer, in which times compare as text. */
function inUtc(timestamp: string): string {
  return timestamp.length === 24 && timestamp.endsWith('Z') ? timestamp : new Date(timestamp).toISOString();
}

export function queryInteger(query: URLSearchParams, name: string, min: number, max = Infinity): number | undefined {
  const given = query.get(name);
  if (given === null) return undefined;
  const value = /^-?\d+$/.test(given) ? Number(given) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw badRequest(`${name} must be an integer of ${min} or more${max === Infinity ? '' : `, at most ${max}`}`);
}

/** `-1` stands for "ignore" in the vendor's block, beside a minimum of 0. */
export function queryNumPassing(query: URLSearchParams, name: string): number | undefined {
  const value = queryInteger(query, name, -1);
  return value === -1 ? undefined : value;
}

export function queryDateTime(query: URLSearchParams, name: string): string | undefined {
  const given = query.get(name);
  if (given === null) return undefined;
  if (!isDateTime(given)) throw badRequest(`${name} must be ${dateTime.expected}`);
  return inUtc(given);
}
