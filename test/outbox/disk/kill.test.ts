import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeDisk } from '../../../src/outbox/disk/disk.js';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { OutboxLockedError } from '../../../src/outbox/errors.js';
import type { Entry } from '../../../src/outbox/journal.js';
import type { Receipt } from '../../../src/outbox/types.js';
import { Race } from './race.js';
import { cycles, Random, seedOf } from './random.js';

const SEED = seedOf(31_337);
const CYCLES = cycles(15);
const IDS_A_LIFE = 1_000_000;

const SCRIPT = fileURLToPath(new URL('./racing-process.ts', import.meta.url));

/** A process that is loaded and waits for a word to begin; all it says is kept. */
class Racer {
  readonly child: ChildProcess;
  private readonly transcript: string;
  private readonly gone: Promise<unknown>;
  constructor(directory: string, life: number) {
    const args = ['--import', 'tsx', SCRIPT, directory, String(life * IDS_A_LIFE + 1), String(SEED + life)];
    this.transcript = `${directory}.${life}.txt`;
    const output = openSync(this.transcript, 'w');
    this.child = spawn(process.execPath, args, { stdio: ['pipe', output, 'inherit'] });
    closeSync(output);
    this.gone = once(this.child, 'close');
  }
  async says(what: string): Promise<void> {
    await expect.poll(() => readFile(this.transcript, 'utf8'), { timeout: 60_000, interval: 10 }).toContain(`${what} `);
  }
  async run(): Promise<void> {
    await this.says('ready');
    this.child.stdin?.write('go\n');
    await this.says('open');
  }
  /** Resolves with the whole lines it said. */
  async kill(): Promise<string[]> {
    this.child.kill('SIGKILL');
    await this.gone;
    const text = await readFile(this.transcript, 'utf8');
    return text.split('\n').slice(0, -1);
  }
}

function note(race: Race<{ disk(): typeof nodeDisk }>, line: string): void {
  const blank = line.indexOf(' ');
  const what = line.slice(0, blank);
  const facts: unknown = JSON.parse(line.slice(blank + 1));
  if (what === 'intent') race.asked.push(facts as number[]);
  if (what === 'sent') race.store(facts as Entry[]);
  if (what === 'ack') {
    const { ids, receipts } = facts as { ids: number[]; receipts: Receipt[] };
    for (const [index, id] of ids.entries()) race.promised.set(id, receipts[index]!);
  }
  if (what === 'parking') {
    for (const { token_session, num_passing } of facts as Entry[]) race.aside.add(`${token_session}/${num_passing}`);
  }
  if (what === 'failed') race.wrong.push(String(facts));
}

const folders: string[] = [];
const racers: Racer[] = [];
afterEach(async () => {
  for (const racer of racers.splice(0)) await racer.kill();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'rufus-outbox-'));
  folders.push(made);
  return join(made, 'outbox');
}
function racer(directory: string, life: number): Racer {
  const made = new Racer(directory, life);
  racers.push(made);
  return made;
}

describe('kill -9', () => {
  it(`${CYCLES} times, on a real folder: nothing lost, nothing doubled, no number twice`, {
    timeout: 600_000,
  }, async () => {
    const directory = await folder();
    const random = new Random(SEED);
    const race = new Race({ disk: () => nodeDisk }, { directory });
    let next = racer(directory, 0);
    for (let life = 1; life <= CYCLES; life++) {
      const current = next;
      if (life < CYCLES) next = racer(directory, life);
      await current.run();
      await sleep(10 + random.int(240));
      for (const line of await current.kill()) note(race, line);
    }
    await race.open();
    await race.settle();
    expect([...race.wrong, ...race.holes()].slice(0, 5).map((what) => `seed ${SEED}: ${what}`)).toEqual([]);
    expect(race.damage.corruptRecords).toBe(0);
    expect(race.promised.size).toBeGreaterThan(CYCLES * 10);
    await race.journal.close();
  });
});

describe('two processes on one folder', () => {
  it('the second is told who holds it, and gets it as soon as the first was killed', { timeout: 60_000 }, async () => {
    const directory = await folder();
    const first = racer(directory, 0);
    await first.run();
    const refused = await openJournal({ directory }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OutboxLockedError);
    expect((refused as Error).message).toContain(`process ${first.child.pid}`);
    await first.kill();
    const before = performance.now();
    const journal = await openJournal({ directory });
    expect(performance.now() - before).toBeLessThan(1_000);
    await journal.close();
  });

  it('holds within one process too, and ends with close', async () => {
    const directory = await folder();
    const journal = await openJournal({ directory });
    await expect(openJournal({ directory })).rejects.toThrow(OutboxLockedError);
    await expect(openJournal({ directory: join(directory, '..', directory.split('/').at(-1)!) })).rejects.toThrow(
      OutboxLockedError,
    );
    await journal.close();
    await (await openJournal({ directory })).close();
  });
});
