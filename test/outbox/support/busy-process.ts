// Run as a process of its own: appends, delivers, parks and requeues as fast as it can, until it is told to stop.
// Sends what is promised: passings whose append resolved, and passings that are delivered.
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { passingOf } from '../disk/race.js';

const [directory = '', maxBytes = 'Infinity'] = process.argv.slice(2);
const promised = { appended: 0, delivered: 0 };
let isOver = false;
process.once('message', () => {
  isOver = true;
});

const journal = await openJournal(
  {
    directory,
    minFreeBytes: 0,
    durability: 'os',
    retain: { hours: Number.POSITIVE_INFINITY, maxBytes: Number(maxBytes) },
  },
  { segmentBytes: 16 * 1024 },
);
await journal.startSession('S1');

async function append(): Promise<void> {
  while (!isOver) {
    const first = promised.appended + 1;
    const size = 1 + (first % 40);
    await journal.append(Array.from({ length: size }, (_, index) => passingOf(first + index)));
    promised.appended += size;
    process.send?.(promised);
  }
}

async function deliver(): Promise<void> {
  for (let round = 1; !isOver; round++) {
    const batch = await journal.read({ max: 1 + (round % 60), maxBytes: 1e6 });
    const last = batch.at(-1);
    if (last === undefined) await new Promise(setImmediate);
    else if (round % 3 === 0) await journal.park(batch, { reason: 'rejected', status: 400, response: 'no' });
    else {
      await journal.acknowledge(last, { inserted: batch.length });
      promised.delivered += batch.length;
    }
    if (round % 17 === 0) await journal.requeue(({ seq }) => seq % 3 !== 0);
  }
}

process.send?.(promised);
await Promise.all([append(), deliver()]);
const stats = journal.stats();
await journal.close();
process.send?.({ ...promised, stats });
process.disconnect?.();
