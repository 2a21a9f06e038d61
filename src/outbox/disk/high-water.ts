import { decodeBlock, encodeBlock, recordOf } from './codec.js';
import type { Disk, DiskFile } from './disk.js';
import { Mutex } from './mutex.js';

const SIZE = 1024;

/** The newest durable passing, and the number after it. */
export interface Mark {
  readonly seq: number;
  readonly session: string;
  readonly next: number;
}

/**
 * high-water.dat: shows, where the end of the log is lost, that there was more. Written after each commit and not synced: after a
 * power cut it may be old or torn. A torn one is ignored; an old one is still true. ack.dat is synced, but written only when passings
 * are delivered: without network it may be a day old.
 */
export class HighWater {
  /** The next one to write. */
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
    // The outbox works without this file, with less protection.
    const file = await disk.open(path, exists ? 'update' : 'create').catch(() => null);
    const bytes = Buffer.alloc(SIZE, ' ');
    if (exists) await file?.read(bytes, 0).catch(() => 0);
    else await file?.write(bytes, 0).catch(() => undefined);
    const line = decodeBlock(bytes);
    return new HighWater(file, line === null ? null : { ...recordOf<Omit<Mark, 'seq'>>(line), seq: line.seq });
  }

  /** Written when the file is free, unless a newer one has replaced it by then. Not awaited; a failure is ignored. */
  note(mark: Mark): void {
    const isScheduled = this.#wanted !== null;
    this.#wanted = mark;
    if (!isScheduled) void this.#writes.run(() => this.#write()).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    await this.#file?.close();
  }

  async #write(): Promise<void> {
    const { seq, ...rest } = this.#wanted!;
    this.#wanted = null;
    await this.#file?.write(encodeBlock(SIZE, seq, rest), 0);
  }
}
