import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoardReaders } from '../support/board-readers.js';
import { RufusClient } from '../support/built.js';
import { serveBoard } from '../support/built-board.js';
import { atLeast, atMost, type Case } from '../support/report.js';
import { DEVICE, KEY } from '../support/rows.js';
import { startServer } from '../support/server.js';
import { grouped } from '../support/stats.js';

const READERS = 500;
const STALLED = 5;
const PER_SECOND = 300;
const MIB = 2 ** 20;

export const run: Case = async (effort) => {
  const seconds = effort.quick ? 10 : 60;
  const warmUpMs = 3_000;
  await using server = await startServer({ live: { perSecond: PER_SECOND, seconds: seconds + 30 } });
  await using client = new RufusClient({ apiKey: KEY, baseUrl: server.baseUrl });
  const board = await serveBoard({ client, devices: [DEVICE], listen: { port: 0 } });
  const arguments_ = [board.url, String(READERS), String(STALLED)];
  const readers = fork(new URL('./board-readers-process.js', import.meta.url), arguments_, { execArgv: [] });
  await once(readers, 'message');
  await sleep(warmUpMs);

  const heapBefore = heapNow();
  const cpu = process.cpuUsage();
  readers.send('measure');
  await sleep(seconds * 1_000);
  const { user, system } = process.cpuUsage(cpu);
  readers.send('report');
  const [heard] = (await once(readers, 'message')) as [BoardReaders];
  const heapAfter = heapNow();
  const { devices } = (await (await fetch(`${board.url}/api/state`)).json()) as { devices: [{ reads: number }] };
  const [{ reads }] = devices;
  readers.disconnect();
  await board.close();

  const cpuShare = (user + system) / 1e6 / seconds;
  const bytesPerSecond = heard.bytes / READERS / seconds;
  const growth = (heapAfter - heapBefore) / MIB;
  return {
    title: '7. The live board',
    how: `${READERS} readers of \`/events\` in a process of their own, and ${STALLED} that take nothing, while one device writes ${PER_SECOND} crossings a second for ${seconds} s; the board at its own pace. Measured from the board's follower to the reader, in milliseconds. An update carries at most 50 crossings; counts are totals.`,
    tables: [
      {
        columns: [
          'Readers',
          'crossings read',
          'median',
          'p99',
          'most',
          'server CPU, of a core',
          'kB/s a reader',
          'heap grown by',
        ],
        rows: [
          [
            String(READERS),
            grouped(heard.crossings),
            ...[heard.p50, heard.p99, heard.most].map((ms) => ms.toFixed(0)),
            `${(100 * cpuShare).toFixed(0)} %`,
            (bytesPerSecond / 1_000).toFixed(1),
            `${growth.toFixed(1)} MiB`,
          ],
        ],
      },
    ],
    goals: [
      atMost('p99 from follow to reader', 250, heard.p99, ' ms'),
      atLeast('of the crossings counted, known to the last reader, %', 95, (100 * heard.fewestReads) / reads),
      // 18,000 crossings stay for the search of bibs.
      atMost('heap grown by', 16, growth, ' MiB'),
    ],
  };
};

function heapNow(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
