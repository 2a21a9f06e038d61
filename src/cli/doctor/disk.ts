import { access, constants, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ok, type Verdict, warning, wrong } from './finding.js';

const MIB = 1024 * 1024;
/** What an outbox leaves free, and what it may grow to, by default. */
const LEAST_MIB = 64;
const WANTED_MIB = 2_048 + LEAST_MIB;
const SYNCS = 10;
const SLOW_SYNC_MS = 100;

/** Whether an outbox could live in this folder. Nothing is written into it: one may be at work there. */
export async function judgeDisk(directory: string | undefined): Promise<Verdict> {
  if (directory === undefined) return ok('disk', 'not looked at (--outbox DIR)');
  const folder = await existing(resolve(directory));
  try {
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const freeMib = Math.floor((Number(bavail) * Number(bsize)) / MIB);
    const syncMs = await medianSync(folder === resolve(directory) ? dirname(folder) : folder);
    const found = `${freeMib} MiB free, a passing is on disk after ${syncMs === undefined ? 'an unknown time' : `${syncMs.toFixed(1)} ms`}`;
    if (freeMib < LEAST_MIB) return wrong('disk', found, 'Make room: an outbox would refuse passings.');
    if (freeMib < WANTED_MIB) return warning('disk', found, `Make room: an outbox may grow to ${WANTED_MIB} MiB.`);
    if ((syncMs ?? 0) > SLOW_SYNC_MS) return warning('disk', found, 'The disk is slow, or busy: readers wait for it.');
    return ok('disk', found);
  } catch (error) {
    return wrong('disk', (error as Error).message, `The user of this process must be able to write to ${folder}.`);
  }
}

/** The folder, or what of its path is there. */
async function existing(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** Of a small write and its sync, as an append takes; undefined where none may be tried. */
async function medianSync(folder: string): Promise<number | undefined> {
  const trial = await mkdtemp(join(folder, '.rufus-doctor-')).catch(() => undefined);
  if (trial === undefined) return undefined;
  try {
    const handle = await open(join(trial, 'trial'), 'w');
    const times: number[] = [];
    for (let index = 0; index < SYNCS; index++) {
      const startedAt = performance.now();
      await handle.write('x'.repeat(212));
      await handle.datasync();
      times.push(performance.now() - startedAt);
    }
    await handle.close();
    return times.sort((a, b) => a - b)[SYNCS / 2];
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}
