import { codeOf, type Disk, type DiskFile, isFull } from './disk.js';
import type { Spare } from './spare.js';

/** A segment of this size takes no further commit. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;
/** Less is not worth a new segment. */
const WORTH_WHILE = 1024;

export interface Segment {
  /** The seq of its first passing, which is also its name. */
  readonly first: number;
  readonly path: string;
  /** What of it is durable; nothing behind it is ever read. */
  size: number;
}

const DIGITS = 16;
export const segmentName = (first: number): string => `${String(first).padStart(DIGITS, '0')}.log`;
export const firstOf = (name: string): number | null =>
  /^\d{16}\.log$/.test(name) ? Number(name.slice(0, DIGITS)) : null;

/** Where the next commit goes. */
interface Tail {
  readonly segment: Segment;
  readonly file: DiskFile;
}

export interface LogSetup {
  readonly disk: Disk;
  readonly folder: string;
  /** False: 'os', nothing is synced. */
  readonly synced: boolean;
  /** Default 4 MiB. */
  readonly segmentBytes?: number | undefined;
  /** The first line of a segment that begins with `seq`: what everything before adds up to. */
  readonly header: (seq: number) => Buffer;
  /** Kept filled, so that `renew` takes no free space. */
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
  #tail: Tail | null;

  readonly #setup: LogSetup;

  constructor(setup: LogSetup) {
    this.#setup = setup;
    this.segments = [...setup.segments];
    this.last = setup.last;
    this.headerBytes = setup.header(this.last + 1).length;
    const newest = this.segments.at(-1);
    this.#tail = setup.tail !== null && newest !== undefined ? { segment: newest, file: setup.tail } : null;
  }

  get bytes(): number {
    return this.#inSegments + (this.#setup.spare?.bytes ?? 0);
  }

  /** Bytes that `renew` would make free; 0 where that is not worth while. */
  get renewable(): number {
    const gain = this.#inSegments - this.headerBytes;
    return gain < WORTH_WHILE ? 0 : gain;
  }

  /** Whether this segment may still grow. */
  isTail(segment: Segment): boolean {
    return segment === this.segments.at(-1);
  }

  /**
   * Durable when it resolves; `last` is the seq of the newest record in it. When it rejects, nothing of it will ever count:
   * a full disk may be tried again; of another failure one is survived, in a new segment, and the second is final (`failure`).
   */
  async commit(chunks: readonly Buffer[], last: number): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    try {
      await this.#put(chunks).catch(async (error: unknown) => {
        if (isFull(error)) throw error;
        // After a failed sync the kernel may hold the pages for clean: a second sync of this file would prove nothing.
        await this.#leaveTail();
        await this.#put(chunks);
      });
    } catch (error) {
      if (isFull(error)) await this.#cutBack();
      else {
        this.failure = error;
        await this.#leaveTail();
      }
      throw error;
    }
    this.last = last;
  }

  /** Durably: what is removed after this one does not go before it. */
  async remove(segment: Segment): Promise<void> {
    const { disk, folder, synced } = this.#setup;
    await disk.unlink(segment.path);
    this.forget(segment);
    if (synced) await disk.syncFolder(folder);
  }

  /** The segment went elsewhere. */
  forget(segment: Segment): void {
    const index = this.segments.indexOf(segment);
    if (index !== -1) this.segments.splice(index, 1);
  }

  /**
   * Goes on in a segment that holds nothing but its header, and removes all others: none of what they hold may be needed any more.
   * Only between two commits. When it rejects, the log is as it was, but for segments that may be gone.
   */
  async renew(): Promise<void> {
    await this.#begin([]);
    for (const segment of this.segments.slice(0, -1)) await this.remove(segment);
  }

  /** Fills the spare, where there is room. */
  async reserve(): Promise<void> {
    await this.#setup.spare?.fill(2 * this.headerBytes).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#leaveTail();
  }

  async #put(chunks: readonly Buffer[]): Promise<void> {
    if (this.#tail === null || this.#tail.segment.size >= (this.#setup.segmentBytes ?? SEGMENT_BYTES))
      return this.#begin(chunks);
    const { segment, file } = this.#tail;
    const end = await writeAll(file, chunks, segment.size);
    if (this.#setup.synced) await file.datasync();
    segment.size = end;
  }

  get #inSegments(): number {
    return this.segments.reduce((sum, segment) => sum + segment.size, 0);
  }

  /** A segment gets its name only once its first commit is durable, so that none is ever found without its header. */
  async #begin(chunks: readonly Buffer[]): Promise<void> {
    const { disk, folder, synced, spare } = this.#setup;
    const first = this.last + 1;
    const path = `${folder}/${segmentName(first)}`;
    const draft = `${path}.new`;
    const header = this.#setup.header(first);
    this.headerBytes = header.length;
    const reserved = chunks.length === 0 ? await spare?.take(draft) : undefined;
    if (reserved === undefined) await disk.unlink(draft).catch(ignoreMissing);
    const file = reserved ?? (await disk.open(draft, 'create'));
    try {
      const size = await writeAll(file, [header, ...chunks], 0);
      if (reserved !== undefined) await file.truncate(size);
      if (synced) await file.datasync();
      await this.#leaveTail();
      await disk.rename(draft, path);
      if (synced) await disk.syncFolder(folder);
      const segment = { first, path, size };
      // One of the same name held no passing yet; its session and numbers are in the new header.
      if (this.segments.at(-1)?.first === first) this.segments.pop();
      this.segments.push(segment);
      this.#tail = { segment, file };
    } catch (error) {
      await file.close().catch(() => undefined);
      await disk.unlink(draft).catch(() => undefined);
      throw error;
    }
  }

  /** Takes a failed write off the tail before the next one: shorter, that would leave the end of this one behind it. */
  async #cutBack(): Promise<void> {
    if (this.#tail === null) return;
    try {
      await this.#tail.file.truncate(this.#tail.segment.size);
    } catch {
      // Then never write here again. What is behind the durable size is void: its seqs begin the next segment.
      await this.#leaveTail();
    }
  }

  async #leaveTail(): Promise<void> {
    const tail = this.#tail;
    this.#tail = null;
    await tail?.file.close().catch(() => undefined);
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

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}
