import type { Device, Passing, Session } from '../types.js';
import type { StoredPassing } from './passing-list.js';
import type { Settings } from './settings.js';
import type { StoredDevice, StoredSession } from './world.js';

export function deviceSummary(device: StoredDevice) {
  return {
    deviceid: device.deviceid,
    type: device.type,
    model: device.model,
    alias: device.alias ?? '',
    serial_number: device.serial_number,
    firmware: device.firmware,
    last_login: null,
    creation_date: device.creation_date,
    sessions: device.sessions.length,
    device_status: null,
    battery_percentage: null,
    charging: null,
    last_telemetry_at: null,
  } satisfies Device;
}

export function deviceDetails(device: StoredDevice) {
  const passings = device.sessions.reduce((sum, session) => sum + session.passings.length, 0);
  return { ...deviceSummary(device), passings, last_seen: device.last_seen } satisfies Device;
}

export function sessionSummary(session: StoredSession) {
  return {
    token_session: session.token_session,
    alias: session.alias,
    creation_date: session.creation_date,
    active: session.active,
    passings: session.passings.length,
  } satisfies Session;
}

/** `duration` is a date-time, despite its name: from the first passing to the last, counted from 1970. */
export function sessionDetails(session: StoredSession) {
  const first = session.passings.at(0)?.timestamp ?? null;
  const last = session.passings.at(-1)?.timestamp ?? null;
  const span = first === null || last === null ? null : Math.max(0, Date.parse(last) - Date.parse(first));
  const duration = span === null ? null : new Date(span).toISOString();
  return { ...sessionSummary(session), duration, first, last } satisfies Session;
}

/** With three decimals at least, as in the documentation's `"12.000"`, and no digit lost. */
function coordinateText(degrees: number): string {
  const short = degrees.toFixed(3);
  return Number(short) === degrees ? short : String(degrees);
}

export function passingsOf(session: StoredSession, rows: readonly StoredPassing[], settings: Settings): object[] {
  const { token_session, device } = session;
  const coordinate = (degrees: number | null) =>
    degrees === null || settings.coordinates === 'number' ? degrees : coordinateText(degrees);
  // Field by field: a page is thousands of these, and spread ones take twice as long to make and to write out.
  return rows.map((row) => ({
    timestamp: row.timestamp,
    num_passing: row.num_passing,
    bib: row.bib,
    participant_id: row.participant_id,
    chip: row.chip,
    latitude: coordinate(row.latitude),
    longitude: coordinate(row.longitude),
    status: row.status,
    timezone: row.timezone,
    gender: row.gender,
    token_session,
    deviceid: device.deviceid,
  }));
}

export function heldPassings(session: StoredSession): Passing[] {
  const { token_session, device } = session;
  return session.passings.slice().map((row) => ({ ...row, token_session, deviceid: device.deviceid }));
}
