// All 14 operations, each with a call that is right and an answer that fits.
import type { PassingInput, RequestOptions, RufusClient } from '../../src/index.js';

export const DEVICE = 'D3B07384D113EDEC49EAA6238AD5FF00C86F7A4F2C9E5B1D0A8E7F6C5B4A3928';
export const TOKEN = '5F1D7A84DB00D2FCE00B31A7FC73224FA1B2C3D4E5F60718293A4B5C6D7E8F90';

export const passing = (num_passing: number, more: object = {}) => ({
  timestamp: '2013-04-15T14:02:11.250Z',
  num_passing,
  bib: `W${num_passing}`,
  ...more,
});
export const input = (num_passing: number): PassingInput => passing(num_passing);
export const device = (deviceid = DEVICE) => ({
  deviceid,
  type: 'READER',
  model: 'RTL',
  serial_number: 'SN-1',
  firmware: null,
});
export const session = (more: object = {}) => ({
  token_session: TOKEN,
  alias: 'Finish',
  creation_date: '2013-04-15T08:00:00.000Z',
  active: true,
  passings: 3,
  ...more,
});

/** The columns of the retry table in ARCHITECTURE.md. */
export type Kind = 'read' | 'insert' | 'bind' | 'end' | 'create';

export interface Operation {
  readonly name: string;
  readonly kind: Kind;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly body: object;
  call(client: RufusClient, options?: RequestOptions): PromiseLike<unknown>;
}

const pagination = { page: 1, limit: 5000, total: 1, has_more: false };
const bound = { type: 'READER', model: 'RTL', serial_number: 'SN-1' };

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'devices.list',
    kind: 'read',
    method: 'GET',
    target: '/v0/devices?page=1',
    status: 200,
    body: { description: 'Devices found', pagination, result: [device()] },
    call: (client, options) => client.devices.list({}, options),
  },
  {
    name: 'devices.get',
    kind: 'read',
    method: 'GET',
    target: `/v0/devices/${DEVICE}`,
    status: 200,
    body: { description: 'Device found', result: device() },
    call: (client, options) => client.devices.get(DEVICE, options),
  },
  {
    name: 'devices.bind',
    kind: 'bind',
    method: 'POST',
    target: '/v0/devices',
    status: 201,
    body: { description: 'Device binded succesfully', deviceid: DEVICE },
    call: (client, options) => client.devices.bind(bound, options),
  },
  {
    name: 'devices.unbind',
    kind: 'end',
    method: 'DELETE',
    target: `/v0/devices/${DEVICE}`,
    status: 200,
    body: { description: 'Device unbinded succesfully', deviceid: DEVICE },
    call: (client, options) => client.devices.unbind(DEVICE, options),
  },
  {
    name: 'sessions.create',
    kind: 'create',
    method: 'POST',
    target: '/v0/sessions',
    status: 201,
    body: { description: 'Session inserted succesfully', token_session: TOKEN },
    call: (client, options) => client.sessions.create({ deviceid: DEVICE }, options),
  },
  {
    name: 'sessions.get',
    kind: 'read',
    method: 'GET',
    target: `/v0/sessions/${TOKEN}`,
    status: 200,
    body: { description: 'Session found', result: [session()] },
    call: (client, options) => client.sessions.get(TOKEN, options),
  },
  {
    name: 'sessions.getActive',
    kind: 'read',
    method: 'GET',
    target: `/v0/sessions/device/${DEVICE}/active`,
    status: 200,
    body: { description: 'Session found', result: [session()] },
    call: (client, options) => client.sessions.getActive(DEVICE, options),
  },
  {
    name: 'sessions.listByDevice',
    kind: 'read',
    method: 'GET',
    target: `/v0/sessions/device/${DEVICE}`,
    status: 200,
    body: { description: 'Sessions found', result: [session()] },
    call: (client, options) => client.sessions.listByDevice(DEVICE, options),
  },
  {
    name: 'sessions.close',
    kind: 'end',
    method: 'PATCH',
    target: `/v0/sessions/close/${TOKEN}`,
    status: 200,
    body: { description: 'Session closed succesfully', token_session: TOKEN },
    call: (client, options) => client.sessions.close(TOKEN, options),
  },
  {
    name: 'passings.insert',
    kind: 'insert',
    method: 'POST',
    target: '/v0/passings',
    status: 201,
    body: { description: 'Passings inserted succesfully', token_session: TOKEN, inserted_count: 1, duplicate_count: 0 },
    call: (client, options) => client.passings.insert(TOKEN, [input(1)], options),
  },
  {
    name: 'passings.listBySession',
    kind: 'read',
    method: 'GET',
    target: `/v0/passings/session/${TOKEN}?page=1`,
    status: 200,
    body: { description: 'Passings found', result: [passing(1)] },
    call: (client, options) => client.passings.listBySession(TOKEN, {}, options),
  },
  {
    name: 'passings.listByDevice',
    kind: 'read',
    method: 'GET',
    target: `/v0/passings/device/${DEVICE}?page=1`,
    status: 200,
    body: { description: 'Passings found', result: [passing(1)] },
    call: (client, options) => client.passings.listByDevice(DEVICE, {}, options),
  },
  {
    name: 'passings.poll',
    kind: 'read',
    method: 'GET',
    target: `/v0/passings/device2/${DEVICE}`,
    status: 200,
    body: {
      description: 'Passings found',
      deviceid: DEVICE,
      session_used: TOKEN,
      session_label: 'Finish',
      resumed_from: 0,
      passings: [passing(1)],
    },
    call: (client, options) => client.passings.poll(DEVICE, {}, options),
  },
  {
    name: 'events.list',
    kind: 'read',
    method: 'GET',
    target: '/v0/events?page=1',
    status: 200,
    body: { description: 'Events found', pagination, result: [{ event_token: 'EV-1', name: 'Boston' }] },
    call: (client, options) => client.events.list({}, options),
  },
];

const named = (name: string): Operation => {
  const found = OPERATIONS.find((operation) => operation.name === name);
  if (!found) throw new Error(`no operation ${name}`);
  return found;
};

/** One operation for each column of the retry table, and both of the ending ones. */
export const COLUMNS: readonly Operation[] = [
  'devices.get',
  'passings.insert',
  'devices.bind',
  'sessions.close',
  'devices.unbind',
  'sessions.create',
].map(named);
