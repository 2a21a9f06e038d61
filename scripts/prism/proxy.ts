import { type Middleware, RufusAPIError, RufusClient, type RufusClientOptions } from '../../src/index.js';
import { Sandbox, type SandboxOptions } from '../../src/testing/index.js';
import { startProxy } from './server.js';

const DIALECTS: readonly SandboxOptions[] = [
  {},
  {
    envelope: 'flat',
    coordinates: 'number',
    endOfPages: 'absent',
    bindConflict: 'bare',
    duplicates: 'none',
    unknownKey: 401,
  },
  { endOfPages: '404', pageSize: 2 },
];
const AUTH_HEADERS = ['x-api-key', 'api_key'] as const;
const MAX_BODY_BYTES = 50_000;

export interface Passed {
  /** Operations, each with the statuses that it answered. */
  readonly answers: ReadonlyMap<string, ReadonlySet<number>>;
  readonly calls: number;
  readonly violations: readonly string[];
}

/** All operations and their refusals, in every dialect and under both headers, with Prism between client and sandbox. */
export async function passThroughProxy(): Promise<Passed> {
  const answers = new Map<string, Set<number>>();
  const violations: string[] = [];
  let calls = 0;
  for (const dialect of DIALECTS) {
    const sandbox = new Sandbox({ ...dialect, maxBodyBytes: MAX_BODY_BYTES });
    const server = await sandbox.listen();
    try {
      await using proxy = await startProxy(server.url);
      for (const authHeader of AUTH_HEADERS) {
        const watched: Middleware = async (context, next) => {
          const answer = await next(context);
          calls += 1;
          const name = `${context.operation} (${authHeader})`;
          answers.set(name, (answers.get(name) ?? new Set()).add(answer.status));
          const found = answer.headers.get('sl-violations');
          if (found !== null) violations.push(`${JSON.stringify(dialect)} ${name} ${answer.status}: ${found}`);
          return answer;
        };
        await everything(sandbox, { baseUrl: proxy.url, authHeader, middleware: [watched], retry: false });
        sandbox.reset();
      }
    } finally {
      await server.close();
    }
  }
  return { answers, calls, violations };
}

async function everything(sandbox: Sandbox, options: RufusClientOptions): Promise<void> {
  await using client = new RufusClient({ ...options, apiKey: sandbox.keys.admin });
  const { devices, sessions, passings, events } = client;
  const device = { type: 'reader', model: 'R1', serial_number: '1', alias: 'Finish', firmware: '1.0' };
  const { deviceid } = await devices.bind(device);
  await refused(409, devices.bind(device));
  await devices.list({ limit: 2 }).toArray({ limit: 10 });
  await devices.get(deviceid);

  await sessions.listByDevice(deviceid); // none yet: 404
  await sessions.getActive(deviceid);
  await refused(404, passings.poll(deviceid));
  const { token_session } = await sessions.create({ deviceid, alias: 'Heat 1' });
  await sessions.getActive(deviceid);
  await sessions.get(token_session); // no first and last passing yet
  await passings.insert(token_session, PASSINGS);
  await passings.insert(token_session, PASSINGS);
  await passings.listBySession(token_session, { first: 1, last: 9 }).toArray({ limit: 100 });
  await passings.listBySession(token_session, { page: 99 }).catch(() => {});
  await passings
    .listByDevice(deviceid, { from: new Date(0), to: '2030-01-01T02:00:00.5+02:00' })
    .toArray({ limit: 100 });
  await passings.poll(deviceid);
  await passings.poll(deviceid, { token_session, last: 2, from: new Date(0), to: new Date(), page: 1 });
  await refused(
    413,
    passings.insert(
      token_session,
      Array.from({ length: 1_000 }, (_, index) => read(index + 100)),
    ),
  );

  const next = await sessions.create({ deviceid });
  await passings.poll(deviceid, { token_session, last: 2 }); // jumps
  await sessions.close(next.token_session);
  await refused(404, passings.insert(next.token_session, PASSINGS));
  await refused(404, sessions.close(next.token_session));
  await sessions.listByDevice(deviceid);
  await sessions.get(token_session);
  await devices.get(deviceid);
  await events.list({ limit: 2 }).toArray({ limit: 10 });
  await events.list({ page: 9 });

  await refused(404, sessions.create({ deviceid: 'D1' }));
  await refused(404, sessions.get('T1'));
  await refused(404, devices.get('D1'));
  await refused(404, passings.listBySession('T1'));
  await refused(404, passings.listByDevice('D1'));
  for (const apiKey of ['ror-00000000000000000000', sandbox.keys.write, sandbox.keys.read]) {
    const other = client.withOptions({ apiKey });
    const calls = [other.devices.list(), other.sessions.create({ deviceid }), other.devices.unbind(deviceid)];
    await Promise.all(calls.map((call) => call.catch(refusal)));
  }
  for (const status of [429, 500, 502, 503]) {
    sandbox.fault({ kind: 'status', status, headers: { 'retry-after': '1' } });
    await refused(status, devices.get(deviceid));
  }
  sandbox.fault({ kind: 'html', status: 502 });
  await refused(502, passings.insert(token_session, PASSINGS));

  await devices.unbind(deviceid);
  await refused(404, devices.unbind(deviceid));
}

const read = (num_passing: number) => ({
  num_passing,
  bib: `W${num_passing}`,
  timestamp: new Date(num_passing * 1_000),
});
const PASSINGS = [
  read(1),
  { ...read(2), chip: 'C2', participant_id: 'XB123AR8', latitude: 41.38, longitude: -2.17 },
  { ...read(3), chip: null, latitude: null, longitude: 0.000_01, status: 'Sent', timezone: 'UTC', gender: 'F' },
];

function refusal(error: unknown): number {
  if (error instanceof RufusAPIError) return error.status;
  throw error;
}

async function refused(status: number, call: PromiseLike<unknown>): Promise<void> {
  const got = await call.then(() => 'an answer', refusal);
  if (got !== status) throw new Error(`Expected ${status}, got ${got}`);
}
