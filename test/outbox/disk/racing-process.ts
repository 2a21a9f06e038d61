// Run as a process of its own, to be killed: appends, delivers and parks as fast as it can, and says so line by line.
// `intent`: about to append this list. `ack`: its append resolved. `sent`: the server has these. `parking`: about to.
// Standard output is a file: what is written to it is there, whatever comes next.
import { writeSync } from 'node:fs';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { passingOf } from './race.js';
import { Random } from './random.js';

const [directory = '', firstId = '1', seed = '1'] = process.argv.slice(2);
const say = (what: string, facts: unknown = null): void => {
  writeSync(1, `${what} ${JSON.stringify(facts)}\n`);
};

async function race(): Promise<void> {
  const random = new Random(Number(seed));
  const journal = await openJournal({ directory, minFreeBytes: 0 }, { segmentBytes: 64 * 1024 });
  say('open', journal.stats());
  if (journal.session === null) await journal.startSession('S1');
  let nextId = Number(firstId);

  const append = async (): Promise<never> => {
    for (;;) {
      const ids = Array.from({ length: random.pick([1, 1, 3, 40, 200]) }, () => nextId++);
      say('intent', ids);
      const receipts = await journal.append(ids.map(passingOf), { name: 'feed', position: ids.at(-1)! });
      say('ack', { ids, receipts });
    }
  };
  const deliver = async (): Promise<never> => {
    for (;;) {
      const batch = await journal.read({ max: 1 + random.int(150), maxBytes: 1e6 });
      if (batch.length === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      } else if (random.chance(0.1)) {
        say('parking', batch);
        await journal.park(batch, { reason: 'rejected', status: 400, response: 'no' });
      } else {
        say('sent', batch);
        await journal.acknowledge(batch.at(-1)!);
      }
      if (random.chance(0.02)) {
        say('requeue');
        await journal.requeue(() => random.chance(0.5));
      }
    }
  };
  await Promise.all([append(), append(), append(), deliver()]);
}

say('ready');
process.stdin.once('data', () => {
  race().catch((error: unknown) => {
    say('failed', String(error));
    process.exit(1);
  });
});
