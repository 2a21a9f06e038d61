import { systemClock } from '../clock.js';
import { StorageError } from '../errors.js';
import type { Journal, JournalOptions } from '../journal.js';
import { AckFile } from './ack.js';
import { Bookkeeping } from './bookkeeping.js';
import { Committer } from './committer.js';
import { Delivered } from './delivered.js';
import { type Disk, isSystemError, nodeDisk } from './disk.js';
import { DiskJournal } from './disk-journal.js';
import { limits } from './limits.js';
import { encodeLine } from './line.js';
import { LogDraft } from './lists.js';
import { commitClock, type Loaded, load, reconcile } from './load.js';
import { bootId, type Lock, type LockFolder, lockFolder } from './lock.js';
import { SegmentedLog } from './log.js';
import { ParkedLog } from './parked.js';
import { writeReadme } from './readme.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;

/** What a test may put in the place of the real thing. */
export interface JournalSeams {
  readonly disk?: Disk | undefined;
  readonly lock?: LockFolder | undefined;
  readonly segmentBytes?: number | undefined;
}

/**
 * Takes hold of the folder and finds out what it adds up to. Reads the newest segment, not the backlog.
 *
 * @throws OutboxLockedError - another process, or another journal of this one, holds it
 * @throws StorageError - it cannot be read or written, or a newer version wrote it
 */
export async function openJournal(options: JournalOptions, seams: JournalSeams = {}): Promise<Journal> {
  const disk = seams.disk ?? nodeDisk;
  const synced = options.durability !== 'os';
  let lock: Lock | null = null;
  let loaded: Loaded | null = null;
  try {
    const folder = await disk.folder(options.directory);
    lock = await (seams.lock ?? lockFolder)(folder);
    for (const name of ['parked', 'delivered']) await disk.folder(`${folder}/${name}`);
    await writeReadme(disk, folder);
    loaded = await load(disk, folder, synced);
    const journal = await build(options, { disk, folder, synced, segmentBytes: seams.segmentBytes, lock, loaded });
    await journal.resume();
    return journal;
  } catch (error) {
    await loaded?.tail?.close().catch(() => undefined);
    await loaded?.ackFile.close().catch(() => undefined);
    await lock?.release();
    if (!isSystemError(error)) throw error;
    const message = `The outbox folder ${options.directory} cannot be used: ${error.message}`;
    throw new StorageError(message, { cause: error });
  }
}

interface Ground {
  readonly disk: Disk;
  readonly folder: string;
  readonly synced: boolean;
  readonly segmentBytes: number | undefined;
  readonly lock: Lock;
  readonly loaded: Loaded;
}

async function build(options: JournalOptions, ground: Ground): Promise<DiskJournal> {
  const { clock = systemClock, events = {}, retain, maxDiskBytes = 2 * GIB, minFreeBytes = 64 * MIB } = options;
  const { disk, folder, synced, segmentBytes, lock, loaded } = ground;
  const { state, ackFile, segments, tail, found, suspect } = loaded;
  const boot = await bootId();
  const stamp = commitClock(clock, state);

  const delivered = await Delivered.open(disk, `${folder}/delivered`, clock, {
    ms: (retain?.hours ?? 72) * HOUR_MS,
    maxBytes: retain?.maxBytes ?? GIB,
  });
  const used = (): number => log.bytes + parked.bytes + delivered.bytes + AckFile.BYTES;
  const { watch, commits } = limits({ disk, folder, clock, events, maxDiskBytes, minFreeBytes, used, delivered });
  const parked = await ParkedLog.open({ ...commits, disk, folder: `${folder}/parked`, synced, segmentBytes, stamp });
  const lost = reconcile(state, segments, parked);
  const header = (): Buffer =>
    Buffer.from(encodeLine(log.last + 1, JSON.stringify(state.header({ ...stamp(), boot }))));
  const log = new SegmentedLog({ disk, folder, synced, segmentBytes, header, segments, tail, last: state.last });
  const begin = (): LogDraft => new LogDraft(state, stamp());

  return new DiskJournal({
    disk,
    folder,
    state,
    log,
    parked,
    delivered,
    ackFile,
    committer: new Committer({ ...commits, log, begin }),
    books: new Bookkeeping({ ackFile, state, log, parked, delivered, watch, clock, suspect }),
    watch,
    lock,
    found: {
      records: found.records,
      tornBytes: found.tornBytes + parked.found.tornBytes,
      corruptRecords: found.corruptRecords + parked.found.corruptRecords + lost,
    },
    wall: () => clock.wall(),
    maxPendingBytes: options.maxPendingBytes ?? 16 * MIB,
    events,
  });
}
