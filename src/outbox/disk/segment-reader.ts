import { decodeLine, endOfLine, isTombstone, type Line, recordOf } from './codec.js';
import { codeOf, type Disk, type DiskFile, isMissing } from './disk.js';
import { type Segment, segmentName } from './log.js';
import { isCounted, type Stamp } from './records.js';

const CHUNK = 256 * 1024;
const PAGE = 4096;
const NOTHING = Buffer.alloc(0);

/** The bytes of a segment up to a line feed (not included), or up to the end of the read. */
interface RawLine {
  readonly offset: number;
  readonly bytes: Buffer;
  /** False for the rest after the last line feed. */
  readonly complete: boolean;
}

/** Reads a segment line by line, with one chunk in memory. `take` until it returns null, then `fill`. */
export class LineReader {
  #buffer: Buffer = NOTHING;
  #at = 0;
  /** Offset in the file of the buffer's first byte. */
  #base: number;

  readonly #file: DiskFile;

  constructor(file: DiskFile, offset = 0) {
    this.#file = file;
    this.#base = offset;
  }

  /** The offset of the next line. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** The next whole line, if it is in memory. */
  take(): RawLine | null {
    const end = endOfLine(this.#buffer, this.#at);
    if (end === -1) return null;
    const line = { offset: this.offset, bytes: this.#buffer.subarray(this.#at, end), complete: true };
    this.#at = end + 1;
    return line;
  }

  /** All lines up to offset `limit`, a list per chunk; the last line may be incomplete. */
  async *lists(limit = Number.MAX_SAFE_INTEGER): AsyncGenerator<RawLine[]> {
    let isMore = true;
    while (isMore) {
      isMore = await this.fill(limit);
      const lines: RawLine[] = [];
      for (let line = this.take(); line !== null; line = this.take()) lines.push(line);
      if (!isMore && this.#at < this.#buffer.length) {
        lines.push({ offset: this.offset, bytes: this.#buffer.subarray(this.#at), complete: false });
        this.#at = this.#buffer.length;
      }
      if (lines.length > 0) yield lines;
    }
  }

  /** Reads the next chunk, up to offset `limit`; false if there is none. Lines returned before stay valid. */
  async fill(limit: number): Promise<boolean> {
    const from = this.#base + this.#buffer.length;
    const wanted = Math.min(CHUNK, limit - from);
    if (wanted <= 0) return false;
    const chunk = Buffer.allocUnsafe(wanted);
    const length = await readWhatIsLeft(this.#file, chunk, from);
    if (length === 0) return false;
    const kept = this.#buffer.subarray(this.#at);
    this.#base += this.#at;
    this.#at = 0;
    this.#buffer = kept.length === 0 ? chunk.subarray(0, length) : Buffer.concat([kept, chunk.subarray(0, length)]);
    return true;
  }
}

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
  /** Records of incomplete write batches in the newest commit: they do not count. */
  readonly broken: readonly LocatedRecord<R>[];
  readonly damaged: readonly DamagedRange[];
  /** Where the last record ends that counts. */
  readonly end: number;
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
 * The records of these segments in lists, in order of seq, up to `last`. Looks for a segment in `movedTo`, too: it may be moved during
 * the read. One that is removed gives nothing.
 */
export async function* readSegments<R extends AnyRecord>(
  disk: Disk,
  segments: readonly Segment[],
  { last = Number.POSITIVE_INFINITY, movedTo }: { readonly last?: number; readonly movedTo?: string } = {},
): AsyncGenerator<SequencedRecord<R>[]> {
  const asNow = segments.map(({ first, path, size }) => ({ first, path, size }));
  for (const [index, { first, path, size }] of asNow.entries()) {
    const limit = (asNow[index + 1]?.first ?? last + 1) - 1;
    const file = await openFirst(disk, movedTo === undefined ? [path] : [path, `${movedTo}/${segmentName(first)}`]);
    if (file === null) continue;
    try {
      yield* recordsOf<R>(file, size, limit);
    } finally {
      await file.close();
    }
  }
}

async function* recordsOf<R extends AnyRecord>(
  file: DiskFile,
  size: number,
  limit: number,
): AsyncGenerator<SequencedRecord<R>[]> {
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
}

export interface ScanSetup<R> {
  /** The seq that the segment begins with. */
  readonly first: number;
  /** The last seq that counts here: records beyond it were written again in the next segment. */
  readonly limit?: number | undefined;
  /** Without `limit`: whether the commit of this record, the last one of the segment, was synced. If so all of it counts, else its complete write batches. */
  readonly isDurable: (newest: LocatedRecord<R>) => boolean;
  /** Called with each record that counts, in order. */
  readonly accept: (found: LocatedRecord<R>, isBehindDamage: boolean) => void;
}

/** Reads a whole segment. A commit begins only when the one before it is synced: only the last one is in doubt. */
export async function scanSegment<R extends AnyRecord>(file: DiskFile, setup: ScanSetup<R>): Promise<SegmentScan<R>> {
  const { first, limit = Number.POSITIVE_INFINITY, isDurable, accept } = setup;
  const reader = new LineReader(file);
  const damaged: DamagedRange[] = [];
  let commit: LocatedRecord<R>[] = [];
  let last = first - 1;
  let end = 0;
  const count = (records: readonly LocatedRecord<R>[]): void => {
    for (const found of records) {
      if (found.seq > limit && isCounted(found.record)) continue;
      const damage = damaged.findLast(({ offset }) => offset < found.offset);
      accept(found, damage !== undefined && damage.offset >= end);
      end = found.end;
    }
  };
  for await (const lines of reader.lists()) {
    for (const raw of lines) {
      const line = raw.complete ? decodeLine(raw.bytes) : null;
      if (line === null || line.seq <= last) {
        if (!isTombstone(raw.bytes)) damaged.push(damagedRange(raw, line));
        continue;
      }
      const record = recordOf<R>(line);
      if (commit.length > 0 && commit[0]!.record.mono !== record.mono) {
        count(commit);
        commit = [];
      }
      commit.push({ offset: raw.offset, end: raw.offset + raw.bytes.length + 1, seq: line.seq, record });
      if (isCounted(record)) last = line.seq;
    }
  }
  const newest = commit.at(-1);
  const isWhole = newest === undefined || setup.limit !== undefined || isDurable(newest);
  const { whole, broken } = isWhole ? { whole: commit, broken: [] } : splitBatches(commit);
  count(whole);
  return { broken, damaged, end, size: reader.offset };
}

/** The first record of a segment if it can be read. */
export async function firstRecord<R>(file: DiskFile): Promise<R | null> {
  for await (const [raw] of new LineReader(file).lists()) {
    const line = raw!.complete ? decodeLine(raw!.bytes) : null;
    return line === null ? null : recordOf<R>(line);
  }
  return null;
}

/** The estimated seq of the last record in the damaged end behind `last`; 0 where nothing there was a record. */
export function takenAtTail<R extends AnyRecord>({ broken, damaged, end }: SegmentScan<R>, last: number): number {
  const gone = damaged.filter(({ offset, wasLine }) => offset >= end && offset > 0 && wasLine).length;
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

/** A bad sector must not hide the good ones around it: what cannot be read becomes zeros, which are no record. */
async function readWhatIsLeft(file: DiskFile, chunk: Buffer, from: number): Promise<number> {
  try {
    return await file.read(chunk, from);
  } catch (error) {
    if (codeOf(error) !== 'EIO') throw error;
  }
  chunk.fill(0);
  for (let at = 0; at < chunk.length; at += PAGE) {
    await file.read(chunk.subarray(at, at + PAGE), from + at).catch(() => undefined);
  }
  return chunk.length;
}
