/** A timing device: what detects a competitor at a point and stamps a time. Dates are ISO 8601 texts as the server gave them. */
export interface Device {
  deviceid: string;
  type?: string | null;
  model?: string | null;
  alias?: string | null;
  firmware?: string | null;
  serial_number?: string | null;
  creation_date?: string | null;
  last_login?: string | null;
  last_seen?: string | null;
  /** How many. */
  sessions?: number | null;
  /** How many. */
  passings?: number | null;
  device_status?: string | null;
  /** 0 to 100. */
  battery_percentage?: number | null;
  charging?: boolean | null;
  last_telemetry_at?: string | null;
}

/** A container of passings. A device has at most one active session; a closed one stays readable. */
export interface Session {
  token_session: string;
  alias?: string | null;
  creation_date?: string | null;
  active: boolean;
  /** How many. */
  passings?: number | null;
  /** A date-time, despite its name. */
  duration?: string | null;
  /** When the first passing was. */
  first?: string | null;
  /** When the last passing was. */
  last?: string | null;
}

/** One recorded read, as the server gives it. Coordinates are numbers, however they came. Fields that the API may add are handed on. */
export interface Passing {
  /** When the competitor passed, ISO 8601 as the server gave it. */
  timestamp: string;
  /** The order number in its session, from 0 or 1. */
  num_passing: number;
  /** A text: bibs such as `W1` exist. */
  bib: string;
  participant_id?: string | null;
  chip?: string | null;
  latitude?: number | null;
  longitude?: number | null;
  status?: string | null;
  timezone?: string | null;
  gender?: string | null;
  token_session?: string;
  deviceid?: string;
}

/** One read to send. Unknown fields are refused. */
export interface PassingInput {
  /** A Date, or ISO 8601 with Z or an offset: sent as YYYY-MM-DDTHH:mm:ss.sssZ, finer digits cut off, never rounded. A text without a zone is refused. */
  timestamp: string | Date;
  /** The order number in its session: an integer of at least 0, unique there. The server drops a repeat as a duplicate. */
  num_passing: number;
  /** A text: bibs such as `W1` exist. */
  bib: string;
  participant_id?: string | null | undefined;
  /** The chip's code. The field is `chip`; the `chips` of the vendor's table is a slip. */
  chip?: string | null | undefined;
  /** Degrees, a finite number. */
  latitude?: number | null | undefined;
  /** Degrees, a finite number. */
  longitude?: number | null | undefined;
  status?: string | null | undefined;
  timezone?: string | null | undefined;
  gender?: string | null | undefined;
}

/** A device to bind. `type`, `model` and `serial_number` must not be empty. */
export interface BindDeviceInput {
  type: string;
  model: string;
  serial_number: string;
  alias?: string | undefined;
  firmware?: string | undefined;
}

/** The receipt of an insert. The API may leave the counts out. */
export interface InsertResult {
  token_session: string;
  inserted_count: number | undefined;
  duplicate_count: number | undefined;
  description: string;
}

/** What the server has confirmed. */
export interface InsertManyResult {
  inserted_count: number;
  duplicate_count: number;
  /** Passings confirmed, new ones and duplicates. */
  sent: number;
  /** Requests that were answered; those that a 413 halved count, too. */
  requests: number;
}

/** An event of the company. Dates are ISO 8601 texts as the server gave them. */
export interface RaceEvent {
  event_token: string;
  name?: string | null;
  edition?: string | null;
  location?: string | null;
  start_date?: string | null;
  end_date?: string | null;
  status?: string | null;
}
