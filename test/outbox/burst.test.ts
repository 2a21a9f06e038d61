// A mass start over a disk that takes its time for each sync and a server that does for each answer: group commit and
// batches must carry it, not memory.
import { expect, it } from 'vitest';
import type { Disk } from '../../src/outbox/disk/disk.js';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import { FaultDisk } from './disk/fault-disk.js';
import { HandClock } from './support/clock.js';
import { runner, Script, scripted, stored } from './support/rig.js';

const SYNC_MS = 80;
const ANSWER_MS = 150;
const TICK_MS = 5;
const PER_TICK = 25;
const SECONDS = 2;

it('5,000 reads a second against a slow disk and a slow server', { timeout: 60_000 }, async () => {
  const clock = new HandClock();
  const later = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  let syncs = 0;
  const disk = slow(FaultDisk.empty().disk(), async (path) => {
    if (path.endsWith('.log') || path.endsWith('.new')) syncs++;
    await later(SYNC_MS);
  });
  const script = new Script();
  let underWay = 0;
  script.always = async (insert) => {
    expect(++underWay).toBe(1);
    await later(ANSWER_MS);
    underWay--;
    return stored(insert);
  };
  const open = (options: Parameters<typeof openJournal>[0]) =>
    openJournal(options, { disk, lock: async () => ({ release: async () => undefined }) });
  const opening = scripted({ directory: '/outbox', minFreeBytes: 0 }, { script, clock, openJournal: open });
  const { outbox, events } = await inTime(clock, opening);

  const before = syncs;
  const numbers: number[] = [];
  const waits: number[] = [];
  let read = 0;
  for (let tick = 0; tick < (SECONDS * 1_000) / TICK_MS; tick++) {
    for (let n = 0; n < PER_TICK; n++) {
      const at = clock.mono();
      void outbox.append(runner(++read)).then(({ num_passing }) => {
        numbers.push(num_passing);
        waits.push(clock.mono() - at);
      });
    }
    await clock.pass(TICK_MS);
  }
  // Nobody waits for more than the sync under way and the next one, which is his own.
  expect(Math.max(...waits)).toBeLessThanOrEqual(2 * SYNC_MS + 2 * TICK_MS);
  expect(syncs - before).toBeLessThanOrEqual((SECONDS * 1_000) / SYNC_MS + 3);
  expect(outbox.stats()).toMatchObject({ storage: 'ok', parked: 0 });

  await inTime(clock, outbox.drained());
  const everyNumber = Array.from({ length: read }, (_, index) => index + 1);
  expect(read).toBe(10_000);
  expect(numbers).toEqual(everyNumber);
  expect(script.inserts.flatMap(({ nums }) => nums)).toEqual(everyNumber);
  expect(script.inserts.flatMap(({ bibs }) => bibs)).toEqual(everyNumber.map(String));
  expect(events.of('retry')).toEqual([]);
  await inTime(clock, outbox.close());
});

/** Lets time pass until this has happened. */
async function inTime<T>(clock: HandClock, happening: Promise<T>): Promise<T> {
  let over = false;
  const noted = happening.finally(() => {
    over = true;
  });
  while (!over) await clock.pass(TICK_MS);
  return noted;
}

/** The same disk, but for its syncs. */
function slow(disk: Disk, sync: (path: string) => Promise<void>): Disk {
  return {
    ...disk,
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      return {
        read: (...args) => file.read(...args),
        write: (...args) => file.write(...args),
        truncate: (size) => file.truncate(size),
        close: () => file.close(),
        datasync: () => sync(path).then(() => file.datasync()),
      };
    },
  };
}
