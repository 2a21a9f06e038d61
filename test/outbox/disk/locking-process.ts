// Run as a process of its own: opens the folder's journal, says what came of it, appends three passings when it is told to, and
// holds the folder until it is told to let go. With a second argument: takes the lock over and over, and writes into that file when
// it is inside.
import { appendFileSync } from 'node:fs';
import { lockFolder } from '../../../src/outbox/disk/lock.js';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { OutboxLockedError } from '../../../src/outbox/errors.js';
import { passingOf } from './race.js';

const [directory = '', transcript] = process.argv.slice(2);
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

async function hold(): Promise<void> {
  const journal = await openJournal({ directory, minFreeBytes: 0 }).catch((error: Error) => {
    say({ outcome: error.name, message: error.message });
    process.exit();
  });
  if (journal.session === null) await journal.startSession('S1');
  say({ outcome: 'held', message: '' });
  process.stdin.on('data', async (word) => {
    if (String(word) === 'append') {
      say({ outcome: 'appended', message: JSON.stringify(await journal.append([1, 2, 3].map(passingOf))) });
    } else {
      await journal.close();
      say({ outcome: 'closed', message: '' });
      process.exit();
    }
  });
}

/** A line is one write at the end of the file: the order of lines is the order of what they tell. */
async function cycle(file: string): Promise<never> {
  say({ outcome: 'ready' });
  for (let round = 0; ; round++) {
    const lock = await lockFolder(directory).catch((error: unknown) => {
      if (error instanceof OutboxLockedError) return null;
      appendFileSync(file, `error ${String(error)}\n`);
      throw error;
    });
    if (lock === null) {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    const who = `${process.pid}-${round}`;
    appendFileSync(file, `enter ${who}\n`);
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      appendFileSync(file, `inside ${who}\n`);
    }
    // Now and then it goes on holding, to be killed or stopped in the middle.
    if (Math.random() < 0.3) await new Promise((resolve) => setTimeout(resolve, 40));
    appendFileSync(file, `leave ${who}\n`);
    await lock.release();
  }
}

if (transcript === undefined) void hold();
else void cycle(transcript);
