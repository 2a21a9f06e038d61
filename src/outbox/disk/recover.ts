import { StorageError } from '../errors.js';
import type { Damage } from '../journal.js';
import { TOMBSTONE } from './codec.js';
import type { Disk, DiskFile } from './disk.js';
import { type Segment, segmentsIn } from './log.js';
import { FORMAT, isCounted } from './records.js';
import {
  type AnyRecord,
  firstRecord,
  type LocatedRecord,
  type SegmentScan,
  scanSegment,
  takenAtTail,
} from './segment-reader.js';

export interface RecoverySetup<R extends AnyRecord> {
  readonly disk: Disk;
  readonly folder: string;
  /** The newest record that is known to have been durable; 0: none is. */
  readonly highWaterMark: number;
  /** The newest record that the checkpoint of the last run knows to be durable. */
  readonly checkpointed: number;
  /** Whether another file confirms that the commit of this record was durable. Default: the mark alone decides. */
  readonly isDurable?: (record: R) => boolean;
  /** Called for the header of the newest segment and each record after it, in order. */
  readonly apply: (seq: number, record: R) => void;
  /** These records were written and can no longer be read. */
  readonly lost: (first: number, last: number) => void;
}

export interface Recovered {
  readonly segments: Segment[];
  /** Where the next commit may continue; null: it begins a segment. */
  readonly tail: DiskFile | null;
  readonly last: number;
  /** How many of the lost ones stood at the end of the log: their numbers are taken, though no record holds them. */
  readonly lostAtTail: number;
  readonly damage: Damage;
}

/** Applies the records of a folder's segments, and finds where the next commit goes. Reads the newest segment only, if its header is good. */
export async function recoverLog<R extends AnyRecord>(setup: RecoverySetup<R>): Promise<Recovered> {
  const { disk, folder } = setup;
  for (const name of await disk.list(folder)) {
    // The first commit of such a segment never became durable.
    if (name.endsWith('.log.new')) await disk.unlink(`${folder}/${name}`);
  }
  const segments: Segment[] = await segmentsIn(disk, folder);
  const start = await newestHeader(disk, segments);
  const recovery = new Recovery(setup, (segments[start]?.first ?? 1) - 1);
  for (const [index, segment] of segments.entries()) {
    if (index >= start) await recovery.read(segment, segments[index + 1]);
  }
  if (recovery.isEmpty) segments.pop();
  await disk.syncFolder(folder);
  const { tail, last, lostAtTail, records, tornBytes, corrupt } = recovery;
  return {
    segments,
    tail,
    last: Math.max(last, setup.highWaterMark),
    lostAtTail,
    damage: { records, tornBytes, corruptRecords: corrupt },
  };
}

async function newestHeader(disk: Disk, segments: readonly Segment[]): Promise<number> {
  for (let index = segments.length - 1; index > 0; index--) {
    const file = await disk.open(segments[index]!.path, 'read');
    const record = await firstRecord<AnyRecord>(file).finally(() => file.close());
    if (record?.t === 'h') return index;
  }
  return 0;
}

class Recovery<R extends AnyRecord> {
  records = 0;
  tornBytes = 0;
  corrupt = 0;
  lostAtTail = 0;
  tail: DiskFile | null = null;
  /** The newest segment had nothing to keep, and is out of the way. */
  isEmpty = false;

  readonly #setup: RecoverySetup<R>;
  last: number;

  constructor(setup: RecoverySetup<R>, last: number) {
    this.#setup = setup;
    this.last = last;
  }

  /** `next`: the segment that follows, if one does. */
  async read(segment: Segment, next: Segment | undefined): Promise<void> {
    const { disk, highWaterMark, isDurable } = this.#setup;
    const limit = next && next.first - 1;
    const file = await disk.open(segment.path, limit === undefined ? 'update' : 'read');
    try {
      const scan = await scanSegment<R>(file, {
        first: segment.first,
        limit,
        isDurable: ({ seq, record }) => limit !== undefined || seq <= highWaterMark || isDurable?.(record) === true,
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
    const { disk, highWaterMark } = this.#setup;
    const { broken, damaged, end } = scan;
    const before = this.last;
    this.#lose(Math.max(takenAtTail(scan, before), highWaterMark));
    this.lostAtTail = this.last - before;
    const torn = this.lostAtTail === 0 ? scan.size - end : 0;
    this.tornBytes += torn;
    if (this.corrupt === 0 && damaged.some(({ offset }) => offset < end)) this.corrupt = 1;

    this.isEmpty = end === 0 && this.lostAtTail === 0;
    if (torn > 0 && !this.isEmpty) await file.truncate(end);
    const size = torn > 0 ? end : scan.size;
    for (const { offset } of broken) if (offset < size) await file.write(TOMBSTONE, offset);
    // What was read here may not have been synced; from now on it counts.
    await file.datasync();
    segment.size = size;
    // Kept for people to examine. The next segment may have this name.
    if (this.isEmpty && scan.size > 0) await disk.rename(segment.path, `${segment.path}.damaged`);
    const isIntact = this.lostAtTail === 0 && damaged.every(({ offset }) => offset >= end);
    if (isIntact && !this.isEmpty) this.tail = file;
  }

  #accept({ seq, record }: LocatedRecord<R>): void {
    if (record.t === 'h' && 'v' in record && record.v !== FORMAT) {
      throw new StorageError(
        `${this.#setup.folder} was written in format ${String(record.v)} by a newer version of this library; this one reads format ${FORMAT}`,
      );
    }
    if (isCounted(record)) {
      this.#lose(seq - 1);
      this.last = seq;
      if (seq > this.#setup.checkpointed) this.records++;
    }
    this.#setup.apply(seq, record);
  }

  #lose(upTo: number): void {
    if (upTo <= this.last) return;
    this.#setup.lost(this.last + 1, upTo);
    this.corrupt += upTo - this.last;
    this.last = upTo;
  }
}
