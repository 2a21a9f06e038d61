import { constants, type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Line } from '../records/lines.js';

/** What is read of the file's end at the start: more than one batch of lines can take, and only the last batch can come again. */
const TAIL_BYTES = 4 * 2 ** 20;
const LF = 10;

/** Where a line stands in a file that is followed: which one in the order of rotations, and where in it. */
export interface LinePlace {
  readonly generation: number;
  readonly offset: number;
}

export interface RejectedLine {
  readonly source: string;
  readonly reason: string;
  readonly line: Line;
  /** Undefined where the input has no places: the line cannot come again by itself. */
  readonly place: LinePlace | undefined;
}

/** The file that keeps the lines which became no passing: JSON lines, synced before anybody is told. */
export class RejectedFile {
  readonly path: string;
  readonly #file: FileHandle;
  /** Lines that were there at the start: a kill may have come between them and the position of their source. */
  readonly #known: ReadonlySet<string>;
  #size: number;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, file: FileHandle, size: number, known: ReadonlySet<string>) {
    this.path = path;
    this.#file = file;
    this.#size = size;
    this.#known = known;
  }

  /** Opens it, or makes it; an entry that was cut short by a crash is taken away. */
  static async open(path: string): Promise<RejectedFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - TAIL_BYTES);
      const tail = Buffer.alloc(size - start);
      await file.read(tail, 0, tail.length, start);
      const end = start + tail.lastIndexOf(LF) + 1;
      const whole = end === size ? size : await mended(file, tail.subarray(end - start), end);
      await syncFolder(dirname(path));
      return new RejectedFile(path, file, whole, new Set(placesIn(tail.toString('utf8'))));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Resolves when they are on disk. Those that were already are not written again. If it fails, nothing was written. */
  write(lines: readonly RejectedLine[]): Promise<void> {
    const written = this.#last.then(() => this.#append(lines));
    this.#last = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }

  /** What is no file, such as /dev/null, has nothing to sync. */
  async #sync(): Promise<void> {
    await this.#file.datasync().catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EINVAL') throw error;
    });
  }

  async #append(lines: readonly RejectedLine[]): Promise<void> {
    const fresh = lines.filter(({ source, place }) => place === undefined || !this.#known.has(keyOf(source, place)));
    if (fresh.length === 0) return;
    const time = new Date().toISOString();
    const bytes = Buffer.from(fresh.map((line) => `${JSON.stringify(entryOf(line, time))}\n`).join(''));
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await this.#file.write(bytes, done, bytes.length - done, this.#size + done)).bytesWritten;
      }
      await this.#sync();
    } catch (error) {
      await this.#file.truncate(this.#size).catch(() => {});
      throw error;
    }
    this.#size += bytes.length;
  }
}

/** `line` is what people search for; `base64` is there where text cannot hold what came. */
function entryOf({ source, reason, line, place }: RejectedLine, time: string): object {
  if (line.text !== undefined) return { time, source, ...place, reason, line: line.text };
  const { bytes, start, end } = line;
  return {
    time,
    source,
    ...place,
    reason,
    line: bytes.toString('utf8'),
    base64: bytes.toString('base64'),
    bytes: end - start,
  };
}

const keyOf = (source: string, { generation, offset }: LinePlace): string => `${generation}:${offset}:${source}`;

function* placesIn(text: string): Generator<string> {
  for (const line of text.split('\n')) {
    // The first one may be the end of a longer one, and what people have added is theirs.
    if (!line.startsWith('{"time":') || !line.endsWith('}')) continue;
    try {
      const { source, generation, offset } = JSON.parse(line) as Record<string, unknown>;
      if (typeof source === 'string' && typeof generation === 'number' && typeof offset === 'number') {
        yield keyOf(source, { generation, offset });
      }
    } catch {}
  }
}

/** The file ends in the middle of a line: what is ours is taken away, what is not is given its line break. Where the next entry goes. */
async function mended(file: FileHandle, rest: Buffer, end: number): Promise<number> {
  const ours = Buffer.from('{"time":');
  if (rest.subarray(0, ours.length).equals(ours.subarray(0, rest.length))) {
    await file.truncate(end);
    return end;
  }
  await file.write('\n', end + rest.length);
  return end + rest.length + 1;
}

/** Not on Windows, where folders cannot be opened. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
