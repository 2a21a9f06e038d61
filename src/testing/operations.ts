import { cutOf, listed, numberedPage, take, windowOf } from './pages.js';
import {
  type ApiReply,
  type ApiRequest,
  type PathParams,
  parseBind,
  parseCreate,
  parseInsert,
  queryNumPassing,
  Refusal,
} from './requests.js';
import { deviceDetails, deviceSummary, passingsOf, sessionDetails, sessionSummary } from './views.js';
import { DEMO_EVENTS, type StoredDevice, type StoredSession, type World } from './world.js';

export type Permission = 'READ' | 'WRITE' | 'UNBIND';

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly permission: Permission;
  answer(request: ApiRequest): ApiReply;
}

const ok = (body: ApiReply['body']): ApiReply => ({ status: 200, body: { description: 'Success', ...body } });

/* ------------------------------------------------------------------ finding, or 404 */

function theDevice({ world, params }: ApiRequest): StoredDevice {
  return deviceOf(world, params.deviceid!);
}

function deviceOf(world: World, deviceid: string): StoredDevice {
  const device = world.devices.get(deviceid);
  if (device === undefined) throw new Refusal(404, { description: 'Device not found', deviceid });
  return device;
}

function theSession({ world, params }: ApiRequest): StoredSession {
  const token_session = params.token_session!;
  const session = world.sessions.get(token_session);
  if (session === undefined) throw new Refusal(404, { description: 'Session not found', token_session });
  return session;
}

/* ------------------------------------------------------------------ devices */

const listDevices = (request: ApiRequest): ApiReply => {
  const devices = [...request.world.devices.values()];
  const { start, end, pagination } = numberedPage(request, devices.length, 5_000);
  const rows = devices.slice(start, end).map(deviceSummary);
  return ok({ pagination, result: listed(rows, pagination.page, 'Devices not found', request.settings) });
};

const bindDevice = ({ world, settings, body }: ApiRequest): ApiReply => {
  const { alias = null, firmware = null, ...device } = parseBind(body);
  const earlier = world.boundAs(device.serial_number);
  if (earlier !== undefined) {
    const deviceid = settings.bindConflict === 'deviceid' ? { deviceid: earlier.deviceid } : {};
    throw new Refusal(409, { description: 'Device already binded', ...deviceid });
  }
  const { deviceid } = world.bind({ ...device, alias, firmware });
  return { status: 201, body: { description: 'Device binded succesfully', deviceid } };
};

const getDevice = (request: ApiRequest): ApiReply => ok({ result: deviceDetails(theDevice(request)) });

const unbindDevice = (request: ApiRequest): ApiReply => {
  const device = theDevice(request);
  request.world.unbind(device);
  return ok({ description: 'Device unbinded succesfully', deviceid: device.deviceid });
};

/* ------------------------------------------------------------------ sessions */

const createSession = ({ world, body }: ApiRequest): ApiReply => {
  const { deviceid, alias = null } = parseCreate(body);
  const { token_session } = world.open(deviceOf(world, deviceid), alias);
  return { status: 201, body: { description: 'Session inserted succesfully', token_session } };
};

/** A closed session cannot be closed again: 404 is the one refusal that the documentation has for it. */
const closeSession = (request: ApiRequest): ApiReply => {
  const session = theSession(request);
  const { token_session } = session;
  if (!session.active) throw new Refusal(404, { description: 'Session not found', token_session });
  session.active = false;
  return ok({ description: 'Session closed succesfully', token_session });
};

const getSession = (request: ApiRequest): ApiReply => ok({ result: [sessionDetails(theSession(request))] });

/** Newest first: the order is not documented, and the order of creation would invite relying on it. */
const listSessions = ({ world, params: { deviceid } }: ApiRequest): ApiReply => {
  const sessions = world.devices.get(deviceid!)?.sessions ?? [];
  if (sessions.length === 0) throw new Refusal(404, { description: 'Sessions not found', deviceid });
  return ok({ result: sessions.map(sessionSummary).reverse() });
};

const getActiveSession = ({ world, params: { deviceid } }: ApiRequest): ApiReply => {
  const active = world.devices.get(deviceid!)?.sessions.find((session) => session.active);
  if (active === undefined) throw new Refusal(404, { description: 'Sessions not found', deviceid });
  return ok({ result: [sessionDetails(active)] });
};

/* ------------------------------------------------------------------ passings */

const insertPassings = ({ world, settings, body }: ApiRequest): ApiReply => {
  const { token_session, passings } = parseInsert(body);
  const session = world.sessions.get(token_session);
  if (!session?.active) throw new Refusal(404, { description: 'Session not found or closed', token_session });
  const inserted_count = world.record(session, passings, settings.duplicates === 'none');
  const duplicate_count = passings.length - inserted_count;
  const description = 'Passings inserted succesfully';
  return { status: 201, body: { description, token_session, inserted_count, duplicate_count } };
};

const listPassingsBySession = (request: ApiRequest): ApiReply => {
  const session = theSession(request);
  const first = queryNumPassing(request.query, 'first');
  const last = queryNumPassing(request.query, 'last');
  const cut = cutOf(request);
  const start = first === undefined ? 0 : session.passings.indexFrom(first);
  const end = last === undefined ? undefined : session.passings.indexFrom(last + 1);
  const rows = take(session.passings.slice(start, end), cut);
  const result = passingsOf(session, rows, request.settings);
  return ok({ result: listed(result, cut.page, 'Passings not found', request.settings) });
};

const listPassingsByDevice = (request: ApiRequest): ApiReply => {
  const device = theDevice(request);
  const inWindow = windowOf(request);
  const cut = cutOf(request);
  const result = device.sessions.flatMap((session) =>
    passingsOf(session, take(inWindow(session.passings.slice()), cut), request.settings),
  );
  return ok({ result: listed(result, cut.page, 'Passings not found', request.settings) });
};

/** Jumps to the newest session as soon as there is one, whether or not the one asked for was read to its end. */
const pollPassings = (request: ApiRequest): ApiReply => {
  const device = theDevice(request);
  const inWindow = windowOf(request);
  const cut = cutOf(request);
  const last = queryNumPassing(request.query, 'last');
  const token_session = request.query.get('token_session') ?? undefined;
  const newest = device.sessions.at(-1);
  if (newest === undefined) throw new Refusal(404, { description: 'Sessions not found', deviceid: device.deviceid });
  if (token_session !== undefined && request.world.sessions.get(token_session)?.device !== device) {
    throw new Refusal(404, { description: 'Session not found', token_session });
  }
  const jumps = token_session !== undefined && token_session !== newest.token_session;
  const start = last === undefined || jumps ? 0 : newest.passings.indexFrom(last + 1);
  const rows = take(inWindow(newest.passings.slice(start)), cut);
  return ok({
    deviceid: device.deviceid,
    session_used: newest.token_session,
    session_label: newest.alias,
    resumed_from: jumps ? 0 : (last ?? 0),
    passings: listed(passingsOf(newest, rows, request.settings), cut.page, 'Passings not found', request.settings),
  });
};

/* ------------------------------------------------------------------ events */

const listEvents = (request: ApiRequest): ApiReply => {
  const { start, end, pagination } = numberedPage(request, DEMO_EVENTS.length, 1_000);
  return ok({ pagination, result: DEMO_EVENTS.slice(start, end) });
};

/** The whole API. The busiest come first: where msw has all the handlers, it tries them in order. */
export const OPERATIONS: readonly Operation[] = [
  { method: 'POST', path: '/passings', permission: 'WRITE', answer: insertPassings },
  { method: 'GET', path: '/passings/device2/{deviceid}', permission: 'READ', answer: pollPassings },
  { method: 'GET', path: '/passings/session/{token_session}', permission: 'READ', answer: listPassingsBySession },
  { method: 'GET', path: '/passings/device/{deviceid}', permission: 'READ', answer: listPassingsByDevice },
  { method: 'POST', path: '/sessions', permission: 'WRITE', answer: createSession },
  { method: 'PATCH', path: '/sessions/close/{token_session}', permission: 'WRITE', answer: closeSession },
  { method: 'GET', path: '/sessions/device/{deviceid}/active', permission: 'READ', answer: getActiveSession },
  { method: 'GET', path: '/sessions/device/{deviceid}', permission: 'READ', answer: listSessions },
  { method: 'GET', path: '/sessions/{token_session}', permission: 'READ', answer: getSession },
  { method: 'POST', path: '/devices', permission: 'WRITE', answer: bindDevice },
  { method: 'GET', path: '/devices', permission: 'READ', answer: listDevices },
  { method: 'GET', path: '/devices/{deviceid}', permission: 'READ', answer: getDevice },
  { method: 'DELETE', path: '/devices/{deviceid}', permission: 'UNBIND', answer: unbindDevice },
  { method: 'GET', path: '/events', permission: 'READ', answer: listEvents },
];

const PATHS = OPERATIONS.map(({ path }) => new RegExp(`/v0${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}/?$`));

/** `*` + `/v0/sessions/:token_session`, say. */
export const mswPath = (operation: Operation): string => `*/v0${operation.path.replace(/\{(\w+)\}/g, ':$1')}`;

/** The operation that a request is for, with what its path names: undefined where that is no text, as in /devices/%zz. */
export function operationOf({ method, url }: Request): { operation: Operation; params?: PathParams } | undefined {
  const { pathname } = new URL(url);
  const index = OPERATIONS.findIndex((operation, at) => operation.method === method && PATHS[at]!.test(pathname));
  const operation = OPERATIONS[index];
  if (operation === undefined) return undefined;
  const named = Object.entries(PATHS[index]!.exec(pathname)?.groups ?? {});
  try {
    return { operation, params: Object.fromEntries(named.map(([name, value]) => [name, decodeURIComponent(value)])) };
  } catch {
    return { operation };
  }
}
