import { type Disk, type DiskFile, type FileFacts, isFull, isMissing } from './disk.js';

/** A segment of this size takes no further commit. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;
/** `renew` must free at least so many bytes. */
const WORTH_WHILE = 1024;

export interface Segment {
  /** The seq of its first passing, which is also its name. */
  readonly first: number;
  readonly path: string;
  /** Its durable length; bytes beyond it are never read. */
  size: number;
}

const DIGITS = 16;
export const segmentName = (first: number): string => `${String(first).padStart(DIGITS, '0')}.log`;
export const firstOf = (name: string): number | null =>
  /^\d{16}\.log$/.test(name) ? Number(name.slice(0, DIGITS)) : null;

/** The segments that a folder holds, oldest first. */
export async function segmentsIn(disk: Disk, folder: string): Promise<(Segment & Pick<FileFacts, 'mtimeMs'>)[]> {
  const segments = [];
  for (const name of await disk.list(folder)) {
    const first = firstOf(name);
    const path = `${folder}/${name}`;
    if (first !== null) segments.push({ first, path, ...(await disk.facts(path)) });
  }
  return segments.sort((a, b) => a.first - b.first);
}

export interface LogSetup {
  readonly disk: Disk;
  readonly folder: string;
  /** Default 4 MiB. */
  readonly segmentBytes?: number | undefined;
  /** The first line of a segment that begins with `seq`: the state after all segments before. */
  readonly header: (seq: number) => Buffer;
  /** Kept filled, so that `renew` needs no free space. */
  readonly spare?: Spare | undefined;
  readonly segments: readonly Segment[];
  /** Continue in the last of the segments; otherwise the next commit begins a new one. */
  readonly tail: DiskFile | null;
  /** The seq of the newest record. */
  readonly last: number;
}

/** The segments of one folder, and the one place where they are written. One commit at a time. */
export class SegmentedLog {
  readonly segments: Segment[];
  last: number;
  /** About the length of the next header. */
  headerBytes: number;
  /** Set once the disk failed for good. */
  failure: unknown;
  /** The file of the last segment, where the next commit goes; null: it begins a segment. */
  #tail: DiskFile | null;

  readonly #setup: LogSetup;

  constructor(setup: LogSetup) {
    this.#setup = setup;
    this.segments = [...setup.segments];
    this.last = setup.last;
    this.headerBytes = setup.header(this.last + 1).length;
    this.#tail = setup.tail;
  }

  get bytes(): number {
    return this.#inSegments + (this.#setup.spare?.bytes ?? 0);
  }

  /** Bytes that `renew` would free; 0 where that is too little. */
  get renewable(): number {
    const gain = this.#inSegments - this.headerBytes;
    return gain < WORTH_WHILE ? 0 : gain;
  }

  /**
   * Durable when it resolves; `last` is the seq of the newest record in it. When it rejects, nothing of it will ever count.
   * After a full disk it may be tried again. After another failure it is tried once more, in a new segment; a second failure is final (`failure`).
   */
  async commit(chunks: readonly Buffer[], last: number): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    try {
      await this.#put(chunks).catch(async (error: unknown) => {
        if (isFull(error)) throw error;
        // After a failed sync the kernel may mark the pages as clean: a second sync of this file would prove nothing.
        await this.close();
        await this.#put(chunks);
      });
    } catch (error) {
      if (isFull(error)) await this.#cutBack();
      else {
        this.failure = error;
        await this.close();
      }
      throw error;
    }
    this.last = last;
  }

  /** Durable when it resolves, so that segments go in the order of their removal, also in a power cut. */
  async remove(segment: Segment): Promise<void> {
    const { disk, folder } = this.#setup;
    await disk.unlink(segment.path);
    this.forget(segment);
    await disk.syncFolder(folder);
  }

  /** The segment is no longer part of the log. */
  forget(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index !== -1) this.segments.splice(index, 1);
  }

  /**
   * Begins a segment that holds only a header, and removes all others: what they hold must no longer be needed.
   * Only between two commits. When it rejects, the log is as before, except that segments may be gone.
   */
  async renew(): Promise<void> {
    await this.#begin([]);
    for (const segment of this.segments.slice(0, -1)) await this.remove(segment);
  }

  /** Fills the spare, where there is room. */
  async reserve(): Promise<void> {
    await this.#setup.spare?.fill(2 * this.headerBytes).catch(() => undefined);
  }

  async #put(chunks: readonly Buffer[]): Promise<void> {
    const file = this.#tail;
    const segment = this.segments.at(-1);
    const { segmentBytes = SEGMENT_BYTES } = this.#setup;
    if (file === null || segment === undefined || segment.size >= segmentBytes) return this.#begin(chunks);
    const end = await writeAll(file, chunks, segment.size);
    await file.datasync();
    segment.size = end;
  }

  get #inSegments(): number {
    return this.segments.reduce((sum, segment) => sum + segment.size, 0);
  }

  /** A segment gets its name when its first commit is durable, so that none is ever found without its header. */
  async #begin(chunks: readonly Buffer[]): Promise<void> {
    const { disk, folder, spare } = this.#setup;
    const first = this.last + 1;
    const path = `${folder}/${segmentName(first)}`;
    const draft = `${path}.new`;
    const header = this.#setup.header(first);
    this.headerBytes = header.length;
    const reserved = chunks.length === 0 ? await spare?.take(draft) : undefined;
    if (reserved === undefined)
      await disk.unlink(draft).catch((error) => (isMissing(error) ? undefined : Promise.reject(error)));
    const file = reserved ?? (await disk.open(draft, 'create'));
    try {
      const size = await writeAll(file, [header, ...chunks], 0);
      if (reserved !== undefined) await file.truncate(size);
      await file.datasync();
      await this.close();
      await disk.rename(draft, path);
      await disk.syncFolder(folder);
      const segment = { first, path, size };
      // The one before has the same name if it held no passing yet; the new header has its session and numbers.
      if (this.segments.at(-1)?.first === first) this.segments.pop();
      this.segments.push(segment);
      this.#tail = file;
    } catch (error) {
      await file.close().catch(() => undefined);
      await disk.unlink(draft).catch(() => undefined);
      throw error;
    }
  }

  /** Truncates a failed write: a shorter one after it would leave its end in the file. */
  async #cutBack(): Promise<void> {
    try {
      await this.#tail?.truncate(this.segments.at(-1)!.size);
    } catch {
      // Then the file is never written again. What lies behind its durable size is void: the next segment begins with these seqs.
      await this.close();
    }
  }

  /** The next commit begins a segment. */
  async close(): Promise<void> {
    const tail = this.#tail;
    this.#tail = null;
    await tail?.close().catch(() => undefined);
  }
}

async function writeAll(file: DiskFile, chunks: readonly Buffer[], position: number): Promise<number> {
  let at = position;
  for (const chunk of chunks) {
    await file.write(chunk, at);
    at += chunk.length;
  }
  return at;
}

const BLOCK = 4096;

/** A file of blanks that reserves space: overwritten, it becomes the next segment on a full disk. */
export class Spare {
  bytes = 0;
  readonly #path: string;

  readonly #disk: Disk;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#path = `${folder}/spare`;
  }

  /** Makes it at least `bytes` long. */
  async fill(bytes: number): Promise<void> {
    if (this.bytes >= bytes) return;
    const wanted = Math.ceil(bytes / BLOCK) * BLOCK;
    const file = await this.#disk.open(this.#path, 'update').catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return this.#disk.open(this.#path, 'create');
    });
    try {
      // Blanks, not a hole: a hole has no blocks allocated.
      await file.write(Buffer.alloc(wanted, ' '), 0);
      this.bytes = wanted;
    } finally {
      await file.close();
    }
  }

  /** Renames it to `path` and opens it, to be overwritten and truncated; undefined where that fails. */
  async take(path: string): Promise<DiskFile | undefined> {
    if (this.bytes === 0) return undefined;
    this.bytes = 0;
    try {
      await this.#disk.rename(this.#path, path);
      return await this.#disk.open(path, 'update');
    } catch {
      return undefined;
    }
  }
}
