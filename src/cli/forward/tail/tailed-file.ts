import { type FileHandle, open } from 'node:fs/promises';
import { type Line, LineSplitter } from '../../records/lines.js';
import { type RecordFormat, RecordReader } from '../../records/reader.js';
import { type Checkpoint, digestOf, type Passed, passed, WINDOW_BYTES } from './checkpoint.js';

const CHUNK_BYTES = 64 * 1024;
/** The file of rejected lines relies on it: what it reads at the start must hold a batch. */
const MAX_BATCH_LINES = 2_000;

/** Lines that are stored together, and where the file stands behind them. */
export interface Batch {
  readonly lines: readonly Line[];
  readonly checkpoint: Checkpoint;
}

/** Where to begin: at the start, or behind what was read before. */
export type Start = Pick<Checkpoint, 'offset' | 'generation' | 'before'>;

/** A file that is being read, under whatever name. */
export class TailedFile {
  readonly ino: string;
  readonly reader: RecordReader;
  readonly #handle: FileHandle;
  readonly #start: Start;
  readonly #splitter: LineSplitter;
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES + CHUNK_BYTES);
  /** The bytes before {@link #offset}: if they have changed, the file was truncated and written anew. */
  #window: Buffer;
  #offset: number;

  private constructor(handle: FileHandle, ino: string, start: Start, reader: RecordReader, window: Buffer) {
    this.#handle = handle;
    this.ino = ino;
    this.#start = start;
    this.reader = reader;
    this.#splitter = new LineSplitter(start.offset);
    this.#window = window;
    this.#offset = start.offset;
  }

  /** Undefined: the file of this name is another one by now. */
  static async open(path: string, ino: string, start: Start, format: RecordFormat): Promise<TailedFile | undefined> {
    const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (handle === undefined) return undefined;
    try {
      const stats = await handle.stat({ bigint: true });
      if (String(stats.ino) === ino) {
        const reader = await readerBehind(handle, start.offset, format);
        const window = Buffer.alloc(Math.min(start.offset, WINDOW_BYTES));
        const { bytesRead } = await handle.read(window, 0, window.length, start.offset - window.length);
        if (bytesRead === window.length) return new TailedFile(handle, ino, start, reader, window);
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  get generation(): number {
    return this.#start.generation;
  }

  /** The files before it, and this one. */
  async passed(): Promise<Passed> {
    const { mtimeNs } = await this.#handle.stat({ bigint: true });
    return passed(this.#start.before, this.ino, String(mtimeNs));
  }

  /** Bytes behind the last complete line. */
  get incomplete(): number {
    return this.#splitter.incomplete;
  }

  /** The lines that have become complete; `'end'`: there is no more; `'truncated'`: what was read is not there any more. */
  async read(): Promise<Batch[] | 'end' | 'truncated'> {
    const buffer = this.#buffer;
    const known = this.#window.length;
    const at = this.#offset - known;
    const { bytesRead } = await this.#handle.read(buffer, 0, known + CHUNK_BYTES, at);
    if (bytesRead < known || !buffer.subarray(0, known).equals(this.#window)) return 'truncated';
    if (bytesRead === known) return 'end';
    const lines = this.#splitter.push(buffer.subarray(known, bytesRead));
    this.#offset = at + bytesRead;
    this.#window = Buffer.from(buffer.subarray(Math.max(0, bytesRead - WINDOW_BYTES), bytesRead));
    if (lines.length === 0) return [];
    const { mtimeNs } = await this.#handle.stat({ bigint: true });
    const batches: Batch[] = [];
    for (let first = 0; first < lines.length; first += MAX_BATCH_LINES) {
      const batch = lines.slice(first, first + MAX_BATCH_LINES);
      const { end } = batch.at(-1)!;
      const window = buffer.subarray(Math.max(0, end - at - WINDOW_BYTES), end - at);
      const { generation, before } = this.#start;
      const digest = digestOf(window);
      const checkpoint = { ino: this.ino, offset: end, generation, modified: String(mtimeNs), before, digest };
      batches.push({ lines: batch, checkpoint });
    }
    return batches;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** A reader that knows what the file's first line says, where reading goes on in the middle. */
async function readerBehind(handle: FileHandle, offset: number, format: RecordFormat): Promise<RecordReader> {
  const reader = new RecordReader(format);
  const splitter = new LineSplitter();
  const chunk = Buffer.allocUnsafe(16 * 1024);
  for (let at = 0; at < offset && !reader.knowsLayout; ) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, offset - at), at);
    if (bytesRead === 0) break;
    at += bytesRead;
    for (const line of splitter.push(chunk.subarray(0, bytesRead))) if (!reader.knowsLayout) reader.read(line);
  }
  return reader;
}
