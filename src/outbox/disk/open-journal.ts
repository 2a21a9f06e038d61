import { RufusConfigError } from '../../core/errors.js';
import { type Clock, systemClock } from '../clock.js';
import { StorageError } from '../errors.js';
import type { Damage, Journal, JournalOptions } from '../journal.js';
import { CheckpointFile } from './checkpoint-file.js';
import { Checkpointer } from './checkpointer.js';
import { encodeLine } from './codec.js';
import { Committer } from './committer.js';
import { Delivered } from './delivered.js';
import { type Disk, isSystemError, nodeDisk, reasonOf, unsynced } from './disk.js';
import { DiskJournal } from './disk-journal.js';
import { bootId, type Lock, type LockFolder, lockFolder } from './lock.js';
import { SEGMENT_BYTES, SegmentedLog, Spare, segmentsIn } from './log.js';
import { LogReader } from './log-reader.js';
import { ParkedLog } from './parked.js';
import { type Loaded, load, type Undo } from './recover.js';
import { PROBE_BYTES, Space } from './space.js';
import type { LogState } from './state.js';
import { LogDraft } from './write-batch.js';

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;

/** What a test may replace. */
export interface JournalSeams {
  readonly disk?: Disk | undefined;
  readonly lock?: LockFolder | undefined;
  readonly segmentBytes?: number | undefined;
}

/**
 * Locks the folder and recovers its state. Reads the newest segment, not the backlog.
 *
 * @throws RufusConfigError - `maxDiskBytes` is too small to work with
 * @throws OutboxLockedError - another process, or another journal of this one, holds it
 * @throws StorageError - it cannot be read or written, or a newer version wrote it
 */
export async function openJournal(options: JournalOptions, seams: JournalSeams = {}): Promise<Journal> {
  const given = seams.disk ?? nodeDisk;
  const disk = options.durability === 'os' ? unsynced(given) : given;
  const undo: Undo = [];
  try {
    const folder = await disk.folder(options.directory);
    const lock = await (seams.lock ?? lockFolder)(folder);
    undo.push(() => lock.release());
    for (const name of ['parked', 'delivered']) await disk.folder(`${folder}/${name}`);
    await writeReadme(disk, folder);
    const loaded = await load(disk, folder, undo);
    const journal = await build(options, { disk, folder, segmentBytes: seams.segmentBytes, lock, loaded });
    await journal.resume();
    return journal;
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    if (!isSystemError(error)) throw error;
    const message = `The outbox folder ${options.directory} cannot be used: ${reasonOf(error)}`;
    throw new StorageError(message, { cause: error });
  }
}

interface Ground {
  readonly disk: Disk;
  readonly folder: string;
  readonly segmentBytes: number | undefined;
  readonly lock: Lock;
  readonly loaded: Loaded;
}

async function build(options: JournalOptions, ground: Ground): Promise<DiskJournal> {
  const { clock = systemClock, events = {}, retain, maxDiskBytes = 2 * GIB, minFreeBytes = 64 * MIB } = options;
  const { disk, folder, lock, loaded } = ground;
  const { state, checkpointFile, segments, tail, suspect } = loaded;
  const boot = await bootId();
  const stamp = commitClock(clock, state);
  const header = (seq: number): Buffer =>
    Buffer.from(encodeLine(seq, JSON.stringify(state.header({ ...stamp(), boot }))));
  checkLimit(maxDiskBytes, header(state.last + 1).length);
  // Small enough that a tight limit is not used up by the segment that is written.
  const segmentBytes = ground.segmentBytes ?? Math.min(SEGMENT_BYTES, Math.floor(maxDiskBytes / 8));

  const backups = { disk, folder: `${folder}/delivered` };
  const kept = { ms: (retain?.hours ?? 72) * HOUR_MS, maxBytes: retain?.maxBytes ?? GIB };
  const delivered = new Delivered({ ...backups, clock, retain: kept }, await segmentsIn(disk, backups.folder));
  const space = new Space({ disk, folder, clock, maxDiskBytes, minFreeBytes, changed: events.storage });
  const parked = await ParkedLog.open({
    space,
    // Passings are pending while they are being parked, so only backups can be removed for them.
    makeRoom: () => delivered.giveUp(),
    disk,
    folder: `${folder}/parked`,
    segmentBytes,
    acknowledged: state.checkpoint.seq,
    stamp,
  });
  const lost = state.reconcile(segments[0]?.first, parked.state);
  const found: Damage = {
    records: loaded.found.records,
    tornBytes: loaded.found.tornBytes + parked.found.tornBytes,
    corruptRecords: loaded.found.corruptRecords + parked.found.corruptRecords + lost,
  };
  const spare = new Spare(disk, folder);
  const log = new SegmentedLog({ disk, folder, segmentBytes, header, spare, segments, tail, last: state.last });
  const begin = (): LogDraft => new LogDraft(state, stamp());
  const committer = new Committer({ space, makeRoom: () => space.makeRoom(), log, begin });
  const checkpointer = new Checkpointer({ checkpointFile, state, log, parked, delivered, space, clock, suspect });
  const reader = new LogReader({ disk, folder, log, parked, delivered, state, events });
  space.contents = {
    bytes: () => log.bytes + parked.log.bytes + delivered.bytes + CheckpointFile.BYTES,
    expendable: () => checkpointer.expendable,
    overhead: () => log.headerBytes,
    async giveUp() {
      const gaveUp = await checkpointer.giveUp();
      await reader.closeRemoved();
      await log.reserve();
      return gaveUp;
    },
    betweenCommits: (work) => committer.between(work),
  };
  const { maxPendingBytes = 16 * MIB } = options;
  const parts = { log, reader, parked, committer, checkpointer, space, lock, found, maxPendingBytes, events };
  return new DiskJournal({ ...loaded, ...parts });
}

/**
 * With less, an outbox that was full once would stay full: what is left when all that is delivered was removed (ack.dat, the spare,
 * the headers of the log and of parked/) must leave room for more. A header grows by some 100 bytes per session; the first 2 KiB
 * of it do not change the limit.
 */
function checkLimit(maxDiskBytes: number, headerBytes: number): void {
  const least = CheckpointFile.BYTES + 4 * Math.max(2 * KIB, headerBytes) + 8 * KIB + PROBE_BYTES;
  if (maxDiskBytes >= least) return;
  throw new RufusConfigError(`\`maxDiskBytes\` must be at least ${least} for this folder, and is ${maxDiskBytes}.`);
}

/** The clocks for commits. `mono` is different for each one, which separates a commit from the next in the file. */
function commitClock(clock: Clock, state: LogState): () => { at: number; mono: number } {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    let mono = Math.max(Math.round(clock.mono() * 1e3) / 1e3, last + 0.001);
    if (mono === state.stamp?.mono) mono += 0.001;
    last = Math.round(mono * 1e3) / 1e3;
    return { at: Math.round(clock.wall()), mono: last };
  };
}

const README = `This folder is a RUFUS outbox: chip reads on their way to RUFUS Cloud. Change nothing in it while it is in use.

  *.log            not delivered yet, or delivered just now
  delivered/*.log  delivered, kept for a while as a backup
  parked/*.log     refused by the server, with the reason

A line is "checksum number {json}". To get the passings out with nothing but a shell:

  grep -hs '"passing":' *.log delivered/*.log | cut -d' ' -f3-
  grep -hs '"reason":' parked/*.log | cut -d' ' -f3-
`;

/** Explains the folder to people, and how to get the passings out without this library. */
async function writeReadme(disk: Disk, folder: string): Promise<void> {
  if ((await disk.list(folder)).includes('README.txt')) return;
  // Nothing depends on it: on a full disk it is left out.
  const file = await disk.open(`${folder}/README.txt`, 'create').catch(() => null);
  await file?.write(Buffer.from(README), 0).catch(() => undefined);
  await file?.close().catch(() => undefined);
}
