import type { Clock } from '../clock.js';
import { StorageError } from '../errors.js';
import type { JournalEvents } from '../journal.js';
import type { CommitterSetup, Draft } from './committer.js';
import type { Delivered } from './delivered.js';
import { type Disk, isFull, isSystemError } from './disk.js';
import { Space } from './space.js';
import { StorageWatch } from './storage-watch.js';

/** What must fit again for a full disk to count as full no more. */
const PROBE_BYTES = 64 * 1024;

export interface LimitsSetup {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly events: Partial<JournalEvents>;
  readonly maxDiskBytes: number;
  readonly minFreeBytes: number;
  readonly used: () => number;
  readonly delivered: Delivered;
}

/** What both logs of a folder have in common: how much they may write, and what a failure of the disk means. */
export function limits(setup: LimitsSetup): {
  readonly watch: StorageWatch;
  readonly commits: Omit<CommitterSetup<Draft>, 'log' | 'begin'>;
} {
  const { events, delivered, clock } = setup;
  const giveUp = (): Promise<boolean> => delivered.giveUp();
  const space = new Space({ ...setup, giveUp });
  const watch = new StorageWatch({
    clock,
    changed: (storage, cause) => events.storage?.(storage, cause),
    probe: () => space.admit(PROBE_BYTES),
  });
  const admit = async (bytes: number): Promise<void> => {
    try {
      await space.admit(bytes);
    } catch (error) {
      watch.full(error);
      throw error;
    }
  };
  const onCommit = (bytes: number): void => {
    space.spent(bytes);
    void watch.recheck();
  };
  const explain = async (error: unknown): Promise<unknown> => {
    if (isFull(error)) {
      watch.full(error);
      return space.refused(error);
    }
    if (!isSystemError(error)) return error;
    watch.failed(error);
    return storageError(error);
  };
  return { watch, commits: { admit, makeRoom: giveUp, onCommit, explain } };
}

export function storageError(cause: unknown): StorageError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(`The disk failed for good (${why}): open the outbox again, or on another disk`, { cause });
}
