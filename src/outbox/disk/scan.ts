import { decodeLine, isTombstone, type Line, recordOf } from './codec.js';
import type { DiskFile } from './disk.js';
import { LineReader, type RawLine } from './line-reader.js';
import { isCounted, type Stamp } from './records.js';

export type AnyRecord = Stamp & { readonly t: string };

/** A record where it stands in its segment. */
export interface LocatedRecord<R> {
  readonly offset: number;
  readonly end: number;
  readonly seq: number;
  readonly record: R;
}

/** A stretch that is no record. */
interface DamagedRange {
  readonly offset: number;
  /** It ends as a line does and has no zeros in it: rather a record that went bad than a write that was cut short. */
  readonly wasLine: boolean;
}

export interface SegmentScan<R> {
  /** The newest records, all of one commit; whether its sync had succeeded, they do not tell. */
  readonly lastCommit: readonly LocatedRecord<R>[];
  readonly damaged: readonly DamagedRange[];
  readonly size: number;
}

function damagedRange(piece: RawLine, line: Line | null): DamagedRange {
  // A record with an old seq is what a newer, shorter write has left uncovered.
  return { offset: piece.offset, wasLine: piece.whole && line === null && !piece.bytes.includes(0) };
}

/**
 * Reads a whole segment. Records of a commit that is followed by another go to `settled` as they come: a commit begins only
 * once the one before it is synced, so these are certain.
 */
export async function scanSegment<R extends AnyRecord>(
  file: DiskFile,
  first: number,
  settled: (found: LocatedRecord<R>) => void,
): Promise<SegmentScan<R>> {
  const lines = new LineReader(file);
  const damaged: DamagedRange[] = [];
  let commit: LocatedRecord<R>[] = [];
  let last = first - 1;
  const look = (piece: RawLine): void => {
    const line = piece.whole ? decodeLine(piece.bytes) : null;
    if (line === null || line.seq <= last) {
      if (!isTombstone(piece.bytes)) damaged.push(damagedRange(piece, line));
      return;
    }
    const record = recordOf<R>(line);
    if (commit.length > 0 && commit[0]!.record.mono !== record.mono) {
      for (const found of commit) settled(found);
      commit = [];
    }
    commit.push({ offset: piece.offset, end: piece.offset + piece.bytes.length + 1, seq: line.seq, record });
    if (isCounted(record)) last = line.seq;
  };
  do {
    for (let piece = lines.take(); piece !== null; piece = lines.take()) look(piece);
  } while (await lines.fill(Number.MAX_SAFE_INTEGER));
  const rest = lines.rest();
  if (rest !== null) look(rest);
  return { lastCommit: commit, damaged, size: lines.offset };
}

/** The first record of a segment if it can be read. */
export async function firstRecord<R>(file: DiskFile): Promise<R | null> {
  const lines = new LineReader(file);
  let piece: RawLine | null = null;
  do piece = lines.take();
  while (piece === null && (await lines.fill(Number.MAX_SAFE_INTEGER)));
  const line = piece === null ? null : decodeLine(piece.bytes);
  return line === null ? null : recordOf<R>(line);
}

/** Splits a commit into the lists that are whole, and the records of those that are not. */
export function splitBatches<R extends AnyRecord>(
  commit: readonly LocatedRecord<R>[],
): { whole: LocatedRecord<R>[]; broken: LocatedRecord<R>[] } {
  const whole: LocatedRecord<R>[] = [];
  const broken: LocatedRecord<R>[] = [];
  let list: LocatedRecord<R>[] = [];
  for (const found of commit) {
    const [place, length] = found.record.part ?? [1, 1];
    const previous = list.at(-1);
    const continues =
      previous !== undefined &&
      place === list.length + 1 &&
      length === previous.record.part?.[1] &&
      found.seq === previous.seq + 1;
    if (!continues) {
      broken.push(...list);
      list = [];
    }
    if (!continues && place !== 1) {
      broken.push(found);
      continue;
    }
    list.push(found);
    if (place === length) {
      whole.push(...list);
      list = [];
    }
  }
  broken.push(...list);
  return { whole, broken };
}
