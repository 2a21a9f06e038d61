import { setTimeout as sleep } from 'node:timers/promises';
import { RufusClient } from '../support/built.js';
import { idlePolls } from '../support/polls.js';
import { atMost, type Case, type Goal } from '../support/report.js';
import { DEVICE, KEY } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { grouped, median, spread } from '../support/stats.js';

type Client = InstanceType<typeof RufusClient>;
type Took = (deviceid: string, passings: readonly { num_passing: number; timestamp: string }[]) => void;
/** Follows these devices until the signal ends it. */
type Consumer = (client: Client, deviceids: readonly string[], signal: AbortSignal, took: Took) => Promise<unknown>;

const DEVICES = 1_000;
const PER_SECOND = 5;
const MIN_MS = 1_000;
const POLL_MS = { min: MIN_MS, max: MIN_MS };
/** So long after the start all devices have been read once, and the code is compiled. */
const SETTLE_MS = 4_000;

const CONSUMERS: Readonly<Record<string, Consumer>> = {
  'follow, a loop for each': (client, deviceids, signal, took) =>
    Promise.all(
      deviceids.map(async (deviceid) => {
        for await (const { passings } of client.passings.follow(deviceid, { pollMs: POLL_MS, signal }))
          took(deviceid, passings);
      }),
    ),
  followAll: async (client, deviceids, signal, took) => {
    for await (const { deviceid, passings } of client.passings.followAll(deviceids, { pollMs: POLL_MS, signal }))
      took(deviceid, passings);
  },
};

export const run: Case = async (effort) => {
  const seconds = effort.quick ? 4 : 15;
  const goals: Goal[] = [];
  const live: string[][] = [];
  for (const [name, consumer] of Object.entries(CONSUMERS)) {
    const { cpu, passings, latencyMs, residentKb, heapKb } = await following(consumer, seconds);
    const [p50, p99] = [latencyMs(0.5), latencyMs(0.99)];
    live.push([
      name,
      grouped(passings / seconds),
      ...[p50, p99, 100 * cpu, residentKb, heapKb].map((f) => f.toFixed(0)),
    ]);
    goals.push(atMost(`${name}: of a core`, 50, 100 * cpu, ' %'));
    goals.push(atMost(`${name}: p99 from server to consumer`, MIN_MS + 100, p99, ' ms'));
    goals.push(atMost(`${name}: memory a device`, 60, residentKb, ' KB'));
  }
  const idle: string[][] = [];
  for (const [devices, everyMs] of [
    [1, 5],
    [DEVICES, MIN_MS],
  ] as const) {
    const { ours, theirs, ratios } = await idlePolls(devices, everyMs, {
      ms: effort.ms(6_000),
      rounds: effort.rounds(3),
    });
    idle.push([String(devices), ours.toFixed(0), theirs.toFixed(0), spread(ratios)]);
    if (devices === DEVICES) goals.push(atMost('1,000 idle devices: CPU a poll', 150, ours, ' µs'));
    goals.push(atMost(`${grouped(devices)} idle: CPU a poll, of bare undici`, 1.5, median(ratios)));
  }
  return {
    title: '6b. Following many devices',
    how: `${grouped(DEVICES)} devices in one process at \`pollMs.min\` ${MIN_MS}, each of which writes ${PER_SECOND} passings a second: latency from server to consumer, CPU, and by how much the process has grown for each device, against one device that writes as many passings. Then devices that are silent: CPU of a poll, against a bare request for the same answer at the same pace.`,
    tables: [
      {
        columns: [
          'Consumer',
          'passings /s',
          'median ms',
          'p99 ms',
          'CPU, % of a core',
          'resident KB a device',
          'heap KB a device',
        ],
        rows: live,
      },
      { columns: ['Silent devices', 'CPU µs a poll', 'bare undici', 'ratio'], rows: idle },
    ],
    goals,
  };
};

interface Following {
  /** Seconds of CPU a second. */
  readonly cpu: number;
  readonly passings: number;
  readonly latencyMs: (at: number) => number;
  readonly residentKb: number;
  readonly heapKb: number;
}

async function following(consumer: Consumer, seconds: number): Promise<Following> {
  await using server = await startServer({ live: { perSecond: PER_SECOND, seconds: 3_600 } });
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  const deviceids = Array.from({ length: DEVICES }, (_, index) => DEVICE.slice(0, -8) + String(index).padStart(8, '0'));
  await warmUp(consumer);
  const before = memory();
  const latencies = new Latencies();
  const last = new Map<string, number>();
  let isMeasured = false;
  let cpu = 0;
  let resident = 0;
  let heap = 0;
  const measured = async (): Promise<void> => {
    await sleep(SETTLE_MS);
    isMeasured = true;
    const start = process.cpuUsage();
    for (let second = 0; second < seconds; second++) {
      await sleep(1_000);
      resident = Math.max(resident, process.memoryUsage.rss());
    }
    const { user, system } = process.cpuUsage(start);
    isMeasured = false;
    cpu = (user + system) / 1e6 / seconds;
    heap = memory().heap;
  };
  await until(measured(), consumer, client, deviceids, (deviceid, passings) => {
    const now = Date.now();
    for (const { num_passing, timestamp } of passings) {
      if (isMeasured) latencies.add(now - Date.parse(timestamp));
      const expected = (last.get(deviceid) ?? 0) + 1;
      if (num_passing !== expected) throw new Error(`${deviceid}: expected passing ${expected}, got ${num_passing}`);
      last.set(deviceid, num_passing);
    }
  });
  return {
    cpu,
    passings: latencies.count,
    latencyMs: (at) => latencies.quantile(at),
    residentKb: (resident - before.resident) / DEVICES / 1024,
    heapKb: (heap - before.heap) / DEVICES / 1024,
  };
}

/** As many passings a second, but of one device: what the process takes for them, and has compiled, is not the price of many devices. */
async function warmUp(consumer: Consumer): Promise<void> {
  await using server = await startServer({ live: { perSecond: DEVICES * PER_SECOND, seconds: 3_600 } });
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  await until(sleep(SETTLE_MS), consumer, client, [DEVICE], () => {});
}

async function until(
  over: Promise<unknown>,
  consumer: Consumer,
  client: Client,
  deviceids: readonly string[],
  took: Took,
): Promise<void> {
  const stop = new AbortController();
  const ended = consumer(client, deviceids, stop.signal, took).catch((error) => {
    if (!stop.signal.aborted) throw error;
  });
  await Promise.race([over, ended]);
  stop.abort();
  await ended;
}

function memory(): { resident: number; heap: number } {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

/** Whole milliseconds, counted: a list of all of them would be measured with the rest. */
class Latencies {
  readonly #counts = new Uint32Array(10_000);
  count = 0;

  add(ms: number): void {
    this.#counts[Math.min(Math.max(ms, 0), this.#counts.length - 1)]!++;
    this.count++;
  }

  quantile(at: number): number {
    let below = 0;
    return this.#counts.findIndex((count) => {
      below += count;
      return below >= at * this.count;
    });
  }
}
