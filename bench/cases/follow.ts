import { RufusClient } from '../support/built.js';
import { type Polls, polls } from '../support/polls.js';
import { atMost, type Case, type Goal } from '../support/report.js';
import { DEVICE, KEY } from '../support/rows.js';
import { type Server, startServer } from '../support/server.js';
import { quantile } from '../support/stats.js';

const PER_SECOND = 200;
/** Both clocks, of timestamps and of timers, count whole milliseconds. */
const GRAIN_MS = 2;
/** Longest pause between two polls of an idle follower, by default. */
const POLL_MAX_MS = 5_000;

type Client = InstanceType<typeof RufusClient>;

export const run: Case = async (effort) => {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const min of [50, 500]) {
    const seconds = effort.quick ? 3 : 10;
    await using server = await startServer({ live: { perSecond: PER_SECOND, seconds } });
    await using client = clientOf(server);
    const limit = min + (await roundTrip(client)) + GRAIN_MS;
    const latencies = await followLatencies(client, min, PER_SECOND * seconds);
    const [p50, p99, most] = [0.5, 0.99, 1].map((at) => quantile(latencies, at)) as [number, number, number];
    rows.push([String(min), ...[p50, p99, most, limit].map((ms) => ms.toFixed(1))]);
    goals.push(atMost(`pollMs.min ${min}: p99 from server to consumer`, limit, p99, ' ms'));
  }
  const idle = await idling(effort.quick ? 1_000 : 5_000);
  goals.push(atMost('idle: requests in each pollMs.max', 1, idle.requestsPerMax));
  const secondsAnHour = (idle.cpuMicros * (3_600_000 / POLL_MAX_MS)) / 1e6;
  return {
    title: '6. Following live',
    how: `\`follow\` while the device writes ${PER_SECOND} passings a second: from the moment the server has a passing to the moment the consumer has it, in milliseconds. An idle hour at the default \`pollMs.max\` of ${POLL_MAX_MS} ms is reckoned from the CPU time of many idle polls.`,
    tables: [
      { columns: ['pollMs.min', 'median', 'p99', 'most', 'pollMs.min + round trip + 2'], rows },
      {
        columns: ['Idling', 'CPU µs a poll', 'polls an hour', 'CPU seconds an hour'],
        rows: [['follow', idle.cpuMicros.toFixed(0), String(3_600_000 / POLL_MAX_MS), secondsAnHour.toFixed(2)]],
      },
    ],
    goals,
  };
};

function clientOf({ baseUrl }: Server): Client {
  return new RufusClient({ apiKey: KEY, baseUrl });
}

/** What nine of ten polls stay below, in milliseconds. */
async function roundTrip(client: Client): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 200; count++) {
    const startedAt = performance.now();
    // Beyond all that there will be: an empty answer.
    await client.passings.poll(DEVICE, { last: 1_000_000_000 });
    times.push(performance.now() - startedAt);
  }
  return quantile(times, 0.9);
}

async function followLatencies(client: Client, min: number, count: number): Promise<number[]> {
  const latencies: number[] = [];
  for await (const { passings } of client.passings.follow(DEVICE, { pollMs: { min, max: POLL_MAX_MS } })) {
    const now = Date.now();
    for (const { num_passing, timestamp } of passings) {
      latencies.push(now - Date.parse(timestamp));
      if (num_passing !== latencies.length) throw new Error(`expected passing ${latencies.length}, got ${num_passing}`);
    }
    if (latencies.length >= count) return latencies;
  }
  throw new Error('the follower ended by itself');
}

/** What a follower of a silent device costs. */
async function idling(ms: number): Promise<{ cpuMicros: number; requestsPerMax: number }> {
  await using server = await startServer();
  await using client = clientOf(server);
  const hurried = await pollsWhile(client, { min: 5, max: 5 }, ms);
  const max = ms / 10;
  const settled = await pollsWhile(client, { min: max / 2, max }, ms);
  return { cpuMicros: hurried.cpuMicros / hurried.count, requestsPerMax: settled.count / (ms / max) };
}

function pollsWhile(client: Client, pollMs: { min: number; max: number }, ms: number): Promise<Polls> {
  // The pause has grown to its most by then.
  return polls(1, 5 * pollMs.max, ms, async (signal) => {
    for await (const _ of client.passings.follow(DEVICE, { pollMs, signal })) throw new Error('the device is silent');
  });
}
