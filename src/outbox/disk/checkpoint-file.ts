import { decodeLine, encodeLine, endOfLine, recordOf } from './codec.js';
import type { Disk, DiskFile } from './disk.js';
import { Mutex } from './mutex.js';
import type { Checkpoint } from './records.js';

const SLOT = 4096;
/** Blanks are what it is made with, zeros what a power cut at that moment makes of them. */
const NOTHING = [0x20, 0];

/** What a slot of ack.dat holds. */
export interface CheckpointSlot extends Checkpoint {
  /** The newest durable passing when this was written: whatever the log looks like later, this one was there, and its number is taken. */
  readonly durable: { readonly seq: number; readonly session: string | null; readonly next: number };
  /** Which file this is: a copy of the folder has another one. null: not known. */
  readonly identity: string | null;
}

/**
 * ack.dat: two slots of 4 KiB, written in turn, so that a write that a power cut tears always leaves the other one.
 * Both are allocated when the file is made: a checkpoint needs no free space.
 */
export class CheckpointFile {
  #generation: number;
  readonly #writes = new Mutex();
  /** The write that has not begun. */
  #next: Promise<void> | null = null;
  readonly #file: DiskFile;
  readonly #synced: boolean;
  /** The newer good slot, as found; null if neither is. */
  readonly found: CheckpointSlot | null;
  /** Neither is good, though one was written. */
  readonly broken: boolean;
  /** What `CheckpointSlot.identity` is for this file. */
  readonly identity: string | null;

  private constructor(
    file: DiskFile,
    synced: boolean,
    found: CheckpointSlot | null,
    broken: boolean,
    generation: number,
    identity: string | null,
  ) {
    this.#file = file;
    this.#synced = synced;
    this.found = found;
    this.broken = broken;
    this.identity = identity;
    this.#generation = generation;
  }

  static readonly BYTES = 2 * SLOT;

  static async open(disk: Disk, folder: string, synced: boolean): Promise<CheckpointFile> {
    const path = `${folder}/ack.dat`;
    const exists = (await disk.list(folder)).includes('ack.dat');
    const file = await disk.open(path, exists ? 'update' : 'create');
    try {
      const bytes = Buffer.alloc(2 * SLOT);
      const length = exists ? await file.read(bytes, 0) : 0;
      if (length < bytes.length) {
        // Blanks, not a hole: a hole has no blocks of its own.
        await file.write(Buffer.alloc(bytes.length - length, ' '), length);
        if (synced) await file.datasync();
        if (synced) await disk.syncFolder(folder);
      }
      const slots = [0, SLOT].map((at) => readSlot(bytes.subarray(at, at + SLOT)));
      const newest = slots.reduce((a, b) => ((b?.seq ?? 0) > (a?.seq ?? 0) ? b : a));
      const { identity } = await disk.facts(path);
      const found = newest === null ? null : recordOf<CheckpointSlot>(newest);
      const broken = found === null && bytes.subarray(0, length).some((byte) => !NOTHING.includes(byte));
      return new CheckpointFile(file, synced, found, broken, newest?.seq ?? 0, identity);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Writes what `current` gives when the file is free; calls that come while a write is under way share the next one.
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
    // The generation moves on only with success: the next try then goes to the same slot, and the good one stays.
    const generation = this.#generation + 1;
    const line = Buffer.from(encodeLine(generation, JSON.stringify(slot)));
    if (line.length > SLOT) throw new Error(`A checkpoint of ${line.length} bytes does not fit its slot`);
    const bytes = Buffer.alloc(SLOT, ' ');
    line.copy(bytes);
    await this.#file.write(bytes, (generation % 2) * SLOT);
    if (this.#synced) await this.#file.datasync();
    this.#generation = generation;
  }
}

function readSlot(bytes: Buffer): ReturnType<typeof decodeLine> {
  const end = endOfLine(bytes, 0);
  return end === -1 ? null : decodeLine(bytes.subarray(0, end));
}
