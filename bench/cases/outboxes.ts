import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewPassing } from '../../src/outbox/index.js';
import { BareLog, linesOf } from '../support/bare-log.js';
import { RufusClient } from '../support/built.js';
import { openOutbox, reads, temporaryFolder } from '../support/outbox.js';
import { atMost, type Case } from '../support/report.js';
import { KEY, TOKEN } from '../support/rows.js';
import { type Server, startServer } from '../support/server.js';
import { grouped, median, quantile, spread } from '../support/stats.js';

const FOLDERS = 100;
const PER_SECOND = 50;
/** How long until everything is compiled and has found its pace. */
const SETTLE_MS = 2_000;

/** Makes one line or passing durable, in the folder of this index. */
type Append = (folder: number) => Promise<unknown>;

interface Pace {
  /** Made durable while it was measured. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly loopDelayMs: number;
  readonly cpu: number;
}

export const run: Case = async (effort) => {
  await using server = await startServer();
  await warmUp(server);
  const before = memory();
  const ours: Pace[] = [];
  const theirs: Pace[] = [];
  let residentMb = 0;
  let heapMb = 0;
  for (let round = 0; round < effort.rounds(3); round++) {
    await withOutboxes(server, async (append) => {
      ours.push(await paced(append, effort.ms(8_000)));
      residentMb = Math.max(residentMb, (process.memoryUsage.rss() - before.resident) / 2 ** 20 / FOLDERS);
      heapMb = Math.max(heapMb, (memory().heap - before.heap) / 2 ** 20 / FOLDERS);
    });
    await withBareLogs(async (append) => {
      theirs.push(await paced(append, effort.ms(8_000)));
    });
  }
  const ratios = ours.map(({ p99 }, round) => p99 / theirs[round]!.p99);
  const loopDelay = median(ours.map(({ loopDelayMs }) => loopDelayMs));
  return {
    title: '5b. Many outboxes',
    how: `${FOLDERS} folders in one process, each with ${PER_SECOND} reads a second, one \`append\` for each, made durable and delivered to a server that answers at once. Against as many bare files, a write and an fdatasync for each read.`,
    tables: [
      {
        columns: [
          '',
          'appends /s',
          'median ms',
          'p99 ms',
          'event loop delay p99 ms',
          'CPU, % of a core',
          'resident MB a folder',
          'heap MB a folder',
        ],
        rows: [
          ['outboxes', ...shown(ours), residentMb.toFixed(2), heapMb.toFixed(2)],
          ['write + fdatasync', ...shown(theirs), '', ''],
        ],
      },
      { columns: ['Ratio', 'p99'], rows: [['outboxes, to write + fdatasync', spread(ratios)]] },
    ],
    goals: [
      atMost('append, p99: of write + fdatasync', 3, median(ratios)),
      atMost('event loop delay p99', 20, loopDelay, ' ms'),
      atMost('memory a folder', 1, residentMb, ' MB'),
    ],
  };
};

const shown = (paces: readonly Pace[]): string[] => [
  grouped(median(paces.map(({ perSecond }) => perSecond))),
  ...(['p50', 'p99', 'loopDelayMs'] as const).map((figure) => median(paces.map((pace) => pace[figure])).toFixed(1)),
  grouped(median(paces.map(({ cpu }) => 100 * cpu))),
];

/** What the first outbox costs is not the price of many. */
async function warmUp(server: Server): Promise<void> {
  await withOutboxes(server, (append) => paced(append, 500, 1), 1);
}

async function withOutboxes<T>(server: Server, work: (append: Append) => Promise<T>, count = FOLDERS): Promise<T> {
  using folder = temporaryFolder();
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  const passings: NewPassing[] = reads(1_000);
  const outboxes = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const token_session = TOKEN.slice(0, -4) + String(index).padStart(4, '0');
      return openOutbox({
        client,
        directory: join(folder.path, String(index)),
        session: { token_session, startAt: 1 },
      });
    }),
  );
  let next = 0;
  const result = await work((index) => outboxes[index]!.append(passings[next++ % passings.length]!));
  for (const outbox of outboxes) {
    await outbox.drained();
    const { appended, delivered } = outbox.stats();
    if (appended !== delivered) throw new Error(`${delivered} of ${appended} passings were delivered`);
    await outbox.close();
  }
  return result;
}

async function withBareLogs(work: (append: Append) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  const line = linesOf(1);
  const logs = await Promise.all(
    Array.from({ length: FOLDERS }, (_, index) => BareLog.at(join(folder.path, String(index)))),
  );
  await work((index) => logs[index]!.append(line));
  for (const log of logs) await log.close();
}

/** Each folder at its pace, whether or not it keeps up. */
async function paced(append: Append, ms: number, folders = FOLDERS): Promise<Pace> {
  const latencies: number[] = [];
  const underWay = new Set<Promise<unknown>>();
  let isMeasured = false;
  let failure: unknown;
  const read = (folder: number): void => {
    const startedAt = performance.now();
    const counts = isMeasured;
    const appended = append(folder).then(
      () => {
        if (counts) latencies.push(performance.now() - startedAt);
        underWay.delete(appended);
      },
      (error: unknown) => {
        failure = error;
      },
    );
    underWay.add(appended);
  };
  const everyMs = 1_000 / PER_SECOND;
  const timers: NodeJS.Timeout[] = [];
  for (let folder = 0; folder < folders; folder++) {
    setTimeout(() => timers.push(setInterval(() => read(folder), everyMs)), (folder * everyMs) / folders);
  }
  await sleep(SETTLE_MS);
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  delays.enable();
  isMeasured = true;
  await sleep(ms);
  isMeasured = false;
  delays.disable();
  const { user, system } = process.cpuUsage(cpu);
  for (const timer of timers) clearInterval(timer);
  await Promise.all(underWay);
  if (failure !== undefined) throw failure;
  return {
    perSecond: (latencies.length * 1_000) / ms,
    p50: median(latencies),
    p99: quantile(latencies, 0.99),
    loopDelayMs: delays.percentile(99) / 1e6,
    cpu: (user + system) / 1e3 / ms,
  };
}

function memory(): { resident: number; heap: number } {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}
