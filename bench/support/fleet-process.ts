// A process of the fleet's benchmark, which does what its argument says: the API of many devices, or a worker.
import { subscribe } from 'node:diagnostics_channel';
import { connect } from '@nats-io/transport-node';
import { RufusClient } from './built.js';
import { openFleet, type Usage, type Work } from './fleet.js';
import { type Answer, type Request, serve } from './http-server.js';
import { crossing, KEY } from './rows.js';

const work: Work = JSON.parse(process.argv[2] ?? '{}');
process.on('disconnect', () => process.exit());

if (work.role === 'api') process.send?.(await serve(apiOf(work), 0));
else await labour(work);

async function labour({ role, natsPort, baseUrl, leaseMs, pollMs }: Exclude<Work, { role: 'api' }>): Promise<void> {
  let requests = 0;
  subscribe('undici:request:create', () => requests++);
  const nats = await connect({ servers: natsPort.map((port) => `127.0.0.1:${port}`), maxReconnectAttempts: -1 });
  const client = new RufusClient({ apiKey: KEY, baseUrl, logLevel: 'off', connections: 32 });
  const fleet = await openFleet({ client, nats, leaseMs, replicas: natsPort.length === 3 ? 3 : 1 });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const usage: Usage = { cpuMs: (user + system) / 1000, residentMb: process.memoryUsage.rss() / 2 ** 20, requests };
    process.send?.(usage);
  });
  process.send?.('open');
  if (role === 'follow') await fleet.follow({ devices: 'all', pollMs });
  else await fleet.serve();
}

/** Devices whose passings are stored at the moment that their timestamps say, from the first look at each on. */
function apiOf({ devices, perSecond }: Extract<Work, { role: 'api' }>): (request: Request) => Answer {
  const startedAt = new Map<string, number>();
  const ids = Array.from({ length: devices }, (_, index) => idOf(index));
  const list = ids.map((deviceid, index) => ({ deviceid, serial_number: `box-${index}` }));
  const answer = (status: 200 | 201 | 404, body: object): Answer => ({
    status,
    json: Buffer.from(JSON.stringify({ body: { description: 'Done', ...body } })),
  });
  const poll = (deviceid: string, query: URLSearchParams): Answer => {
    const now = Date.now();
    const startAt = startedAt.get(deviceid) ?? now + Math.random() * (1000 / perSecond);
    startedAt.set(deviceid, startAt);
    const last = Number(query.get('last') ?? 0);
    const stored = Math.max(0, Math.floor(((now - startAt) / 1000) * perSecond));
    const passings: object[] = [];
    for (let number = last + 1; number <= stored; number++) {
      const timestamp = new Date(startAt + Math.ceil((number * 1000) / perSecond)).toISOString();
      passings.push({ ...crossing(number), timestamp });
    }
    return answer(200, {
      deviceid,
      session_used: tokenOf(deviceid),
      session_label: null,
      resumed_from: last,
      passings,
    });
  };
  return ({ method, path, query, body }) => {
    const [, , kind, ...rest] = path.split('/');
    const given = (): Record<string, string> => JSON.parse(body.toString());
    if (method === 'GET' && kind === 'devices') {
      if (rest.length > 0) return answer(200, { result: list[ids.indexOf(rest[0]!)] });
      return answer(200, { result: list, pagination: { page: 1, limit: 5_000, total: devices, has_more: false } });
    }
    if (method === 'POST' && kind === 'devices') {
      return answer(201, { deviceid: list.find((device) => device.serial_number === given().serial_number)?.deviceid });
    }
    if (method === 'POST' && kind === 'sessions') return answer(201, { token_session: tokenOf(given().deviceid!) });
    if (kind === 'sessions') {
      const deviceid = rest[1] ?? '';
      const session = { token_session: tokenOf(deviceid), alias: null, active: true, passings: 0 };
      return answer(200, { result: [{ ...session, creation_date: '2026-05-03T07:00:00.000Z' }] });
    }
    if (method === 'POST' && kind === 'passings') {
      let count = 0;
      for (let at = body.indexOf('"num_passing"'); at >= 0; at = body.indexOf('"num_passing"', at + 13)) count++;
      const token_session = /"token_session": *"([^"]*)"/.exec(body.toString('latin1', 0, 200))?.[1];
      return answer(201, { token_session, inserted_count: count, duplicate_count: 0 });
    }
    if (rest[0] === 'device2') return poll(rest[1]!, query);
    return answer(404, {});
  };
}

function idOf(index: number): string {
  return `B${index.toString(16).toUpperCase().padStart(63, '0')}`;
}

function tokenOf(deviceid: string): string {
  return `F${deviceid.slice(1)}`;
}
