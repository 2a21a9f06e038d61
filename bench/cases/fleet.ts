import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { RufusClient } from '../support/built.js';
import { fleetClient, Ground, kill, openFleet, usageOf } from '../support/fleet.js';
import { atLeast, atMost, type Case, type Effort, type Goal, type Table } from '../support/report.js';
import { crossing, KEY } from '../support/rows.js';
import { grouped, quantile } from '../support/stats.js';

const POLL_MS = { min: 1_000, max: 2_000 };
const SHORT_LEASE_MS = 1_000;
const CONSUMERS = 4;

type Fleet = Awaited<ReturnType<typeof openFleet>>;

export const run: Case = async (effort) => {
  const parts: { readonly tables: readonly Table[]; readonly goals: readonly Goal[] }[] = [
    await reading(effort),
    await growing(effort),
    await carrying(effort),
    await takingOver(effort),
    await losingALeader(effort),
  ];
  return {
    title: '11. The fleet',
    how: `Readers, gateways, the API, the servers and the consumers are processes of this one machine, whose load was ${loadavg()[0]?.toFixed(1)} at the end. \`pollMs\` is ${POLL_MS.min} to ${POLL_MS.max} ms. Latency: from the moment the API has a passing to the moment a consumer has it. Takeover and balance: leases of ${SHORT_LEASE_MS} ms, kill -9.`,
    tables: parts.flatMap(({ tables }) => tables),
    goals: parts.flatMap(({ goals }) => goals),
  };
};

/** 1,000 devices, four workers, 5,000 passings a second. */
async function reading(effort: Effort) {
  const devices = effort.quick ? 100 : 1_000;
  await using ground = await Ground.prepare(1, devices, 5);
  for (let worker = 0; worker < 4; worker++) await ground.work('follow', { pollMs: POLL_MS });
  const { latencies, perSecond } = await consumed(ground, effort.ms(20_000));
  const [p50, p99] = [0.5, 0.99].map((at) => quantile(latencies, at)) as [number, number];
  return {
    tables: [
      {
        columns: ['Devices', 'workers', 'passings /s', 'median ms', 'p99 ms'],
        rows: [[grouped(devices), '4', grouped(perSecond), p50.toFixed(0), p99.toFixed(0)]],
      },
    ],
    goals: [
      atLeast('passings a second through the stream', devices * 5 * 0.95, perSecond),
      atMost('p99 from the API to a consumer', POLL_MS.min + 250, p99, ' ms'),
    ],
  };
}

/** What one worker costs. */
async function growing(effort: Effort) {
  const rows: string[][] = [];
  for (const devices of effort.quick ? [10, 100] : [10, 30, 100, 300, 1_000]) {
    await using ground = await Ground.prepare(1, devices, 1);
    const worker = await ground.work('follow', { pollMs: POLL_MS });
    await sleep(effort.ms(4_000));
    const before = await usageOf(worker);
    const startedAt = performance.now();
    const { latencies } = await consumed(ground, effort.ms(8_000));
    const { cpuMs, residentMb, requests } = await usageOf(worker);
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = (cpuMs - before.cpuMs) / seconds / 10;
    rows.push([
      grouped(devices),
      cpu.toFixed(1),
      ((cpu * 10_000) / devices).toFixed(0),
      residentMb.toFixed(0),
      grouped((requests - before.requests) / seconds),
      quantile(latencies, 0.99).toFixed(0),
    ]);
  }
  const columns = ['One worker, devices', 'CPU %', 'µs a device and s', 'resident MiB', 'requests /s', 'p99 ms'];
  return { tables: [{ columns, rows }], goals: [] };
}

async function consumed(ground: Ground, ms: number): Promise<{ latencies: number[]; perSecond: number }> {
  await using client = new RufusClient({ apiKey: KEY, baseUrl: ground.baseUrl });
  const stop = new AbortController();
  const { signal } = stop;
  const latencies: number[] = [];
  let startedAt = Number.POSITIVE_INFINITY;
  const fleets: Fleet[] = [];
  const consume = async (): Promise<void> => {
    const fleet = await openFleet({ client, nats: await ground.connect() });
    fleets.push(fleet);
    try {
      for await (const { passings, ack } of fleet.passings({ consumer: 'bench', signal })) {
        const now = Date.now();
        for (const { timestamp } of passings) {
          const at = Date.parse(timestamp);
          if (at >= startedAt && at < startedAt + ms) latencies.push(now - at);
        }
        await ack();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  const consuming = Array.from({ length: CONSUMERS }, consume);
  // All devices are followed, and what has piled up is consumed.
  await sleep(ms / 2);
  startedAt = Date.now();
  // What is stored last takes a poll to come.
  await sleep(ms + 2 * POLL_MS.max);
  stop.abort();
  await Promise.all(consuming);
  for (const fleet of fleets) await fleet.close();
  return { latencies, perSecond: latencies.length / (ms / 1000) };
}

/** 200 boxes insert 100 passings a second each, directly and through two gateways. */
async function carrying(effort: Effort) {
  const boxes = effort.quick ? 20 : 200;
  const list = Array.from({ length: 100 }, (_, index) => crossing(index + 1));
  await using ground = await Ground.prepare(1, boxes, 0);
  for (let worker = 0; worker < 2; worker++) await ground.work('serve');
  const inserting = async (clients: readonly InstanceType<typeof RufusClient>[]) => {
    const device = { type: 'reader', model: 'R1' };
    const tokens: string[] = [];
    for (const [index, client] of clients.entries()) {
      const { deviceid } = await client.devices.ensureBound({ ...device, serial_number: `box-${index}` });
      tokens.push((await client.sessions.create({ deviceid })).token_session);
    }
    const times: number[] = [];
    let inserted = 0;
    const startedAt = performance.now();
    const endsAt = startedAt + effort.ms(10_000);
    const box = async (client: InstanceType<typeof RufusClient>, index: number): Promise<void> => {
      // Not all at one moment.
      for (let at = startedAt + Math.random() * 1_000; at < endsAt; at += 1_000) {
        await sleep(Math.max(0, at - performance.now()));
        const sentAt = performance.now();
        await client.passings.insert(tokens[index]!, list);
        times.push(performance.now() - sentAt);
        inserted += list.length;
      }
    };
    await Promise.all(clients.map(box));
    return { times, perSecond: inserted / ((performance.now() - startedAt) / 1000) };
  };
  const key = { apiKey: KEY, baseUrl: ground.baseUrl };
  const directly = await inserting(Array.from({ length: boxes }, () => new RufusClient({ ...key, connections: 1 })));
  const connections = await Promise.all(Array.from({ length: boxes }, () => ground.connect()));
  const carried = await inserting(connections.map((nats, index) => fleetClient({ nats, box: `box-${index}` })));
  const [most, p99] = [directly, carried].map(({ times }) => quantile(times, 0.99)) as [number, number];
  const row = (name: string, { times, perSecond }: typeof carried): string[] => [
    name,
    grouped(perSecond),
    ...[0.5, 0.99].map((at) => quantile(times, at).toFixed(1)),
  ];
  return {
    tables: [
      {
        columns: [`${boxes} boxes`, 'passings /s', 'insert median ms', 'p99 ms'],
        rows: [row('directly', directly), row('through two gateways', carried)],
      },
    ],
    goals: [
      atLeast('passings a second through gateways', boxes * 100 * 0.95, carried.perSecond),
      atMost('p99 of an insert through a gateway', 3 * most + 5, p99, ' ms'),
    ],
  };
}

/** 30 devices, three workers, of which one after the other is killed and replaced. */
async function takingOver(effort: Effort) {
  const kills = effort.quick ? 4 : 50;
  await using ground = await Ground.prepare(1, 30, 1);
  const start = () => ground.work('follow', { leaseMs: SHORT_LEASE_MS, pollMs: { min: 100, max: 200 } });
  let workers = await Promise.all([start(), start(), start()]);
  await using client = new RufusClient({ apiKey: KEY, baseUrl: ground.baseUrl });
  const fleet = await openFleet({ client, nats: await ground.connect(), leaseMs: SHORT_LEASE_MS });
  const followed = async (count: number): Promise<number[]> => {
    const { devices } = await fleet.status();
    const shares = new Map<string, number>();
    for (const { followedBy } of devices)
      if (followedBy !== null) shares.set(followedBy, (shares.get(followedBy) ?? 0) + 1);
    const total = [...shares.values()].reduce((sum, share) => sum + share, 0);
    return devices.length === 30 && total === 30 && shares.size === count ? [...shares.values()] : [];
  };
  const timeUntil = async (holds: () => Promise<boolean>): Promise<number> => {
    const startedAt = performance.now();
    while (!(await holds())) await sleep(20);
    return performance.now() - startedAt;
  };
  const isEven = async (count: number): Promise<boolean> => {
    const shares = await followed(count);
    return shares.length > 0 && Math.max(...shares) - Math.min(...shares) <= 1;
  };
  await timeUntil(() => isEven(3));
  const takeovers: number[] = [];
  const balances: number[] = [];
  for (let round = 0; round < kills; round++) {
    const [victim, ...others] = workers;
    await kill(victim!);
    takeovers.push(await timeUntil(() => isEven(2)));
    workers = [...others, await start()];
    balances.push(await timeUntil(() => isEven(3)));
  }
  await fleet.close();
  const row = (name: string, times: readonly number[]): string[] => [
    name,
    String(times.length),
    ...[0.5, 0.99, 1].map((at) => quantile(times, at).toFixed(0)),
  ];
  return {
    tables: [
      {
        columns: ['', 'times', 'median ms', 'p99 ms', 'most'],
        rows: [row('taken over after kill -9', takeovers), row('balanced after a start', balances)],
      },
    ],
    goals: [
      atMost('takeover p99', SHORT_LEASE_MS + 2_000, quantile(takeovers, 0.99), ' ms'),
      atMost('balance p99', 3 * SHORT_LEASE_MS, quantile(balances, 0.99), ' ms'),
    ],
  };
}

/** Three servers, of which the one that leads the stream is killed: how long nothing comes. */
async function losingALeader(effort: Effort) {
  const kills = effort.quick ? 2 : 10;
  await using ground = await Ground.prepare(3, 10, 20);
  await ground.work('follow', { leaseMs: SHORT_LEASE_MS, pollMs: { min: 50, max: 100 } });
  await using client = new RufusClient({ apiKey: KEY, baseUrl: ground.baseUrl });
  const nats = await ground.connect();
  const fleet = await openFleet({ client, nats, leaseMs: SHORT_LEASE_MS, replicas: 3 });
  const { jetstreamManager } = await import('@nats-io/jetstream');
  const stop = new AbortController();
  let newestAt = performance.now();
  let longest = 0;
  const consuming = (async () => {
    for await (const { ack } of fleet.passings({ consumer: 'bench', signal: stop.signal })) {
      const now = performance.now();
      longest = Math.max(longest, now - newestAt);
      newestAt = now;
      await ack();
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const gaps: number[] = [];
  await sleep(3_000);
  for (let round = 0; round < kills; round++) {
    const { cluster } = await (await jetstreamManager(nats)).streams.info('rufus-in');
    const leader = Number(cluster?.leader?.slice(1)) - 1;
    longest = 0;
    await kill(ground.servers[leader]!);
    await sleep(2_000);
    // Until it has come back for good.
    while (performance.now() - newestAt > 500) await sleep(50);
    await sleep(1_000);
    gaps.push(longest);
    ground.restart(leader);
    await sleep(4_000);
  }
  stop.abort();
  await consuming;
  await fleet.close();
  return {
    tables: [
      {
        columns: ['Three servers', 'times', 'median ms', 'most'],
        rows: [
          [
            'silence after the stream leader was killed',
            String(gaps.length),
            ...[0.5, 1].map((at) => quantile(gaps, at).toFixed(0)),
          ],
        ],
      },
    ],
    goals: [],
  };
}
