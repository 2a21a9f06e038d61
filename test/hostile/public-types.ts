// What the public types allow, written down by hand from their declarations: it must not share a line with the library.

/** The fields of an answer that break their type, `field` as a log line would name it. */
export type Misfits = readonly string[];
export type Check = (value: unknown) => Misfits;

type Is = (value: unknown) => boolean;
const text: Is = (value) => typeof value === 'string';
const number: Is = (value) => typeof value === 'number' && Number.isFinite(value);
const integer: Is = (value) => Number.isSafeInteger(value);
const flag: Is = (value) => typeof value === 'boolean';
const orNull =
  (is: Is): Is =>
  (value) =>
    value === null || is(value);
const orNone =
  (is: Is): Is =>
  (value) =>
    value === undefined || is(value);
const optional = (is: Is): Is => orNone(orNull(is));

type Fields = Readonly<Record<string, Is>>;

const fits =
  (fields: Fields): Check =>
  (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['not an object'];
    const record = value as Record<string, unknown>;
    return Object.keys(fields).filter((field) => !fields[field]?.(record[field]));
  };

const each =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) ? [...new Set(value.flatMap(check))] : ['not a list'];

export const isDevice = fits({
  deviceid: text,
  type: optional(text),
  model: optional(text),
  alias: optional(text),
  firmware: optional(text),
  serial_number: optional(text),
  creation_date: optional(text),
  last_login: optional(text),
  last_seen: optional(text),
  sessions: optional(integer),
  passings: optional(integer),
  device_status: optional(text),
  battery_percentage: optional(integer),
  charging: optional(flag),
  last_telemetry_at: optional(text),
});

export const isSession = fits({
  token_session: text,
  alias: optional(text),
  creation_date: optional(text),
  active: flag,
  passings: optional(integer),
  duration: optional(text),
  first: optional(text),
  last: optional(text),
});

const isPassing = fits({
  timestamp: text,
  num_passing: integer,
  bib: text,
  participant_id: optional(text),
  chip: optional(text),
  latitude: optional(number),
  longitude: optional(number),
  status: optional(text),
  timezone: optional(text),
  gender: optional(text),
  token_session: orNone(text),
  deviceid: orNone(text),
});

const isRaceEvent = fits({
  event_token: text,
  name: optional(text),
  edition: optional(text),
  location: optional(text),
  start_date: optional(text),
  end_date: optional(text),
  status: optional(text),
});

export const isDeviceReceipt = fits({ deviceid: text, description: text });
export const isSessionReceipt = fits({ token_session: text, description: text });
export const isEnsured = fits({ deviceid: text, created: flag });

export const isInsertResult = fits({
  token_session: text,
  description: text,
  inserted_count: orNone(integer),
  duplicate_count: orNone(integer),
});

export const isInsertManyResult = fits({
  inserted_count: number,
  duplicate_count: number,
  sent: integer,
  requests: integer,
});

const isPollFrame = fits({ session_used: orNull(text), session_label: orNull(text), resumed_from: orNull(integer) });
export const isPoll: Check = (value) => [
  ...isPollFrame(value),
  ...isPassings((value as { passings?: unknown } | null)?.passings),
];

export const isPassings = each(isPassing);
export const isSessions = each(isSession);
export const isDevices = each(isDevice);
export const isRaceEvents = each(isRaceEvent);
export const isSessionOrNull: Check = (value) => (value === null ? [] : isSession(value));
