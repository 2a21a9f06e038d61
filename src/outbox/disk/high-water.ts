import { decodeLine, encodeLine, endOfLine, recordOf } from './codec.js';
import type { Disk, DiskFile } from './disk.js';
import { Mutex } from './mutex.js';

const SIZE = 1024;

/** The newest passing that was made durable, and the number after it. */
export interface Mark {
  readonly seq: number;
  readonly session: string;
  readonly next: number;
}

/**
 * high-water.dat: tells, where the end of the log is lost, that there was more. Written behind each commit and not synced: after a
 * power cut it may be old or torn, and then tells nothing; what it tells is true. ack.dat is synced, but only written when passings are
 * delivered: without network it may be a day old.
 */
export class HighWater {
  /** To be written next. */
  #wanted: Mark | null = null;
  readonly #writes = new Mutex();
  readonly #file: DiskFile | null;
  readonly found: Mark | null;

  private constructor(file: DiskFile | null, found: Mark | null) {
    this.#file = file;
    this.found = found;
  }

  static async open(disk: Disk, folder: string): Promise<HighWater> {
    const path = `${folder}/high-water.dat`;
    const exists = (await disk.list(folder)).includes('high-water.dat');
    // Without it there is one witness less.
    const file = await disk.open(path, exists ? 'update' : 'create').catch(() => null);
    const bytes = Buffer.alloc(SIZE, ' ');
    if (exists) await file?.read(bytes, 0).catch(() => 0);
    else await file?.write(bytes, 0).catch(() => undefined);
    const end = endOfLine(bytes, 0);
    const line = end === -1 ? null : decodeLine(bytes.subarray(0, end));
    return new HighWater(file, line === null ? null : { ...recordOf<Omit<Mark, 'seq'>>(line), seq: line.seq });
  }

  /** Not waited for: the newest one is written when the file is free. */
  note(mark: Mark): void {
    const isScheduled = this.#wanted !== null;
    this.#wanted = mark;
    if (!isScheduled) void this.#writes.run(() => this.#write());
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    await this.#file?.close();
  }

  async #write(): Promise<void> {
    const { seq, ...rest } = this.#wanted!;
    this.#wanted = null;
    const bytes = Buffer.alloc(SIZE, ' ');
    bytes.write(encodeLine(seq, JSON.stringify(rest)));
    await this.#file?.write(bytes, 0).catch(() => undefined);
  }
}
