/** A timing device: what detects a competitor at a point and stamps a time. Dates are ISO 8601 texts as the server gave them. */
export interface Device {
  /** Names the device in every other call. 64 hex digits in the vendor's examples; any text is taken. */
  deviceid: string;
  /** What kind of device, as it was bound. */
  type?: string | null;
  /** As it was bound. */
  model?: string | null;
  /** The name that people gave it; null or absent without one. */
  alias?: string | null;
  /** The version it runs, as it was bound. */
  firmware?: string | null;
  /** As it was bound. */
  serial_number?: string | null;
  /** When it was bound. ISO 8601. */
  creation_date?: string | null;
  /** When it last logged in; null before the first time. ISO 8601. */
  last_login?: string | null;
  /** When the cloud last heard of it, as `devices.get` tells. ISO 8601. */
  last_seen?: string | null;
  /** How many sessions it has, open and closed. */
  sessions?: number | null;
  /** How many passings it has, over all sessions, as `devices.get` tells. */
  passings?: number | null;
  /** In the server's own words; which ones there are is not documented. */
  device_status?: string | null;
  /** 0 to 100; null where it is not known. */
  battery_percentage?: number | null;
  /** Whether its battery is being charged; null where it is not known. */
  charging?: boolean | null;
  /** When it last reported telemetry; null before the first time. ISO 8601. */
  last_telemetry_at?: string | null;
}

/** A container of passings. A device has at most one active session; a closed one stays readable. */
export interface Session {
  /** Names the session in every other call. This library never logs it whole. */
  token_session: string;
  /** The name it was opened with; null or absent without one. */
  alias?: string | null;
  /** When it was opened. ISO 8601. */
  creation_date?: string | null;
  /** Whether it still takes passings. At most one session of a device does. */
  active: boolean;
  /** How many passings it holds. */
  passings?: number | null;
  /** An ISO 8601 date-time, despite its name. */
  duration?: string | null;
  /** When the first passing was; null or absent without one. ISO 8601. */
  first?: string | null;
  /** When the last passing was; null or absent without one. ISO 8601. */
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
  /** An alternative id of the passing, as it was inserted. */
  participant_id?: string | null;
  /** The code of the chip that was read. */
  chip?: string | null;
  /** Decimal degrees, north positive. */
  latitude?: number | null;
  /** Decimal degrees, east positive. */
  longitude?: number | null;
  /** As it was inserted; which values there are is not documented. */
  status?: string | null;
  /** As it was inserted. */
  timezone?: string | null;
  /** An alternative gender field, as it was inserted; which values there are is not documented. */
  gender?: string | null;
  /** Its session. Not every answer names it. */
  token_session?: string;
  /** Its device. Not every answer names it. */
  deviceid?: string;
}

/** One read to send. Unknown fields are refused. */
export interface PassingInput {
  /** A Date, or ISO 8601 with Z or an offset: sent as YYYY-MM-DDTHH:mm:ss.sssZ, finer digits cut off, never rounded. A text without a zone is refused. */
  timestamp: string | Date;
  /** The order number in its session: an integer of at least 0, unique there. The server drops a repeat as a duplicate. */
  num_passing: number;
  /** A text of at least one character: bibs such as `W1` exist. Where only the chip is known, its code may stand here. */
  bib: string;
  /** An alternative id of the passing, in the vendor's words; `XB123AR8` in its example. */
  participant_id?: string | null | undefined;
  /** The chip's code. The field is `chip`; the `chips` of the vendor's table is a slip. */
  chip?: string | null | undefined;
  /** Decimal degrees, a finite number, north positive. */
  latitude?: number | null | undefined;
  /** Decimal degrees, a finite number, east positive. */
  longitude?: number | null | undefined;
  /** Handed on as it is; which values the vendor knows is not documented. */
  status?: string | null | undefined;
  /** Handed on as it is; `timestamp` has its own zone and does not need it. */
  timezone?: string | null | undefined;
  /** An alternative gender field, in the vendor's words. Handed on as it is; which values the vendor knows is not documented. */
  gender?: string | null | undefined;
}

/** A device to bind. `type`, `model` and `serial_number` must not be empty. */
export interface BindDeviceInput {
  /** What kind of device, such as `'reader'`. Not empty. */
  type: string;
  /** The maker's name for it. Not empty. */
  model: string;
  /** Tells it from others of its model. Not empty. */
  serial_number: string;
  /** A name for people. Default none. */
  alias?: string | undefined;
  /** The version it runs. Default none. */
  firmware?: string | undefined;
}

/** The receipt of an insert. The API may leave the counts out. */
export interface InsertResult {
  /** The session they went to. */
  token_session: string;
  /** Passings that were new to the server; undefined where the answer does not say. */
  inserted_count: number | undefined;
  /** Passings that the server had already, and dropped; undefined where the answer does not say. */
  duplicate_count: number | undefined;
  /** What the server said in words. */
  description: string;
}

/** What the server has confirmed. */
export interface InsertManyResult {
  /** Passings that were new to the server. */
  inserted_count: number;
  /** Passings that the server had already, and dropped. */
  duplicate_count: number;
  /** Passings confirmed, new ones and duplicates. */
  sent: number;
  /** Requests that were answered; those that a 413 halved count, too. */
  requests: number;
}

/** An event of the company. Dates are ISO 8601 texts as the server gave them. */
export interface RaceEvent {
  /** Names the event. */
  event_token: string;
  /** What people call it. */
  name?: string | null;
  /** Which edition of it, as text. */
  edition?: string | null;
  /** Where it is, in words. */
  location?: string | null;
  /** When it begins. ISO 8601. */
  start_date?: string | null;
  /** When it ends. ISO 8601. */
  end_date?: string | null;
  /** In the server's own words; which ones there are is not documented. */
  status?: string | null;
}
