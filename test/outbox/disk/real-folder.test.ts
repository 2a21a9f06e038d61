import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { OutboxFullError, StorageError } from '../../../src/outbox/errors.js';
import { passingOf } from './race.js';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rufus-outbox-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const why = { reason: 'rejected', status: 400, response: 'no such bib' } as const;

describe('a folder on a real disk', () => {
  it('is for its owner alone, and tells people how to get the passings out, which works', async () => {
    const folder = join(directory, 'deep', 'outbox');
    const journal = await openJournal({ directory: folder }, { segmentBytes: 2_000 });
    await journal.startSession('S1');
    for (let i = 0; i < 5; i++) await journal.append(Array.from({ length: 10 }, (_, n) => passingOf(i * 10 + n + 1)));
    const batch = await journal.read({ max: 30, maxBytes: 1e6 });
    await journal.acknowledge(batch.at(-1)!);
    await journal.park(await journal.read({ max: 2, maxBytes: 1e6 }), why);
    await journal.close();

    for (const name of ['', 'parked', 'delivered']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o700);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(5);
    for (const { parentPath, name } of files) {
      expect((await stat(join(parentPath, name))).mode & 0o777, name).toBe(0o600);
    }

    const commands = (await readFile(join(folder, 'README.txt'), 'utf8')).match(/^ {2}grep .*$/gm) ?? [];
    expect(commands).toHaveLength(2);
    const run = async (command: string): Promise<{ passing: unknown; reason?: string }[]> => {
      const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder });
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    const passings = (await run(commands[0]!)).map(({ passing }) => passing);
    expect(passings).toHaveLength(50);
    expect(passings).toEqual(expect.arrayContaining(Array.from({ length: 50 }, (_, n) => passingOf(n + 1))));
    expect(await run(commands[1]!)).toMatchObject([
      { reason: 'rejected', passing: passingOf(31) },
      { passing: passingOf(32) },
    ]);
  });

  it('that cannot be used is a StorageError that names it', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    const refused = await openJournal({ directory: file }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StorageError);
    expect((refused as Error).message).toContain(file);
  });

  it('on a volume with less free than minFreeBytes takes nothing, and says what is free', async () => {
    const journal = await openJournal({ directory, minFreeBytes: Number.MAX_SAFE_INTEGER });
    await journal.startSession('S1');
    const refused = await journal.append([passingOf(1)]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OutboxFullError);
    expect((refused as OutboxFullError).freeBytes).toBeGreaterThan(0);
    await journal.close();
  });

  it('keeps nothing open after close, and no timer', async () => {
    const before = (await readdir('/proc/self/fd').catch(() => [])).length;
    for (let i = 0; i < 5; i++) {
      const journal = await openJournal({ directory });
      if (journal.session === null) await journal.startSession('S1');
      await journal.append([passingOf(i)]);
      await journal.acknowledge((await journal.read({ max: 1, maxBytes: 1e6 }))[0]!);
      await journal.close();
    }
    expect((await readdir('/proc/self/fd').catch(() => [])).length).toBeLessThanOrEqual(before + 1);
  });
});
