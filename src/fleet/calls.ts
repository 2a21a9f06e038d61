import type { Endpoint } from '../core/operation.js';
import {
  bindDevice,
  closeSession,
  createSession,
  getActiveSession,
  getDevice,
  getSession,
  insertPassings,
  listDevices,
  listEvents,
  listPassingsByDevice,
  listPassingsBySession,
  listSessions,
  pollPassings,
  unbindDevice,
} from '../core/operations.js';
import { isRecord } from '../core/payload.js';
import type { WireRequest } from '../core/wire/flight.js';

/** An operation that can be carried: what of it travels, by name. The path is made anew at the other end, never copied. */
interface Carried {
  readonly operation: Endpoint;
  /** What the path's id names. */
  readonly id?: 'deviceid' | 'token_session';
  readonly query: readonly string[];
  readonly body: readonly string[];
}

const carry = (
  operation: Endpoint,
  id?: 'deviceid' | 'token_session',
  { query = [], body = [] }: { query?: readonly string[]; body?: readonly string[] } = {},
): Carried => ({ operation, query, body, ...(id !== undefined && { id }) });

const CARRIED: readonly Carried[] = [
  carry(listDevices, undefined, { query: ['page', 'limit'] }),
  carry(getDevice, 'deviceid'),
  // `ensureBound` is the same request, read differently at the caller's end.
  carry(bindDevice, undefined, { body: ['type', 'model', 'serial_number', 'alias', 'firmware'] }),
  carry(unbindDevice, 'deviceid'),
  carry(createSession, undefined, { body: ['deviceid', 'alias'] }),
  carry(closeSession, 'token_session'),
  carry(getSession, 'token_session'),
  carry(getActiveSession, 'deviceid'),
  carry(listSessions, 'deviceid'),
  carry(insertPassings, undefined, { body: ['token_session', 'passings_list'] }),
  carry(listPassingsBySession, 'token_session', { query: ['page', 'first', 'last'] }),
  carry(listPassingsByDevice, 'deviceid', { query: ['page', 'from', 'to'] }),
  carry(pollPassings, 'deviceid', { query: ['page', 'token_session', 'last', 'from', 'to'] }),
  carry(listEvents, undefined, { query: ['page', 'limit'] }),
];

/** Harmless ones: they tell where a call belongs, not who makes it. */
const HEADERS = ['traceparent', 'tracestate', 'x-request-id', 'x-correlation-id', 'accept-language'];

/** A call as a box describes it. Nothing of this is believed: see {@link checkedCall}. */
export interface CallHead {
  readonly operation: string;
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** What is left of the attempt's time. */
  readonly timeoutMs: number;
}

/** A call as the gateway makes it, put together from its own table. */
export interface Call {
  readonly operation: Endpoint;
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly deviceid: string | undefined;
  readonly token_session: string | undefined;
  readonly serial_number: string | undefined;
}

/** Which operation a request is, at the box's end; undefined for one that is not of the table. */
export function describe({ method, path, headers }: WireRequest): Omit<CallHead, 'timeoutMs'> | undefined {
  const [plain = '', query = ''] = path.split('?');
  for (const { operation } of CARRIED) {
    if (operation.method !== method) continue;
    const [before = '', after] = operation.path.split(/\{\w+\}/);
    if (after === undefined ? plain !== before : !plain.startsWith(before) || !plain.endsWith(after)) continue;
    const id = after === undefined ? '' : plain.slice(before.length, plain.length - after.length);
    if (id.includes('/') || (after !== undefined && id === '')) continue;
    return {
      operation: operation.name,
      id: decodeURIComponent(id.replace(/%(?![0-9a-f]{2})/gi, '%25')),
      query: Object.fromEntries(new URLSearchParams(query.replaceAll('+', '%2B'))),
      headers: harmless(headers),
    };
  }
  return undefined;
}

/** The call that a box asks for, or in a few words why it cannot be carried. */
export function checkedCall(head: CallHead, text: string): Call | string {
  const carried = CARRIED.find(({ operation }) => operation.name === head.operation);
  if (carried === undefined) return 'only operations of the library are carried, no requests of any kind';
  const { operation, id } = carried;
  if ((id === undefined) !== (head.id === '') || head.id === '.' || head.id === '..') return 'its id is unusable';
  const strange = Object.keys(head.query).find((name) => !carried.query.includes(name));
  if (strange !== undefined) return 'it has a parameter that this operation does not';
  const body = bodyOf(carried, text);
  if (typeof body === 'string') return body;
  const named = (name: string): string | undefined => {
    const value = id === name ? head.id : (body?.[name] ?? head.query[name]);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    operation,
    id: head.id,
    query: head.query,
    headers: harmless(head.headers),
    body,
    deviceid: named('deviceid'),
    token_session: named('token_session'),
    serial_number: named('serial_number'),
  };
}

/** Parsed, so that what is checked is what is sent. */
function bodyOf({ body: fields }: Carried, text: string): Record<string, unknown> | undefined | string {
  if (fields.length === 0) return text === '' ? undefined : 'it has a body, this operation has none';
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return 'its body is not JSON';
  }
  if (!isRecord(body)) return 'its body is no object';
  return Object.keys(body).every((name) => fields.includes(name))
    ? body
    : 'its body has a field that this operation does not';
}

function harmless(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) => HEADERS.includes(name) && typeof value === 'string' && /^[\x20-\x7e]{1,512}$/.test(value),
    ),
  );
}
