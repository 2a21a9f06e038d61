// The API as a race sees it, over real sockets, fast enough for a fleet: devices, sessions, passings, and what tests want to break.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type PassingInput, RufusClient, type RufusClientOptions } from '../../../src/index.js';

export const KEY = 'ror-00c0ffee00c0ffee0000';

export interface ApiSession {
  readonly token_session: string;
  readonly deviceid: string;
  readonly alias: string | null;
  readonly creation_date: string;
  active: boolean;
  readonly passings: Map<number, PassingInput>;
  /** Numbers in the order in which they came. */
  readonly order: number[];
}

interface ApiDevice {
  readonly deviceid: string;
  readonly serial_number: string;
  readonly sessions: ApiSession[];
}

type Reply = { status: number; body: unknown; headers?: Record<string, string> } | 'reset' | 'hang';

export class RaceApi {
  readonly devices = new Map<string, ApiDevice>();
  readonly sessions = new Map<string, ApiSession>();
  /** Answers in place of the API where it gives one, before anything is done. */
  before: (request: { method: string; path: string }) => Reply | undefined = () => undefined;
  /** Answers in place of the API once all is done. */
  after: (request: { method: string; path: string }) => Reply | undefined = () => undefined;
  /** Told of each request. */
  onRequest: (request: { method: string; path: string; headers: IncomingMessage['headers'] }) => void = () => {};
  /** Requests so far, and the headers of the newest ones. */
  requests = 0;
  readonly seen: { method: string; path: string; headers: IncomingMessage['headers']; body: string }[] = [];
  /** Passings that were inserted twice: an insert that was repeated, which is as it should be. */
  duplicates = 0;
  /** A second passing under a number that another had: this would be a result lost. */
  readonly collisions: string[] = [];
  keepsRequests = true;
  readonly #server: Server;
  #serial = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  static async listen(port = 0): Promise<RaceApi> {
    const api = new RaceApi();
    await new Promise<void>((resolve) => api.#server.listen(port, '127.0.0.1', resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v0`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  addDevice(serial_number = `SN-${this.devices.size + 1}`, deviceid = this.#id('device', serial_number)): ApiDevice {
    const device = { deviceid, serial_number, sessions: [] };
    this.devices.set(deviceid, device);
    return device;
  }

  addSession({ deviceid, sessions }: ApiDevice, alias: string | null = null): ApiSession {
    for (const each of sessions) each.active = false;
    const session: ApiSession = {
      token_session: this.#id('session', String(this.#serial++)),
      deviceid,
      alias,
      creation_date: new Date(1_700_000_000_000 + this.#serial * 1000).toISOString(),
      active: true,
      passings: new Map(),
      order: [],
    };
    sessions.push(session);
    this.sessions.set(session.token_session, session);
    return session;
  }

  /** As an insert does. */
  addPassings(session: ApiSession, passings: readonly PassingInput[]): { inserted: number; duplicates: number } {
    let inserted = 0;
    for (const passing of passings) {
      const before = session.passings.get(passing.num_passing);
      if (before === undefined) {
        session.passings.set(passing.num_passing, passing);
        session.order.push(passing.num_passing);
        inserted++;
      } else if (before.bib !== passing.bib || before.timestamp !== passing.timestamp) {
        this.collisions.push(
          `${session.token_session.slice(0, 8)}/${passing.num_passing}: ${before.bib}, ${passing.bib}`,
        );
      }
    }
    const duplicates = passings.length - inserted;
    this.duplicates += duplicates;
    return { inserted, duplicates };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const path = url.replace(/^\/v0/, '');
    this.requests++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    this.onRequest({ method, path, headers: request.headers });
    if (this.keepsRequests) this.seen.push({ method, path, headers: request.headers, body });
    const asked = { method, path };
    const early = this.before(asked);
    const reply = early ?? this.#answer(request, method, path, body);
    const final = early === undefined ? (this.after(asked) ?? reply) : reply;
    if (final === 'hang') return;
    if (final === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const text = typeof final.body === 'string' ? final.body : JSON.stringify({ body: final.body });
    response.writeHead(final.status, {
      'content-type': typeof final.body === 'string' ? 'text/html' : 'application/json',
      ...final.headers,
    });
    response.end(text);
  }

  #answer({ headers }: IncomingMessage, method: string, path: string, text: string): Exclude<Reply, string> {
    if (headers['x-api-key'] !== KEY) return said(401, 'Unknown key');
    const [plain = '', search = ''] = path.split('?');
    const query = new URLSearchParams(search);
    const [kind, ...rest] = plain.split('/').slice(1).map(decodeURIComponent);
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    switch (`${method} ${kind}`) {
      case 'GET devices':
        return rest.length === 0 ? this.#listDevices() : this.#device(rest[0]!);
      case 'POST devices':
        return this.#bind(String(body.serial_number));
      case 'POST sessions':
        return this.#createSession(String(body.deviceid), body.alias);
      case 'PATCH sessions':
        return this.#closeSession(rest[1]!);
      case 'GET sessions':
        return rest[0] === 'device' ? this.#listSessions(rest[1]!, rest[2] === 'active') : this.#session(rest[0]!);
      case 'POST passings':
        return this.#insert(String(body.token_session), body.passings_list as PassingInput[]);
      case 'GET passings':
        return rest[0] === 'device2' ? this.#poll(rest[1]!, query) : this.#range(rest[1]!, query);
      default:
        return said(404, 'No such endpoint');
    }
  }

  #listDevices(): Exclude<Reply, string> {
    const result = [...this.devices.values()].map(({ deviceid, serial_number }) => ({ deviceid, serial_number }));
    return ok({
      description: 'Devices',
      result,
      pagination: { page: 1, limit: 5000, total: result.length, has_more: false },
    });
  }

  #device(deviceid: string): Exclude<Reply, string> {
    const device = this.devices.get(deviceid);
    if (device === undefined) return said(404, 'Device not found');
    return ok({ description: 'Device', result: { deviceid, serial_number: device.serial_number } });
  }

  #bind(serial: string): Exclude<Reply, string> {
    const known = [...this.devices.values()].find(({ serial_number }) => serial_number === serial);
    if (known !== undefined) {
      return { status: 409, body: { description: 'Device already binded', deviceid: known.deviceid } };
    }
    const { deviceid } = this.addDevice(serial);
    return { status: 201, body: { description: 'Device binded succesfully', deviceid } };
  }

  #createSession(deviceid: string, alias: unknown): Exclude<Reply, string> {
    const device = this.devices.get(deviceid);
    if (device === undefined) return said(404, 'Device not found');
    const { token_session } = this.addSession(device, typeof alias === 'string' ? alias : null);
    return { status: 201, body: { description: 'Session inserted succesfully', token_session } };
  }

  #closeSession(token_session: string): Exclude<Reply, string> {
    const session = this.sessions.get(token_session);
    if (session?.active !== true) return said(404, 'Session not found');
    session.active = false;
    return ok({ description: 'Session closed succesfully', token_session });
  }

  #listSessions(deviceid: string, onlyActive: boolean): Exclude<Reply, string> {
    const sessions = (this.devices.get(deviceid)?.sessions ?? []).filter(({ active }) => active || !onlyActive);
    if (sessions.length === 0) return said(404, 'Sessions not found');
    return ok({ description: 'Sessions', result: sessions.map(view) });
  }

  #session(token_session: string): Exclude<Reply, string> {
    const session = this.sessions.get(token_session);
    return session === undefined
      ? said(404, 'Session not found')
      : ok({ description: 'Session', result: [view(session)] });
  }

  #insert(token_session: string, passings: readonly PassingInput[]): Exclude<Reply, string> {
    const session = this.sessions.get(token_session);
    if (session?.active !== true) return said(404, 'Session not found or closed');
    const { inserted, duplicates } = this.addPassings(session, passings);
    return {
      status: 201,
      body: {
        description: 'Passings inserted succesfully',
        token_session,
        inserted_count: inserted,
        duplicate_count: duplicates,
      },
    };
  }

  #poll(deviceid: string, query: URLSearchParams): Exclude<Reply, string> {
    const device = this.devices.get(deviceid);
    const newest = device?.sessions.at(-1);
    if (newest === undefined) return said(404, 'Sessions not found');
    const isSame = query.get('token_session') === newest.token_session;
    const last = isSame ? Number(query.get('last') ?? -1) : -1;
    return ok({
      description: 'Passings',
      deviceid,
      session_used: newest.token_session,
      session_label: newest.alias,
      resumed_from: last,
      passings: page(newest, last + 1, Number.POSITIVE_INFINITY),
    });
  }

  #range(token_session: string, query: URLSearchParams): Exclude<Reply, string> {
    const session = this.sessions.get(token_session);
    if (session === undefined) return said(404, 'Session not found');
    const first = Number(query.get('first') ?? 0);
    const last = Number(query.get('last') ?? Number.POSITIVE_INFINITY);
    const isFirstPage = Number(query.get('page') ?? 1) === 1;
    return ok({ description: 'Passings', result: isFirstPage ? page(session, first, last) : [] });
  }

  #id(kind: string, name: string): string {
    return createHash('sha256').update(`${kind} ${name}`).digest('hex').toUpperCase();
  }
}

const PAGE = 5_000;

/** In order of number. Most come in that order: the newest are at the end. */
function page({ passings, order }: ApiSession, first: number, last: number): PassingInput[] {
  const rows: PassingInput[] = [];
  for (let index = order.length - 1; index >= 0; index--) {
    const number = order[index]!;
    if (number >= first && number <= last) rows.push(passings.get(number)!);
    // Nothing comes later than so many places behind what had a higher number.
    else if (number < first - 1_000) break;
  }
  return rows.sort((a, b) => a.num_passing - b.num_passing).slice(0, PAGE);
}

const view = ({ token_session, alias, creation_date, active, passings }: ApiSession) => ({
  token_session,
  alias,
  creation_date,
  active,
  passings: passings.size,
});
const ok = (body: object): Exclude<Reply, string> => ({ status: 200, body });
const said = (status: number, description: string): Exclude<Reply, string> => ({ status, body: { description } });

/** Closed at the end of the test, with a client of it. */
export async function raceApi(options: RufusClientOptions = {}): Promise<{ api: RaceApi; client: RufusClient }> {
  const api = await RaceApi.listen();
  onTestFinished(() => api.close());
  const client = clientOf(api, options);
  return { api, client };
}

export function clientOf(api: RaceApi, options: RufusClientOptions = {}): RufusClient {
  const client = new RufusClient({ apiKey: KEY, baseUrl: api.url, logLevel: 'off', ...options });
  onTestFinished(() => client.close());
  return client;
}

export const passing = (num_passing: number, bib = String(num_passing)) => ({
  num_passing,
  bib,
  timestamp: new Date(1_780_000_000_000 + num_passing * 100).toISOString(),
});
export const passings = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => passing(first + index));
