// A file system that is read-only, as a card is after errors: a real one, which takes root.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeDisk } from '../../../src/outbox/disk/disk.js';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { StorageError } from '../../../src/outbox/errors.js';
import { exportHistory } from '../../../src/outbox/export.js';
import { tempFolder } from '../support/rig.js';
import { FaultDisk } from './fault-disk.js';
import { passingOf, Race } from './race.js';

const volume = mkdtempSync(join(tmpdir(), 'rufus-read-only-'));
const mount = (options: string): void =>
  void execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', volume], { stdio: 'ignore' });
const isMounted = (() => {
  try {
    mount('size=8m,mode=0700');
    return true;
  } catch {
    return false;
  }
})();
afterAll(() => {
  if (isMounted) execFileSync('umount', ['-l', volume]);
  rmSync(volume, { recursive: true });
});

async function refusal(work: Promise<unknown>): Promise<StorageError> {
  const error = await work.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(StorageError);
  expect((error as StorageError).cause).toMatchObject({ code: 'EROFS' });
  expect((error as StorageError).message).toMatch(/file system is read-only .* Mount it for writing/);
  return error as StorageError;
}

describe.skipIf(!isMounted)('a read-only file system (mounting one takes root)', () => {
  const known = join(volume, 'known');
  beforeAll(async () => {
    const journal = await openJournal({ directory: known, minFreeBytes: 0 });
    await journal.startSession('S1');
    await journal.append([passingOf(1)]);
    await journal.close();
  });

  it.each(['new', 'a/new/one', 'known', 'known/within'])('is named when a folder in it is opened: %s', async (name) => {
    mount('remount,ro');
    const { message } = await refusal(openJournal({ directory: join(volume, name) }));
    expect(message).toContain(join(volume, name));
    mount('remount,rw');
    const journal = await openJournal({ directory: known, minFreeBytes: 0 });
    expect(await journal.read({ max: 9, maxBytes: 1e6 })).toHaveLength(1);
    await journal.close();
  });

  it('is named by an export', async () => {
    const journal = await openJournal({ directory: await tempFolder(), minFreeBytes: 0 });
    mount('remount,ro');
    await refusal(exportHistory(journal, join(volume, 'backup')));
    mount('remount,rw');
    await journal.close();
  });
});

it('a file system that becomes read-only while the outbox is open is named, too', async () => {
  const race = new Race(FaultDisk.empty());
  await race.open();
  await race.append(3);
  race.disk.fault = () => 'EROFS';
  await refusal(race.append(1));
  await refusal(race.append(1));
  expect(race.journal.stats().storage).toBe('failed');
});

describe('a folder', () => {
  it('is made with all its parents, for the owner alone, and found where it is', async () => {
    const base = await tempFolder();
    const path = join(base, 'a', 'b', 'c');
    await Promise.all(Array.from({ length: 10 }, () => nodeDisk.folder(path)));
    for (const made of ['a', 'a/b', 'a/b/c']) expect((await stat(join(base, made))).mode & 0o777).toBe(0o700);
    await nodeDisk.folder(`${path}/`);
    await nodeDisk.folder(join(path, '..', '..'));
  });

  it('is not made where there is a file', async () => {
    const base = await tempFolder();
    await writeFile(join(base, 'file'), '');
    await expect(nodeDisk.folder(join(base, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(nodeDisk.folder(join(base, 'file', 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await mkdir(join(base, 'x'));
    await expect(nodeDisk.folder(join(base, 'x', 'y\0'))).rejects.toThrow();
  });
});
