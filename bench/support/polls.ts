import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { BareUndici } from './bare-undici.js';
import { RufusClient } from './built.js';
import { DEVICE, KEY } from './rows.js';
import { startServer } from './server.js';
import { median } from './stats.js';

/** What polling has cost, by the requests that undici made. */
export interface Polls {
  readonly count: number;
  readonly cpuMicros: number;
}

/** What so many of these do in that time, once they have settled. */
export async function polls(
  width: number,
  settleMs: number,
  ms: number,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<Polls> {
  const stop = new AbortController();
  const { signal } = stop;
  setMaxListeners(0, signal);
  const ended = Promise.all(
    Array.from({ length: width }, () =>
      run(signal).catch((error) => {
        if (!signal.aborted) throw error;
      }),
    ),
  );
  await sleep(settleMs);
  let count = 0;
  const poll = (): void => {
    count++;
  };
  subscribe('undici:request:create', poll);
  const cpu = process.cpuUsage();
  await sleep(ms);
  const { user, system } = process.cpuUsage(cpu);
  unsubscribe('undici:request:create', poll);
  stop.abort();
  await ended;
  return { count, cpuMicros: user + system };
}

/** CPU microseconds of a poll where nothing is new, and those of a bare request for the same answer at the same pace. */
export interface IdlePolls {
  readonly ours: number;
  readonly theirs: number;
  /** Of neighbouring rounds. */
  readonly ratios: readonly number[];
}

export async function idlePolls(
  devices: number,
  everyMs: number,
  { ms, rounds }: { ms: number; rounds: number },
): Promise<IdlePolls> {
  await using server = await startServer();
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  const bare = new BareUndici(server);
  const pollMs = { min: everyMs, max: everyMs };
  const followed = (): Promise<Polls> =>
    polls(devices, 2 * everyMs, ms, async (signal) => {
      for await (const _ of client.passings.follow(DEVICE, { pollMs, signal })) throw new Error('the device is silent');
    });
  const requested = (): Promise<Polls> =>
    polls(devices, 2 * everyMs, ms, async (signal) => {
      for (;;) {
        await bare.poll();
        await sleep(everyMs, undefined, { signal });
      }
    });
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const inTurn = round % 2 === 0 ? [followed, requested] : [requested, followed];
    for (const run of inTurn) {
      const { cpuMicros, count } = await run();
      (run === followed ? ours : theirs).push(cpuMicros / count);
    }
  }
  await bare.close();
  return { ours: median(ours), theirs: median(theirs), ratios: ours.map((micros, round) => micros / theirs[round]!) };
}
