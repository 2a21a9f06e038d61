import { endOfLine } from './codec.js';
import { codeOf, type DiskFile } from './disk.js';

const CHUNK = 256 * 1024;
const PAGE = 4096;
const NOTHING = Buffer.alloc(0);

/** The bytes of a segment up to a line feed (not included), or up to the end of the read. */
export interface RawLine {
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
