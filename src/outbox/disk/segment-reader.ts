import { decodeLine, recordOf } from './codec.js';
import { type Disk, type DiskFile, isMissing } from './disk.js';
import { LineReader } from './line-reader.js';
import { isCounted } from './records.js';
import type { AnyRecord } from './scan.js';

export interface Read<R> {
  readonly seq: number;
  readonly bytes: number;
  readonly record: R;
}

/**
 * The records of a whole segment in pieces of a chunk each, seq rising, up to `limit`. Tries the paths in turn: a segment may
 * move while somebody reads; one that is gone altogether gives nothing.
 */
export async function* readSegment<R extends AnyRecord>(
  disk: Disk,
  paths: readonly string[],
  size: number,
  limit: number,
): AsyncGenerator<Read<R>[]> {
  const file = await openFirst(disk, paths);
  if (file === null) return;
  try {
    const lines = new LineReader(file);
    let last = 0;
    do {
      const piece: Read<R>[] = [];
      for (let found = lines.take(); found !== null; found = lines.take()) {
        const line = decodeLine(found.bytes);
        if (line === null || line.seq < last || line.seq > limit + 1) continue;
        const record = recordOf<R>(line);
        // At the end of a segment, a record without a seq of its own carries that of the next segment.
        if (line.seq > limit && isCounted(record)) continue;
        last = line.seq;
        piece.push({ seq: line.seq, bytes: found.bytes.length + 1, record });
      }
      if (piece.length > 0) yield piece;
    } while (await lines.fill(size));
  } finally {
    await file.close();
  }
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
