import type { Clock } from '../clock.js';
import { OutboxFullError, StorageError } from '../errors.js';
import type { StorageState } from '../journal.js';
import { type Disk, isFull, isSystemError, reasonOf } from './disk.js';

export interface SpaceSetup {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly maxDiskBytes: number;
  readonly minFreeBytes: number;
  readonly changed: ((state: StorageState, cause: unknown) => void) | undefined;
}

/** What occupies space in the folder. */
export interface Contents {
  bytes(): number;
  /** Bytes that could be freed: backups, and what is no longer needed. */
  expendable(): number;
  /** Bytes that the next commit may need besides its records. */
  overhead(): number;
  /** Removes the oldest part of what is expendable; false if there is none, or it cannot be removed. Only between two commits. */
  giveUp(): Promise<boolean>;
  /** Runs `work` between two commits. */
  betweenCommits(work: () => Promise<void>): Promise<void>;
}

/** What must fit again before a full disk counts as no longer full. */
export const PROBE_BYTES = 32 * 1024;
const RECHECK_MS = 5_000;
/** How long the system's answer about free space is reused, if there is plenty. */
const BELIEVED_MS = 1_000;
const PLENTY = 64 * 1024 * 1024;

/** How much space the outbox may use, and the state of the storage. While it is full, it is checked after each commit and every few seconds. */
export class Space {
  state: StorageState = 'ok';
  /** Set at the end of opening: nothing is committed before that. */
  contents!: Contents;
  #free: number | undefined;
  #asked = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;
  #closed = false;

  readonly #setup: SpaceSetup;

  constructor(setup: SpaceSetup) {
    this.#setup = setup;
  }

  /** Resolves if `bytes` more may be written, after removing backups where that helps. Only between two commits. */
  async admit(bytes: number): Promise<void> {
    for (;;) {
      const limit = await this.#lacks(bytes, 0);
      if (limit === null) return;
      const helps = (await this.#lacks(bytes, this.contents.expendable())) === null;
      if (helps && (await this.makeRoom())) continue;
      const error = this.#error(limit);
      this.full(error);
      throw error;
    }
  }

  /** True: something was removed, a failed write may be tried again. Only between two commits. */
  makeRoom(): Promise<boolean> {
    this.#asked = Number.NEGATIVE_INFINITY;
    return this.contents.giveUp();
  }

  /** `bytes` were written. */
  committed(bytes: number): void {
    if (this.#free !== undefined) this.#free -= bytes;
    void this.recheck();
  }

  /** The error of a commit, as the caller of `append` gets it. */
  async explain(error: unknown): Promise<unknown> {
    if (isFull(error)) {
      this.#asked = Number.NEGATIVE_INFINITY;
      await this.#freeAfter(0);
      this.full(error);
      return this.#error('the end of the disk', error);
    }
    if (!isSystemError(error)) return error;
    this.failed(error);
    return storageError(error);
  }

  full(cause: unknown): void {
    if (this.state === 'failed') return;
    this.#enter('full', cause);
    this.#again();
  }

  failed(cause: unknown): void {
    this.#enter('failed', cause);
  }

  /** A write has succeeded again. */
  mended(): void {
    if (this.state === 'failed') this.#enter('ok', undefined);
  }

  /** Checks whether the storage is still full. */
  async recheck(): Promise<void> {
    if (this.state !== 'full' || this.#closed) return;
    try {
      await this.contents.betweenCommits(() => this.admit(PROBE_BYTES));
      if (this.state === 'full') this.#enter('ok', undefined);
    } catch {
      this.#again();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
  }

  /** The limit that `bytes` more would exceed, if `givenUp` bytes were removed before; null: none. */
  async #lacks(bytes: number, givenUp: number): Promise<string | null> {
    const { maxDiskBytes, minFreeBytes } = this.#setup;
    const more = bytes + this.contents.overhead() - givenUp;
    if (this.contents.bytes() + more > maxDiskBytes) return `its limit of ${maxDiskBytes} bytes (maxDiskBytes)`;
    if ((await this.#freeAfter(more)) < minFreeBytes)
      return `the ${minFreeBytes} bytes to be left free on the volume (minFreeBytes)`;
    return null;
  }

  async #freeAfter(bytes: number): Promise<number> {
    const { disk, folder, clock, minFreeBytes } = this.#setup;
    const stale = clock.mono() - this.#asked > BELIEVED_MS;
    if (stale || (this.#free ?? Number.POSITIVE_INFINITY) - bytes < minFreeBytes + PLENTY) {
      this.#free = await disk.free(folder).catch(() => undefined);
      this.#asked = clock.mono();
    }
    if (this.#free === undefined) return Number.POSITIVE_INFINITY;
    return this.#free - bytes;
  }

  #error(limit: string, cause?: unknown): OutboxFullError {
    const usedBytes = this.contents.bytes();
    const free = this.#free === undefined ? '' : `, ${this.#free} bytes are free`;
    return new OutboxFullError(`The outbox has reached ${limit}: it holds ${usedBytes} bytes${free}`, {
      usedBytes,
      freeBytes: this.#free,
      cause,
    });
  }

  #again(): void {
    this.#cancel?.();
    if (!this.#closed) this.#cancel = this.#setup.clock.after(RECHECK_MS, () => void this.recheck());
  }

  #enter(state: StorageState, cause: unknown): void {
    if (this.state === state) return;
    this.state = state;
    if (state !== 'full') this.#cancel?.();
    this.#setup.changed?.(state, cause);
  }
}

export function storageError(cause: unknown): StorageError {
  const message = `The disk failed for good: ${reasonOf(cause)}. Open the outbox again, or on another disk`;
  return new StorageError(message, { cause });
}
