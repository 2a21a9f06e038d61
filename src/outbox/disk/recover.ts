import { StorageError } from '../errors.js';
import type { Damage } from '../journal.js';
import { CheckpointFile } from './checkpoint-file.js';
import { TOMBSTONE } from './codec.js';
import type { Disk, DiskFile } from './disk.js';
import { HighWater } from './high-water.js';
import type { IntervalSet } from './intervals.js';
import { type Segment, segmentsIn } from './log.js';
import { FORMAT, isCounted, type LogRecord, type ParkedLogRecord } from './records.js';
import {
  type AnyRecord,
  firstRecord,
  type LocatedRecord,
  type SegmentScan,
  scanSegment,
  takenAtTail,
} from './segment-reader.js';
import { LogState } from './state.js';

export interface RecoverySetup<R extends AnyRecord> {
  readonly disk: Disk;
  readonly folder: string;
  /** The newest record that is known to have been durable. Default 0: none is. */
  readonly highWaterMark?: number | undefined;
  /** The newest record that the checkpoint of the last run knows to be durable. Default 0. */
  readonly checkpointed?: number | undefined;
  /** Whether another file confirms that the commit of this record was durable. Default: the mark alone decides. */
  readonly isDurable?: (record: R) => boolean;
  /** Gets the header of the newest segment and each record after it, in order; and the seqs of those that can no longer be read. */
  readonly state: { apply(record: R, seq: number): void; readonly missing: IntervalSet };
}

/** Applies the records of a folder's segments, and finds where the next commit goes. Reads the newest segment only, if its header is good. */
export async function recoverLog<R extends AnyRecord>(setup: RecoverySetup<R>): Promise<Recovery<R>> {
  const { disk, folder } = setup;
  for (const name of await disk.list(folder)) {
    // The first commit of such a segment never became durable.
    if (name.endsWith('.log.new')) await disk.unlink(`${folder}/${name}`);
  }
  const segments: Segment[] = await segmentsIn(disk, folder);
  const start = await newestHeader(disk, segments);
  const recovery = new Recovery(setup, segments, (segments[start]?.first ?? 1) - 1);
  for (const [index, segment] of segments.entries()) {
    if (index >= start) await recovery.read(segment, segments[index + 1]);
  }
  recovery.last = Math.max(recovery.last, setup.highWaterMark ?? 0);
  await disk.syncFolder(folder);
  return recovery;
}

async function newestHeader(disk: Disk, segments: readonly Segment[]): Promise<number> {
  for (let index = segments.length - 1; index > 0; index--) {
    const file = await disk.open(segments[index]!.path, 'read');
    const record = await firstRecord<AnyRecord>(file).finally(() => file.close());
    if (record?.t === 'h') return index;
  }
  return 0;
}

/** What was recovered, as far as it was read. */
export class Recovery<R extends AnyRecord> {
  readonly segments: Segment[];
  /** Where the next commit may continue; null: it begins a segment. */
  tail: DiskFile | null = null;
  last: number;
  /** How many of the lost ones stood at the end of the log: their numbers are taken, though no record holds them. */
  lostAtTail = 0;
  readonly damage = { records: 0, tornBytes: 0, corruptRecords: 0 };
  readonly #setup: RecoverySetup<R>;

  constructor(setup: RecoverySetup<R>, segments: Segment[], last: number) {
    this.#setup = setup;
    this.segments = segments;
    this.last = last;
  }

  /** `next`: the segment that follows, if one does. */
  async read(segment: Segment, next: Segment | undefined): Promise<void> {
    const { disk, highWaterMark = 0, isDurable } = this.#setup;
    const limit = next && next.first - 1;
    const file = await disk.open(segment.path, limit === undefined ? 'update' : 'read');
    try {
      const scan = await scanSegment<R>(file, {
        first: segment.first,
        limit,
        isDurable: ({ seq, record }) => seq <= highWaterMark || isDurable?.(record) === true,
        accept: (found) => this.#accept(found),
      });
      if (limit === undefined) await this.#trim(segment, file, scan);
      else this.#lose(limit);
    } finally {
      if (this.tail === null) await file.close();
    }
  }

  /** Cuts off what never was durable, or makes it tombstones where damage behind it has to be kept. */
  async #trim(segment: Segment, file: DiskFile, scan: SegmentScan<R>): Promise<void> {
    const { disk, highWaterMark = 0 } = this.#setup;
    const { broken, damaged, end } = scan;
    const before = this.last;
    this.#lose(Math.max(takenAtTail(scan, before), highWaterMark));
    this.lostAtTail = this.last - before;
    const torn = this.lostAtTail === 0 ? scan.size - end : 0;
    this.damage.tornBytes = torn;
    if (this.damage.corruptRecords === 0 && damaged.some(({ offset }) => offset < end)) this.damage.corruptRecords = 1;

    const isEmpty = end === 0 && this.lostAtTail === 0;
    if (torn > 0 && !isEmpty) await file.truncate(end);
    const size = torn > 0 ? end : scan.size;
    for (const { offset } of broken) if (offset < size) await file.write(TOMBSTONE, offset);
    // What was read here may not have been synced; from now on it counts.
    await file.datasync();
    segment.size = size;
    // Kept for people to examine. The next segment may have this name.
    if (isEmpty && scan.size > 0) await disk.rename(segment.path, `${segment.path}.damaged`);
    const isIntact = this.lostAtTail === 0 && damaged.every(({ offset }) => offset >= end);
    if (isEmpty) this.segments.pop();
    else if (isIntact) this.tail = file;
  }

  #accept({ seq, record }: LocatedRecord<R>): void {
    if (record.t === 'h' && 'v' in record && record.v !== FORMAT) {
      throw new StorageError(
        `${this.#setup.folder} was written in format ${String(record.v)} by a newer version of this library; this one reads format ${FORMAT}`,
      );
    }
    const { state, checkpointed = 0 } = this.#setup;
    if (isCounted(record)) {
      this.#lose(seq - 1);
      this.last = seq;
      if (seq > checkpointed) this.damage.records++;
    }
    state.apply(record, seq);
  }

  #lose(upTo: number): void {
    if (upTo <= this.last) return;
    this.#setup.state.missing.add(this.last + 1, upTo);
    this.damage.corruptRecords += upTo - this.last;
    this.last = upTo;
  }
}

/** The state of a folder, from its log, ack.dat and high-water.dat. */
export interface Loaded {
  readonly state: LogState;
  readonly checkpointFile: CheckpointFile;
  readonly highWater: HighWater;
  readonly segments: readonly Segment[];
  readonly tail: DiskFile | null;
  readonly found: Damage;
  readonly suspect: boolean;
}

/** Closes what was opened; run in reverse order. */
export type Undo = (() => Promise<void>)[];

/** Adds to `undo` what closes the files that it opens, for where opening fails. */
export async function load(disk: Disk, folder: string, undo: Undo): Promise<Loaded> {
  const checkpointFile = await CheckpointFile.open(disk, folder);
  undo.push(() => checkpointFile.close());
  const highWater = await HighWater.open(disk, folder);
  undo.push(() => highWater.close());
  const slot = checkpointFile.found;
  const mark = highWater.found;
  const checkpointed = slot?.durable.seq ?? 0;
  const highWaterMark = Math.max(checkpointed, mark?.seq ?? 0);
  const hadLog = (await disk.list(folder)).some((name) => /\.log(\.damaged)?$/.test(name));
  const state = new LogState();
  const { segments, tail, last, lostAtTail, damage } = await recoverLog<LogRecord>({
    disk,
    folder,
    highWaterMark,
    checkpointed,
    state,
  });
  undo.push(async () => tail?.close());
  const inLog = state.last;
  state.last = last;
  if (lostAtTail > 0 && state.session !== null)
    state.raise(state.session, (state.nextNumber(state.session) ?? 1) + lostAtTail);
  if (slot !== null) {
    state.acknowledge(slot);
    // These numbers are taken, even if the log has lost the passings since.
    if (slot.durable.session !== null) state.raise(slot.durable.session, slot.durable.next);
    state.session ??= slot.durable.session;
  }
  if (mark !== null) {
    state.raise(mark.session, mark.next);
    state.session ??= mark.session;
  }
  const behind = highWaterMark > inLog;
  const copied = slot !== null && slot.identity !== null && slot.identity !== checkpointFile.identity;
  const kept = slot === null && (await readBackups(disk, folder, state));
  const bare = slot === null && (hadLog || kept || checkpointFile.broken);
  // How many passings the damaged end held can only be estimated.
  const cut = lostAtTail > 0;
  return {
    state,
    checkpointFile,
    highWater,
    segments,
    tail,
    found: damage,
    suspect: behind || copied || bare || cut,
  };
}

/** Without ack.dat, takes the numbers that the newest files of delivered/ and parked/ hold as taken, too. False where there are none. */
async function readBackups(disk: Disk, folder: string, state: LogState): Promise<boolean> {
  let found = false;
  for (const name of ['delivered', 'parked']) {
    const newest = (await segmentsIn(disk, `${folder}/${name}`)).at(-1);
    if (newest === undefined) continue;
    found = true;
    const raise = ({ record }: { readonly record: LogRecord | ParkedLogRecord }): void => {
      if (record.t === 'p' || record.t === 'k') state.raise(record.session, record.num + 1);
      else if (record.t === 's') state.raise(record.session, record.next);
      else if (record.t === 'h' && 'next' in record) {
        for (const [session, next] of Object.entries(record.next)) state.raise(session, next);
      }
      if ('session' in record) state.session ??= record.session;
      if ('deviceid' in record) state.deviceid ??= record.deviceid ?? null;
    };
    const file = await disk.open(newest.path, 'read');
    try {
      const { first } = newest;
      await scanSegment<LogRecord | ParkedLogRecord>(file, { first, isDurable: () => true, accept: raise });
    } finally {
      await file.close();
    }
  }
  return found;
}
