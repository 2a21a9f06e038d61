import type {
  BindDeviceInput,
  Device,
  Devices,
  Events,
  InsertResult,
  Passing,
  PassingInput,
  Passings,
  RaceEvent,
  Session,
  Sessions,
} from '../types.js';
import { type ErrorAnswer, operation } from './operation.js';
import type { Shape } from './payload.js';
import { type Frame, isRecord, type Rows, readReceipt, readRows, readSingle, SchemaMismatch } from './payload.js';
import { checkDevice, checkSession } from './validation/bodies.js';
import type { SchemaName } from './validation/by-schema.js';
import { id, instant, integer, PAGING } from './validation/parameters.js';
import { EXAMPLE_PASSING, isPassing } from './validation/passing-row.js';
import { checkInsertion } from './validation/passings.js';

// A row for each endpoint, which holds all that is particular to it. ARCHITECTURE.md says what else a new one needs.

/* ------------------------------------------------------------------ what answers hold */

const shape = (name: string, schema: SchemaName, identity: Shape['identity'], rest: Partial<Shape> = {}): Shape => ({
  name,
  schema,
  identity,
  ...rest,
});
const listShape = (name: string, schema: SchemaName): Shape => shape(name, schema, {}, { payload: 'result' });

export const shapes = {
  passing: shape(
    'passing',
    'Passing',
    { num_passing: 'integer' },
    { coordinates: true, precheck: isPassing, example: EXAMPLE_PASSING },
  ),
  session: shape('session', 'Session', { token_session: 'string' }),
  device: shape('device', 'Device', { deviceid: 'string' }),
  raceEvent: shape('event', 'RaceEvent', { event_token: 'string' }),

  deviceReceipt: shape('device receipt', 'DeviceReceipt', { deviceid: 'string' }),
  sessionReceipt: shape('session receipt', 'SessionReceipt', { token_session: 'string' }),
  insertReceipt: shape('insert receipt', 'InsertReceipt', { token_session: 'string' }),

  deviceList: listShape('list of devices', 'DeviceList'),
  sessionList: listShape('list of sessions', 'SessionList'),
  passingList: listShape('list of passings', 'PassingList'),
  eventList: listShape('list of events', 'EventList'),
  // Where its cursor is unusable, so is the answer.
  passingPoll: shape(
    'continuous query',
    'PassingPoll',
    { session_used: 'string?', resumed_from: 'integer?' },
    { payload: 'passings' },
  ),
} as const satisfies Record<string, Shape>;

const frame = (list: Shape, keys: Frame['keys'] = ['result']): Frame => ({
  shape: list,
  keys,
  knownBy: ['description'],
});
const passingFrame = frame(shapes.passingList, ['result', 'passings']);
const pollFrame: Frame = {
  shape: shapes.passingPoll,
  keys: ['passings', 'result'],
  knownBy: ['description', 'deviceid', 'session_used'],
};

export interface DeviceReceipt {
  deviceid: string;
  description: string;
}
export interface SessionReceipt {
  token_session: string;
  description: string;
}
const readDeviceReceipt = readReceipt<DeviceReceipt>(shapes.deviceReceipt);
const readSessionReceipt = readReceipt<SessionReceipt>(shapes.sessionReceipt);
const readInsertReceipt = readReceipt<InsertResult>(shapes.insertReceipt);
const readDevice = readSingle<Device>(shapes.device);
const readSession = readSingle<Session>(shapes.session);
const readSessions = readRows<Session>(frame(shapes.sessionList), shapes.session);
const readPollRows = readRows<Passing>(pollFrame, shapes.passing);

function required<T>(item: T | undefined, name: string): T {
  if (item === undefined) throw new SchemaMismatch([{ path: ['result'], message: `expected one ${name}, got none` }]);
  return item;
}

/* ------------------------------------------------------------------ what keys and refusals mean */

const READ = { method: 'GET', repeat: 'read', access: 'READ or READ_WRITE access' } as const;
const WRITE_ACCESS = 'WRITE or READ_WRITE access';

/** The API itself says that there is none. A gateway's 404 lacks its words, and must not look like an empty account. */
const saysNotFound = ({ status, body }: ErrorAnswer): boolean =>
  status === 404 &&
  isRecord(body) &&
  typeof body.description === 'string' &&
  /not found\.?$/i.test(body.description.trim());

/** The repeat of a call finds that an earlier attempt has done the work. */
const isDone = ({ status, isJson, maybeProcessed }: ErrorAnswer): boolean => status === 404 && isJson && maybeProcessed;

/* ------------------------------------------------------------------ devices */

export const listDevices = operation<{ query: Parameters<Devices['list']>[0] }, Rows<Device>>({
  ...READ,
  name: 'devices.list',
  path: '/devices',
  query: { limit: integer(1, 5000), ...PAGING },
  read: readRows(frame(shapes.deviceList), shapes.device),
});

export const getDevice = operation<{ deviceid: string }, Device>({
  ...READ,
  name: 'devices.get',
  path: '/devices/{deviceid}',
  read: (payload, context) => required(readDevice(payload, context), 'device'),
});

export const bindDevice = operation<{ body: BindDeviceInput }, DeviceReceipt>({
  name: 'devices.bind',
  method: 'POST',
  path: '/devices',
  body: checkDevice,
  // A second bind answers 409, with the deviceid.
  repeat: 'repeatable',
  access: WRITE_ACCESS,
  read: readDeviceReceipt,
});

/** Bind, but "already bound" is a result if it names the device. */
export const ensureDevice = operation<{ body: BindDeviceInput }, { deviceid: string; created: boolean }>({
  ...bindDevice,
  name: 'devices.ensureBound',
  body: checkDevice,
  read: (payload, context) => ({ deviceid: readDeviceReceipt(payload, context).deviceid, created: true }),
  interpret({ status, body }) {
    const deviceid = status === 409 && isRecord(body) ? body.deviceid : undefined;
    return typeof deviceid === 'string' && deviceid !== '' ? { deviceid, created: false } : undefined;
  },
});

export const unbindDevice = operation<{ deviceid: string }, DeviceReceipt>({
  name: 'devices.unbind',
  method: 'DELETE',
  path: '/devices/{deviceid}',
  repeat: 'ending',
  access: 'the "unbind device" permission',
  read: readDeviceReceipt,
  interpret: (answer) =>
    isDone(answer) ? { deviceid: answer.id, description: 'Unbound by an earlier attempt of this call' } : undefined,
});

/* ------------------------------------------------------------------ sessions */

export const createSession = operation<{ body: Parameters<Sessions['create']>[0] }, SessionReceipt>({
  name: 'sessions.create',
  method: 'POST',
  path: '/sessions',
  body: checkSession,
  // A second one would close the first, whose token nobody has.
  repeat: 'once',
  access: WRITE_ACCESS,
  read: readSessionReceipt,
});

export const closeSession = operation<{ token_session: string }, SessionReceipt>({
  name: 'sessions.close',
  method: 'PATCH',
  path: '/sessions/close/{token_session}',
  repeat: 'ending',
  access: WRITE_ACCESS,
  read: readSessionReceipt,
  interpret: (answer) =>
    isDone(answer) ? { token_session: answer.id, description: 'Closed by an earlier attempt of this call' } : undefined,
});

export const getSession = operation<{ token_session: string }, Session>({
  ...READ,
  name: 'sessions.get',
  path: '/sessions/{token_session}',
  read: (payload, context) => required(readSession(payload, context), 'session'),
});

export const getActiveSession = operation<{ deviceid: string }, Session | null>({
  ...READ,
  name: 'sessions.getActive',
  path: '/sessions/device/{deviceid}/active',
  read: (payload, context) => readSession(payload, context) ?? null,
  interpret: (answer) => (saysNotFound(answer) ? null : undefined),
});

export const listSessions = operation<{ deviceid: string }, Session[]>({
  ...READ,
  name: 'sessions.listByDevice',
  path: '/sessions/device/{deviceid}',
  read: (payload, context) => readSessions(payload, context).items,
  interpret: (answer) => (saysNotFound(answer) ? [] : undefined),
});

/* ------------------------------------------------------------------ passings */

export const insertPassings = operation<
  { body: { token_session: string; passings: readonly PassingInput[] } },
  InsertResult
>({
  name: 'passings.insert',
  method: 'POST',
  path: '/passings',
  body: checkInsertion,
  // The server counts what it has already as duplicates.
  repeat: 'insert',
  access: WRITE_ACCESS,
  read(payload, context) {
    const receipt = readInsertReceipt(payload, context);
    // To the caller, null counts are absent ones.
    receipt.inserted_count ??= undefined;
    receipt.duplicate_count ??= undefined;
    return receipt;
  },
});

export const listPassingsBySession = operation<
  { token_session: string; query: Parameters<Passings['listBySession']>[1] },
  Rows<Passing>
>({
  ...READ,
  name: 'passings.listBySession',
  path: '/passings/session/{token_session}',
  query: { first: integer(0), last: integer(0), ...PAGING },
  read: readRows(passingFrame, shapes.passing),
});

export const listPassingsByDevice = operation<
  { deviceid: string; query: Parameters<Passings['listByDevice']>[1] },
  Rows<Passing>
>({
  ...READ,
  name: 'passings.listByDevice',
  path: '/passings/device/{deviceid}',
  query: { from: instant, to: instant, ...PAGING },
  read: readRows(passingFrame, shapes.passing),
});

export const pollPassings = operation<
  { deviceid: string; query: Parameters<Passings['poll']>[1] },
  Awaited<ReturnType<Passings['poll']>>
>({
  ...READ,
  name: 'passings.poll',
  path: '/passings/device2/{deviceid}',
  query: { token_session: id, last: integer(0), from: instant, to: instant, page: integer(0) },
  read(payload, context) {
    const { items } = readPollRows(payload, context);
    const { session_used, session_label, resumed_from } = isRecord(payload) ? payload : {};
    return {
      passings: items,
      session_used: typeof session_used === 'string' ? session_used : null,
      session_label: typeof session_label === 'string' ? session_label : null,
      resumed_from: typeof resumed_from === 'number' ? resumed_from : null,
    };
  },
});

/* ------------------------------------------------------------------ events */

export const listEvents = operation<{ query: Parameters<Events['list']>[0] }, Rows<RaceEvent>>({
  ...READ,
  name: 'events.list',
  path: '/events',
  query: { limit: integer(1, 1000), ...PAGING },
  read: readRows(frame(shapes.eventList), shapes.raceEvent),
});
