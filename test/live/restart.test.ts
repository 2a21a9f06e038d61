import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { range, start } from './support.js';

const CONSUMER = fileURLToPath(new URL('consumer.ts', import.meta.url));
const TOTAL = 100_000;
const LEAST_KILLS = Number(process.env.RUFUS_KILLS ?? 8);

interface Stored {
  readonly token: string;
  readonly numbers: readonly number[];
}

/** What is stored, without a last line that the kill has cut. */
function stored(folder: string): Stored[] {
  const file = join(folder, 'results');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Stored);
}

const countOf = (folder: string) => stored(folder).reduce((sum, { numbers }) => sum + numbers.length, 0);
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Writes 100,000 passings in batches of random size to three sessions, while a consumer is killed again and again. */
async function run(store: 'together' | 'after') {
  const folder = await mkdtemp(join(tmpdir(), 'rufus-follow-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { sandbox, deviceid, open, write } = await start({ pageSize: 400 });
  const server = await sandbox.listen();
  onTestFinished(() => server.close());

  const expected: string[] = [];
  let kills = 0;
  let token = await open();
  const first = token;
  const writing = (async () => {
    for (let written = 0, next = 1; written < TOTAL; ) {
      const size = Math.min(TOTAL - written, 1 + Math.floor(Math.random() * 1_500));
      const batch = [...range(next, next + size - 1)];
      // The halves the wrong way round: the first comes late.
      const half = size >> 1;
      await write(token, batch.slice(half));
      await sleep(20);
      await write(token, batch.slice(0, half));
      expected.push(...batch.map((number) => `${token} ${number}`));
      written += size;
      next += size;
      if (expected.length > TOTAL * 0.4 && token === first) {
        token = await open();
        next = 1;
      }
      // Not faster than the kills come, so that these meet a flow.
      while (written / TOTAL > (kills + 1) / LEAST_KILLS) await sleep(20);
    }
  })();

  const env = {
    ...process.env,
    URL_OF: server.url,
    KEY: sandbox.keys.read,
    DEVICE: deviceid,
    FOLDER: folder,
    STORE: store,
  };
  let consumer: ChildProcess | undefined;
  onTestFinished(() => void consumer?.kill('SIGKILL'));
  let isWritten = false;
  void writing.then(() => {
    isWritten = true;
  });
  for (; !isWritten || countOf(folder) < TOTAL; kills++) {
    consumer = spawn(process.execPath, ['--import', 'tsx', CONSUMER], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(consumer, 'exit');
    let batches = 0;
    let lastAt = Number.POSITIVE_INFINITY;
    consumer.stdout?.on('data', (dots: Buffer) => {
      batches += dots.length;
      lastAt = performance.now();
    });
    // In the flow as well as in the silence after it.
    const enough = isWritten ? Number.POSITIVE_INFINITY : 1 + Math.floor(Math.random() * 30);
    while (batches < enough && performance.now() - lastAt < 300 && consumer.exitCode === null) await sleep(1);
    await sleep(Math.random() * 30);
    consumer.kill('SIGKILL');
    const [code] = await ended;
    expect(code).toBeNull();
  }
  await writing;
  return { expected, lines: stored(folder), kills };
}

const keysOf = (lines: readonly Stored[]) =>
  lines.flatMap(({ token, numbers }) => numbers.map((number) => `${token} ${number}`));
const repeats = (keys: readonly string[]) => keys.length - new Set(keys).size;

describe('a consumer that is killed again and again', () => {
  it('has everything, once, where results and cursor are stored together', async () => {
    const { expected, lines, kills } = await run('together');
    const keys = keysOf(lines);
    if (process.env.RUFUS_FIGURES)
      console.log(`follow: ${kills} kills, ${keys.length} stored, ${repeats(keys)} doubled`);
    expect(kills).toBeGreaterThanOrEqual(LEAST_KILLS);
    expect(repeats(keys)).toBe(0);
    expect(keys.length).toBe(TOTAL);
    expect(new Set(keys)).toEqual(new Set(expected));
  }, 300_000);

  it('has everything, and at most the last batch of each kill twice, where the cursor is stored after the results', async () => {
    const { expected, lines, kills } = await run('after');
    const keys = keysOf(lines);
    if (process.env.RUFUS_FIGURES)
      console.log(`follow: ${kills} kills, ${keys.length} stored, ${repeats(keys)} doubled`);
    expect(new Set(keys)).toEqual(new Set(expected));
    const seen = new Map<string, number>();
    let doubledBatches = 0;
    for (const [line, { token, numbers }] of lines.entries()) {
      const doubled = numbers.filter((number) => seen.has(`${token} ${number}`));
      for (const number of numbers) seen.set(`${token} ${number}`, line);
      if (doubled.length === 0) continue;
      doubledBatches++;
    }
    expect(doubledBatches).toBeLessThanOrEqual(kills);
  }, 300_000);
});
