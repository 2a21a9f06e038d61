import type { KV } from '@nats-io/kv';
import type { FollowCursor } from '../types.js';
import { encoded } from './names.js';
import type { Mark } from './store.js';
import { CODES, codeOf } from './trouble.js';

/** Where a device stood after its newest batch, kept beyond the day on which that batch leaves the stream. */
export interface Kept extends Mark {
  readonly deviceid: string;
  readonly cursor: FollowCursor;
  /** Timestamp of the newest passing. */
  readonly lastPassingAt: string | null;
}

/**
 * The second place of a device's cursor. The first is its newest batch in the stream, which counts as long as it is there;
 * this one counts once the stream's limits have taken that batch, and only then: see {@link DeviceLog.position}.
 */
export class KeptCursor {
  readonly #bucket: KV;
  readonly #key: string;
  #revision = 0;
  #wanted: Kept | undefined;
  #writing: Promise<void> | undefined;

  constructor(bucket: KV, deviceid: string) {
    this.#bucket = bucket;
    this.#key = encoded(deviceid);
  }

  async read(): Promise<Kept | undefined> {
    const entry = await this.#bucket.get(this.#key);
    this.#revision = entry?.revision ?? 0;
    return entry === null || entry.operation !== 'PUT' ? undefined : entry.json<Kept>();
  }

  /** Written behind the caller's back, the newest of several only. */
  write(kept: Kept): void {
    this.#wanted = kept;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when what was to be written is, or cannot be. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#wanted !== undefined) {
      const kept = this.#wanted;
      this.#wanted = undefined;
      await this.#writeOne(kept).catch(() => {
        // The next batch brings the next one, and whoever takes the device over writes what is missing.
      });
    }
  }

  async #writeOne(kept: Kept): Promise<void> {
    try {
      this.#revision = await this.#put(kept);
    } catch (error) {
      if (codeOf(error) !== CODES.wrongLastSequence) throw error;
      // Somebody else has written: a reader that took this device over, or the one before, which was late.
      const there = await this.read();
      if (there === undefined || there.seq < kept.seq) this.#revision = await this.#put(kept);
    }
  }

  #put(kept: Kept): Promise<number> {
    return this.#bucket.put(this.#key, JSON.stringify(kept), { previousSeq: this.#revision });
  }
}
