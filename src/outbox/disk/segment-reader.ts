import { decodeLine, isTombstone, type Line, recordOf } from './codec.js';
import { type Disk, type DiskFile, isMissing } from './disk.js';
import { LineReader, type RawLine } from './line-reader.js';
import { isCounted, type Stamp } from './records.js';

export type AnyRecord = Stamp & { readonly t: string };

/** A record with its place in its segment. */
export interface LocatedRecord<R> {
  readonly offset: number;
  readonly end: number;
  readonly seq: number;
  readonly record: R;
}

/** A damaged range: no record. */
interface DamagedRange {
  readonly offset: number;
  /** It ends with a line feed and has no zeros: a record that went bad, rather than a write that was cut short. */
  readonly wasLine: boolean;
}

export interface SegmentScan<R> {
  /** The records of the newest commit, which may not have been synced. */
  readonly lastCommit: readonly LocatedRecord<R>[];
  readonly damaged: readonly DamagedRange[];
  readonly size: number;
}

function damagedRange(raw: RawLine, line: Line | null): DamagedRange {
  // A good line with an old seq is the rest of an earlier, longer write.
  return { offset: raw.offset, wasLine: raw.complete && line === null && !raw.bytes.includes(0) };
}

/** A record with its seq and the length of its line. */
export interface SequencedRecord<R> {
  readonly seq: number;
  readonly bytes: number;
  readonly record: R;
}

/**
 * The records of a segment in lists, in order of seq, up to `limit`. Tries the paths in turn: a segment may be moved
 * during the read. One that is removed gives nothing.
 */
export async function* readSegment<R extends AnyRecord>(
  disk: Disk,
  paths: readonly string[],
  size: number,
  limit: number,
): AsyncGenerator<SequencedRecord<R>[]> {
  const file = await openFirst(disk, paths);
  if (file === null) return;
  try {
    let last = 0;
    for await (const lines of new LineReader(file).lists(size)) {
      const records: SequencedRecord<R>[] = [];
      for (const { bytes, complete } of lines) {
        const line = complete ? decodeLine(bytes) : null;
        if (line === null || line.seq < last || line.seq > limit + 1) continue;
        const record = recordOf<R>(line);
        // At the end of a segment, a record without a seq of its own carries that of the next segment's first.
        if (line.seq > limit && isCounted(record)) continue;
        last = line.seq;
        records.push({ seq: line.seq, bytes: bytes.length + 1, record });
      }
      if (records.length > 0) yield records;
    }
  } finally {
    await file.close();
  }
}

/**
 * Reads a whole segment. Calls `certain` with each record of a commit that is followed by another one: a commit begins only when the
 * one before it is synced.
 */
export async function scanSegment<R extends AnyRecord>(
  file: DiskFile,
  first: number,
  certain: (record: LocatedRecord<R>) => void,
): Promise<SegmentScan<R>> {
  const reader = new LineReader(file);
  const damaged: DamagedRange[] = [];
  let commit: LocatedRecord<R>[] = [];
  let last = first - 1;
  for await (const lines of reader.lists()) {
    for (const raw of lines) {
      const line = raw.complete ? decodeLine(raw.bytes) : null;
      if (line === null || line.seq <= last) {
        if (!isTombstone(raw.bytes)) damaged.push(damagedRange(raw, line));
        continue;
      }
      const record = recordOf<R>(line);
      if (commit.length > 0 && commit[0]!.record.mono !== record.mono) {
        for (const located of commit) certain(located);
        commit = [];
      }
      commit.push({ offset: raw.offset, end: raw.offset + raw.bytes.length + 1, seq: line.seq, record });
      if (isCounted(record)) last = line.seq;
    }
  }
  return { lastCommit: commit, damaged, size: reader.offset };
}

/** The first record of a segment if it can be read. */
export async function firstRecord<R>(file: DiskFile): Promise<R | null> {
  for await (const [raw] of new LineReader(file).lists()) {
    const line = raw!.complete ? decodeLine(raw!.bytes) : null;
    return line === null ? null : recordOf<R>(line);
  }
  return null;
}

/** The records of the newest commit that count: all if it is known to have been durable, else those of complete write batches. */
export function countingRecords<R extends AnyRecord>(
  { lastCommit }: SegmentScan<R>,
  isDurable: (newest: LocatedRecord<R>) => boolean,
): { whole: readonly LocatedRecord<R>[]; broken: readonly LocatedRecord<R>[] } {
  const newest = lastCommit.at(-1);
  return newest === undefined || isDurable(newest) ? { whole: lastCommit, broken: [] } : splitBatches(lastCommit);
}

/** The estimated seq of the last record in the damaged end, from `end` on; 0 where nothing there was a record. */
export function takenAtTail<R extends AnyRecord>(
  { damaged }: SegmentScan<R>,
  end: number,
  last: number,
  broken: readonly LocatedRecord<R>[],
): number {
  const gone = damaged.filter((range) => range.offset >= end && range.offset > 0 && range.wasLine).length;
  return gone === 0 ? 0 : Math.max(last, ...broken.map(({ seq }) => seq)) + gone;
}

/** Splits a commit into the records of complete and of incomplete write batches. */
function splitBatches<R extends AnyRecord>(
  commit: readonly LocatedRecord<R>[],
): { whole: LocatedRecord<R>[]; broken: LocatedRecord<R>[] } {
  const whole: LocatedRecord<R>[] = [];
  const broken: LocatedRecord<R>[] = [];
  let batch: LocatedRecord<R>[] = [];
  for (const found of commit) {
    const [place, length] = found.record.part ?? [1, 1];
    const previous = batch.at(-1);
    const continues =
      previous !== undefined &&
      place === batch.length + 1 &&
      length === previous.record.part?.[1] &&
      found.seq === previous.seq + 1;
    if (!continues) {
      broken.push(...batch);
      batch = [];
    }
    if (!continues && place !== 1) {
      broken.push(found);
      continue;
    }
    batch.push(found);
    if (place === length) {
      whole.push(...batch);
      batch = [];
    }
  }
  broken.push(...batch);
  return { whole, broken };
}

async function openFirst(disk: Disk, paths: readonly string[]): Promise<DiskFile | null> {
  for (const path of paths) {
    try {
      return await disk.open(path, 'read');
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return null;
}
