import type { Device, InsertResult, Passing, RaceEvent, Session } from '../types.js';
import { isRecord } from './envelope.js';
import { type Frame, Misshapen, type Reading, type Rows, readReceipt, readRows, readSingle } from './reading.js';
import type { Repeat } from './retry.js';
import { shapes } from './validation/shapes.js';

/** One endpoint: all that the transport must know of it. */
export interface Operation<T> {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | (string & {});
  /** With at most one `{id}`, which stands for a token or a deviceid. */
  readonly path: string;
  readonly repeat: Repeat;
  /** What the API key needs, for error messages. */
  readonly access: string;
  /** A 2xx without a body is an answer, too. */
  readonly mayBeEmpty?: true;
  /** Checks the payload in place and takes from it what the caller gets. Throws {@link Misshapen}. */
  readonly read: (payload: unknown, reading: Reading) => T;
  /** Where a refusal is an answer: its meaning, or undefined if this one is an error after all. */
  readonly heed?: (refusal: Refusal) => T | undefined;
}

/** An answer outside 2xx. */
export interface Refusal {
  readonly status: number;
  /** Without its envelope; the text where it is no JSON. */
  readonly body: unknown;
  readonly isJson: boolean;
  /** The token or deviceid in the path. */
  readonly id: string;
  /** An earlier attempt of this call may have taken effect. */
  readonly maybeProcessed: boolean;
}

export interface DeviceReceipt {
  deviceid: string;
  description: string;
}
export interface SessionReceipt {
  token_session: string;
  description: string;
}
export interface Poll {
  passings: Passing[];
  session_used: string | null;
  session_label: string | null;
  resumed_from: number | null;
}

/** The API itself says that there is none. A gateway's 404 lacks its words, and must not look like an empty account. */
const saysNotFound = ({ status, body }: Refusal): boolean =>
  status === 404 &&
  isRecord(body) &&
  typeof body.description === 'string' &&
  /not found\.?$/i.test(body.description.trim());

/** The repeat of a call finds that an earlier attempt has done the work. */
const isDone = ({ status, isJson, maybeProcessed }: Refusal): boolean => status === 404 && isJson && maybeProcessed;

const READ = 'READ or READ_WRITE access';
const WRITE = 'WRITE or READ_WRITE access';

const deviceFrame: Frame = { shape: shapes.deviceList, knownBy: ['description'] };
const sessionFrame: Frame = { shape: shapes.sessionList, knownBy: ['description'] };
const passingFrame: Frame = { shape: shapes.passingList, knownBy: ['description'] };
const eventFrame: Frame = { shape: shapes.eventList, knownBy: ['description'] };
const pollFrame: Frame = { shape: shapes.passingPoll, knownBy: ['description', 'deviceid', 'session_used'] };

const readDevice = readSingle<Device>(shapes.device);
const readSession = readSingle<Session>(shapes.session);
const readInsertReceipt = readReceipt<InsertResult>(shapes.insertReceipt);
const readSessions = readRows<Session>(sessionFrame, shapes.session, ['result']);
const readPollRows = readRows<Passing>(pollFrame, shapes.passing, ['passings', 'result']);

const required = <T>(item: T | undefined, name: string): T => {
  if (item === undefined) throw new Misshapen([{ path: ['result'], message: `expected one ${name}, got none` }]);
  return item;
};

export const listDevices: Operation<Rows<Device>> = {
  name: 'devices.list',
  method: 'GET',
  path: '/devices',
  repeat: 'read',
  access: READ,
  read: readRows(deviceFrame, shapes.device, ['result']),
};

export const getDevice: Operation<Device> = {
  name: 'devices.get',
  method: 'GET',
  path: '/devices/{id}',
  repeat: 'read',
  access: READ,
  read: (payload, reading) => required(readDevice(payload, reading), 'device'),
};

export const bindDevice: Operation<DeviceReceipt> = {
  name: 'devices.bind',
  method: 'POST',
  path: '/devices',
  repeat: 'repeatable',
  access: WRITE,
  read: readReceipt(shapes.deviceReceipt),
};

/** Bind, but "already bound" is an answer if it names the device. */
export const ensureDevice: Operation<{ deviceid: string; created: boolean }> = {
  ...bindDevice,
  name: 'devices.ensureBound',
  read: (payload, reading) => ({ deviceid: bindDevice.read(payload, reading).deviceid, created: true }),
  heed({ status, body }) {
    const deviceid = status === 409 && isRecord(body) ? body.deviceid : undefined;
    return typeof deviceid === 'string' && deviceid !== '' ? { deviceid, created: false } : undefined;
  },
};

export const unbindDevice: Operation<DeviceReceipt> = {
  name: 'devices.unbind',
  method: 'DELETE',
  path: '/devices/{id}',
  repeat: 'settling',
  access: 'the "unbind device" permission',
  read: readReceipt(shapes.deviceReceipt),
  heed: (refusal) =>
    isDone(refusal) ? { deviceid: refusal.id, description: 'Unbound by an earlier attempt of this call' } : undefined,
};

export const createSession: Operation<SessionReceipt> = {
  name: 'sessions.create',
  method: 'POST',
  path: '/sessions',
  repeat: 'once',
  access: WRITE,
  read: readReceipt(shapes.sessionReceipt),
};

export const closeSession: Operation<SessionReceipt> = {
  name: 'sessions.close',
  method: 'PATCH',
  path: '/sessions/close/{id}',
  repeat: 'settling',
  access: WRITE,
  read: readReceipt(shapes.sessionReceipt),
  heed: (refusal) =>
    isDone(refusal)
      ? { token_session: refusal.id, description: 'Closed by an earlier attempt of this call' }
      : undefined,
};

export const getSession: Operation<Session> = {
  name: 'sessions.get',
  method: 'GET',
  path: '/sessions/{id}',
  repeat: 'read',
  access: READ,
  read: (payload, reading) => required(readSession(payload, reading), 'session'),
};

export const getActiveSession: Operation<Session | null> = {
  name: 'sessions.getActive',
  method: 'GET',
  path: '/sessions/device/{id}/active',
  repeat: 'read',
  access: READ,
  read: (payload, reading) => readSession(payload, reading) ?? null,
  heed: (refusal) => (saysNotFound(refusal) ? null : undefined),
};

export const listSessions: Operation<Session[]> = {
  name: 'sessions.listByDevice',
  method: 'GET',
  path: '/sessions/device/{id}',
  repeat: 'read',
  access: READ,
  read: (payload, reading) => readSessions(payload, reading).items,
  heed: (refusal) => (saysNotFound(refusal) ? [] : undefined),
};

export const insertPassings: Operation<InsertResult> = {
  name: 'passings.insert',
  method: 'POST',
  path: '/passings',
  repeat: 'insert',
  access: WRITE,
  read(payload, reading) {
    const receipt = readInsertReceipt(payload, reading);
    // To the caller, null counts are absent ones.
    receipt.inserted_count ??= undefined;
    receipt.duplicate_count ??= undefined;
    return receipt;
  },
};

export const listPassingsBySession: Operation<Rows<Passing>> = {
  name: 'passings.listBySession',
  method: 'GET',
  path: '/passings/session/{id}',
  repeat: 'read',
  access: READ,
  read: readRows(passingFrame, shapes.passing, ['result', 'passings']),
};

export const listPassingsByDevice: Operation<Rows<Passing>> = {
  name: 'passings.listByDevice',
  method: 'GET',
  path: '/passings/device/{id}',
  repeat: 'read',
  access: READ,
  read: readRows(passingFrame, shapes.passing, ['result', 'passings']),
};

export const pollPassings: Operation<Poll> = {
  name: 'passings.poll',
  method: 'GET',
  path: '/passings/device2/{id}',
  repeat: 'read',
  access: READ,
  read(payload, reading) {
    const { items } = readPollRows(payload, reading);
    const { session_used, session_label, resumed_from } = isRecord(payload) ? payload : {};
    return {
      passings: items,
      session_used: typeof session_used === 'string' ? session_used : null,
      session_label: typeof session_label === 'string' ? session_label : null,
      resumed_from: typeof resumed_from === 'number' ? resumed_from : null,
    };
  },
};

export const listEvents: Operation<Rows<RaceEvent>> = {
  name: 'events.list',
  method: 'GET',
  path: '/events',
  repeat: 'read',
  access: READ,
  read: readRows(eventFrame, shapes.raceEvent, ['result']),
};

/** The same list, asked for a page that another page led to: a 404 of the API is its end. */
export function beyondFirstPage<T>(list: Operation<Rows<T>>): Operation<Rows<T>> {
  return {
    ...list,
    heed: ({ status, isJson }) => (status === 404 && isJson ? { items: [], hasMore: false } : undefined),
  };
}
