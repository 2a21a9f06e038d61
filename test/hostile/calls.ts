// Every operation, with what its type lets it give.
import type { Page, RufusClient, ValidationMode } from '../../src/index.js';
import { DEVICE, device, OPERATIONS, type Operation, passing, session, TOKEN } from '../support/operations.js';
import { type FakeAnswer, peer } from './fake.js';
import { type Outcome, outcomeOf } from './outcome.js';
import * as types from './public-types.js';

interface Promised {
  readonly check: types.Check;
  /** Never broken, however tolerant the client. */
  readonly identity: readonly string[];
  /** The field whose items come out, one for one. */
  readonly rows?: 'result';
}

const PROMISED: Readonly<Record<string, Promised>> = {
  'devices.list': { check: types.isDevices, identity: ['deviceid'], rows: 'result' },
  'devices.get': { check: types.isDevice, identity: ['deviceid'] },
  'devices.bind': { check: types.isDeviceReceipt, identity: ['deviceid'] },
  'devices.ensureBound': { check: types.isEnsured, identity: ['deviceid', 'created'] },
  'devices.unbind': { check: types.isDeviceReceipt, identity: ['deviceid'] },
  'sessions.create': { check: types.isSessionReceipt, identity: ['token_session'] },
  'sessions.get': { check: types.isSession, identity: ['token_session'] },
  'sessions.getActive': { check: types.isSessionOrNull, identity: ['token_session'] },
  'sessions.listByDevice': { check: types.isSessions, identity: ['token_session'] },
  'sessions.close': { check: types.isSessionReceipt, identity: ['token_session'] },
  'passings.insert': { check: types.isInsertResult, identity: ['token_session'] },
  'passings.insertMany': {
    check: types.isInsertManyResult,
    identity: ['inserted_count', 'duplicate_count', 'sent', 'requests'],
  },
  'passings.listBySession': { check: types.isPassings, identity: ['num_passing'], rows: 'result' },
  'passings.listByDevice': { check: types.isPassings, identity: ['num_passing'], rows: 'result' },
  'passings.poll': {
    check: types.isPoll,
    identity: ['num_passing', 'session_used', 'session_label', 'resumed_from'],
  },
  'events.list': { check: types.isRaceEvents, identity: ['event_token'], rows: 'result' },
};

const EVERY_PASSING = {
  timestamp: '2013-04-15T14:02:11.250Z',
  num_passing: 7,
  bib: 'W7',
  participant_id: 'P-7',
  chip: null,
  latitude: '41.380',
  longitude: 2.17,
  status: 'OK',
  timezone: 'Europe/Madrid',
  gender: 'F',
  token_session: TOKEN,
  deviceid: DEVICE,
};
const EVERY_SESSION = {
  ...session({ duration: '1970-01-01T02:00:00.000Z' }),
  first: '2013-04-15T14:02:11.250Z',
  last: null,
};
const EVERY_DEVICE = {
  ...device(),
  alias: 'Finish',
  creation_date: '2013-04-15T08:00:00.000Z',
  last_login: null,
  last_seen: '2013-04-15T08:00:00.000Z',
  sessions: 3,
  passings: 12,
  device_status: 'online',
  battery_percentage: 80,
  charging: false,
  last_telemetry_at: null,
};
const EVERY_EVENT = {
  event_token: 'EV-1',
  name: 'Boston',
  edition: '117',
  location: null,
  start_date: '2013-04-15T08:00:00.000Z',
  end_date: null,
  status: 'finished',
};

/** The table's answers, with every field that the types know: a field that is not there cannot be mutated. */
function inFull(operation: Operation): Operation {
  const body = operation.body as Record<string, unknown>;
  const { name } = operation;
  if (name === 'devices.list') return { ...operation, body: { ...body, result: [EVERY_DEVICE, device()] } };
  if (name === 'devices.get') return { ...operation, body: { ...body, result: EVERY_DEVICE } };
  if (name === 'passings.poll') return { ...operation, body: { ...body, passings: [EVERY_PASSING, passing(8)] } };
  if (name.startsWith('sessions.') && 'result' in body)
    return { ...operation, body: { ...body, result: [EVERY_SESSION] } };
  if (name === 'events.list') return { ...operation, body: { ...body, result: [EVERY_EVENT] } };
  if (name.startsWith('passings.') && 'result' in body)
    return { ...operation, body: { ...body, result: [EVERY_PASSING, passing(8)] } };
  return operation;
}

const named = (name: string): Operation => {
  const found = OPERATIONS.find((operation) => operation.name === name);
  if (found === undefined) throw new Error(`no operation ${name}`);
  return found;
};

/** Those of the table, and the two that are made of them. */
export const CALLS: readonly Operation[] = [
  ...OPERATIONS.map(inFull),
  {
    ...named('devices.bind'),
    name: 'devices.ensureBound',
    call: (client, options) => client.devices.ensureBound({ type: 't', model: 'm', serial_number: 's' }, options),
  },
  {
    ...named('passings.insert'),
    name: 'passings.insertMany',
    call: (client: RufusClient, options) =>
      client.passings.insertMany(
        TOKEN,
        [
          { num_passing: 1, bib: '1', timestamp: '2024-04-21T09:30:00Z' },
          { num_passing: 2, bib: '2', timestamp: new Date(0) },
        ],
        { ...options, batchSize: 1 },
      ),
  },
];

const isPage = (value: unknown): value is Page<unknown> =>
  typeof value === 'object' && value !== null && 'items' in value && 'hasNextPage' in value;

/** Calls an operation against one answer, and holds the outcome against its type. */
export async function judged(
  operation: Operation,
  answer: FakeAnswer,
  validation: ValidationMode,
): Promise<Outcome & { readonly dispatched: number }> {
  const dispatcher = peer(answer);
  const outcome = await outcomeOf({ dispatcher, validation }, (client) => operation.call(client));
  if (outcome.error === undefined) {
    const value = isPage(outcome.value) ? outcome.value.items : outcome.value;
    expectAllowed(operation.name, value, validation, outcome.drift);
  }
  return { ...outcome, dispatched: dispatcher.asked.length };
}

/** Strict gives only what the type says. Tolerant hands drift on, but tells each field of it, and never breaks what identifies. */
export function expectAllowed(
  name: string,
  value: unknown,
  validation: ValidationMode,
  drift: ReadonlySet<string>,
): void {
  const promised = PROMISED[name];
  if (promised === undefined) throw new Error(`nothing is promised of ${name}`);
  for (const field of promised.check(value)) {
    const told = validation === 'tolerant' && !promised.identity.includes(field) && drift.has(field);
    if (!told || field.startsWith('not a'))
      throw new Error(`${name} gave a ${field} that its type forbids (${validation})`);
  }
}

/** The rows that an answer's text holds, as anyone would read them. */
export function rowsOf(name: string, text: string): readonly unknown[] | undefined {
  const field = PROMISED[name]?.rows;
  if (field === undefined) return undefined;
  const parsed = JSON.parse(text);
  const body = typeof parsed === 'object' && parsed !== null && Object.hasOwn(parsed, 'body') ? parsed.body : parsed;
  const rows = body?.[field];
  return Array.isArray(rows) ? rows : undefined;
}
