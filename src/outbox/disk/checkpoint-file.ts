import { decodeBlock, encodeBlock, type Line, recordOf } from './codec.js';
import type { Disk, DiskFile } from './disk.js';
import { Mutex } from './mutex.js';
import type { Checkpoint } from './records.js';

const SLOT = 4096;
/** A new file is filled with blanks, which a power cut at that moment may turn to zeros. */
const NOTHING = [0x20, 0];

/** What a slot of ack.dat holds. */
export interface CheckpointSlot extends Checkpoint {
  /** The newest durable passing when this was written: its number is taken, even if the log loses it later. */
  readonly durable: { readonly seq: number; readonly session: string | null; readonly next: number };
  /** The identity of the file: a copy of the folder has another one. null: not known. */
  readonly identity: string | null;
}

/**
 * ack.dat: two slots of 4 KiB, written in turn, so that a torn write leaves the other one. Both are allocated when the file is
 * made: a checkpoint needs no free space.
 */
export class CheckpointFile {
  #generation: number;
  readonly #writes = new Mutex();
  /** The write that has not started yet. */
  #next: Promise<void> | null = null;
  readonly #file: DiskFile;
  /** The newer good slot, as found; null if neither is. */
  readonly found: CheckpointSlot | null;
  /** One was written, and none is good. */
  readonly broken: boolean;
  /** The identity of this file, as in `CheckpointSlot`. */
  readonly identity: string | null;

  private constructor(file: DiskFile, newest: Line | null, isBlank: boolean, identity: string | null) {
    this.#file = file;
    this.#generation = newest?.seq ?? 0;
    this.found = newest && recordOf<CheckpointSlot>(newest);
    this.broken = newest === null && !isBlank;
    this.identity = identity;
  }

  static readonly BYTES = 2 * SLOT;

  static async open(disk: Disk, folder: string): Promise<CheckpointFile> {
    const path = `${folder}/ack.dat`;
    const exists = (await disk.list(folder)).includes('ack.dat');
    const file = await disk.open(path, exists ? 'update' : 'create');
    try {
      const bytes = Buffer.alloc(2 * SLOT);
      const length = exists ? await file.read(bytes, 0) : 0;
      if (length < bytes.length) {
        // Blanks, not a hole: a hole has no blocks allocated.
        await file.write(Buffer.alloc(bytes.length - length, ' '), length);
        await file.datasync();
        await disk.syncFolder(folder);
      }
      const slots = [0, SLOT].map((at) => decodeBlock(bytes.subarray(at, at + SLOT)));
      const newest = slots.reduce((a, b) => ((b?.seq ?? 0) > (a?.seq ?? 0) ? b : a));
      const { identity } = await disk.facts(path);
      const isBlank = bytes.subarray(0, length).every((byte) => NOTHING.includes(byte));
      return new CheckpointFile(file, newest, isBlank, identity);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Writes what `current` returns when the file is free; calls during a write share the next one.
   * Rejects as the disk does, and may be called again.
   */
  write(current: () => CheckpointSlot): Promise<void> {
    this.#next ??= this.#writes.run(() => {
      this.#next = null;
      return this.#put(current());
    });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    await this.#file.close();
  }

  async #put(slot: CheckpointSlot): Promise<void> {
    // The generation rises only with success: another try goes to the same slot, and the good one stays.
    const generation = this.#generation + 1;
    await this.#file.write(encodeBlock(SLOT, generation, slot), (generation % 2) * SLOT);
    await this.#file.datasync();
    this.#generation = generation;
  }
}
