import { type Disk, type DiskFile, isMissing } from './disk.js';

const BLOCK = 4096;

/** A file of blanks that holds room: written over, it becomes another file where the disk has not a byte left. */
export class Spare {
  bytes = 0;
  readonly #path: string;

  readonly #disk: Disk;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#path = `${folder}/spare`;
  }

  /** Makes it at least so large. */
  async fill(bytes: number): Promise<void> {
    if (this.bytes >= bytes) return;
    const wanted = Math.ceil(bytes / BLOCK) * BLOCK;
    const file = await this.#disk.open(this.#path, 'update').catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return this.#disk.open(this.#path, 'create');
    });
    try {
      // Blanks, not a hole: a hole has no blocks of its own.
      await file.write(Buffer.alloc(wanted, ' '), 0);
      this.bytes = wanted;
    } finally {
      await file.close();
    }
  }

  /** Makes it the file at `path`, to be written from its beginning and truncated; undefined where that does not work. */
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
