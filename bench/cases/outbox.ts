import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Backlog } from '../support/backlog-process.js';
import { BareLog, linesOf } from '../support/bare-log.js';
import { resultOf } from '../support/child-result.js';
import { outboxAt, reads, temporaryFolder } from '../support/outbox.js';
import { atLeast, atMost, type Case, type Effort, type Goal } from '../support/report.js';
import { startServer } from '../support/server.js';
import { grouped, median, quantile } from '../support/stats.js';

const LANES = 64;

type Outbox = Awaited<ReturnType<typeof outboxAt>>;
/** Does its work with as many passings, by as many as it says. */
type Work = (outbox: Outbox, passings: ReturnType<typeof reads>) => Promise<void>;

interface Pace {
  readonly perSecond: number;
  /** The event loop's delay that 99 of 100 stay below, while it ran. */
  readonly loopDelayMs: number;
}

export const run: Case = async (effort) => {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const { name, count, goal, work, beforehand, group } of PACES) {
    const paces = await repeated(effort, effort.quick ? count / 10 : count, work, beforehand);
    const rates = paces.map(({ perSecond }) => perSecond);
    const delay = median(paces.map(({ loopDelayMs }) => loopDelayMs));
    const range = [0.5, 0, 1].map((at) => grouped(quantile(rates, at)));
    const bare = group === undefined ? '' : grouped(median(await bareRates(effort, count / 4, group)));
    rows.push([name, ...range, bare, delay.toFixed(1)]);
    goals.push(atLeast(`${name}, a second`, goal, median(rates)));
    goals.push(atMost(`${name}: event loop delay p99`, 20, delay, ' ms'));
  }
  const { pending, openMs, firstRequestMs, drainMs, mostResidentMb } = await backlogOf(
    effort.quick ? 100_000 : 1_000_000,
  );
  goals.push(atMost('backlog: opened in', 1, openMs / 1000, ' s'));
  goals.push(atMost('backlog: first request answered after', 2, firstRequestMs / 1000, ' s'));
  goals.push(atMost('backlog: resident memory until drained', 150, mostResidentMb, ' MiB'));
  return {
    title: '5. The outbox',
    how: 'Passings made durable (`durability: fsync`), and delivered to a server that answers at once. Then a fresh process opens the folder with a backlog and drains it.',
    tables: [
      { columns: ['', 'passings /s', 'least', 'most', 'write + fdatasync /s', 'event loop delay p99 ms'], rows },
      {
        columns: ['Backlog', 'opened ms', 'first delivered ms', 'drained s', 'resident MiB'],
        rows: [
          [
            grouped(pending),
            ...[openMs, firstRequestMs].map((ms) => ms.toFixed(0)),
            (drainMs / 1000).toFixed(1),
            mostResidentMb.toFixed(0),
          ],
        ],
      },
    ],
    goals,
  };
};

const appendInLists: Work = async (outbox, passings) => {
  for (let first = 0; first < passings.length; first += 100) await outbox.append(passings.slice(first, first + 100));
};

const appendOneByOne: Work = async (outbox, passings) => {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let passing = passings[next++]; passing !== undefined; passing = passings[next++])
      await outbox.append(passing);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
};

const deliver: Work = async (outbox) => {
  outbox.resume();
  await outbox.drained();
};

/** How many are made durable at a time, where that is measured by itself, too: `group`. */
const PACES: readonly { name: string; count: number; goal: number; work: Work; beforehand?: Work; group?: number }[] = [
  { name: 'appended in lists of 100', count: 200_000, goal: 100_000, work: appendInLists, group: 100 },
  { name: 'appended one by one, 64 under way', count: 100_000, goal: 120_000, work: appendOneByOne, group: LANES },
  { name: 'delivered', count: 200_000, goal: 50_000, work: deliver, beforehand: appendInLists },
];

/** Each time in a new folder; the outbox is paused at first, so that appends are measured by themselves. */
async function repeated(effort: Effort, count: number, work: Work, beforehand?: Work): Promise<Pace[]> {
  await using server = await startServer();
  const passings = reads(count);
  const paces: Pace[] = [];
  for (let round = 0; round <= effort.rounds(5); round++) {
    using folder = temporaryFolder();
    await using outbox = await outboxAt(folder.path, server.baseUrl);
    outbox.pause();
    await beforehand?.(outbox, passings);
    const pace = await paced(count, () => work(outbox, passings));
    // The first one is for the compiler.
    if (round > 0) paces.push(pace);
  }
  return paces;
}

/** A loop that does nothing but write as many lines at a time and sync them. */
async function bareRates(effort: Effort, count: number, group: number): Promise<number[]> {
  const lines = linesOf(group);
  const rates: number[] = [];
  for (let round = 0; round < effort.rounds(5); round++) {
    using folder = temporaryFolder();
    const log = await BareLog.at(join(folder.path, 'bare'));
    const { perSecond } = await paced(count, async () => {
      for (let written = 0; written < count; written += group) await log.append(lines);
    });
    await log.close();
    rates.push(perSecond);
  }
  return rates;
}

async function paced(count: number, work: () => Promise<void>): Promise<Pace> {
  globalThis.gc?.();
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  delays.disable();
  return { perSecond: count / seconds, loopDelayMs: delays.percentile(99) / 1e6 };
}

async function backlogOf(count: number): Promise<Backlog> {
  await using server = await startServer();
  using folder = temporaryFolder();
  {
    await using outbox = await outboxAt(folder.path, server.baseUrl);
    outbox.pause();
    for (let left = count; left > 0; left -= 50_000) await appendInLists(outbox, reads(Math.min(left, 50_000)));
  }
  const backlog = await resultOf<Backlog>('backlog-process', [folder.path, server.baseUrl]);
  if (backlog.pending !== count) throw new Error(`${backlog.pending} pending instead of ${count}`);
  return backlog;
}
