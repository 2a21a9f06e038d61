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

/** What takes room in the folder. */
export interface Contents {
  readonly bytes: number;
  /** Bytes that are kept only as a backup, or not at all: what giving up all of it would make free. */
  readonly expendable: number;
  /** What the next commit may take besides its records. */
  readonly overhead: number;
  /** Gives up a part of what is expendable, the oldest; false if there is none, or it cannot be removed. Only between two commits. */
  giveUp(): Promise<boolean>;
  /** Runs this when no commit is under way, and no other before it is done. */
  betweenCommits(work: () => Promise<void>): Promise<void>;
}

const NOTHING: Contents = {
  bytes: 0,
  expendable: 0,
  overhead: 0,
  giveUp: async () => false,
  betweenCommits: (work) => work(),
};

/** What must fit again for a full disk to count as full no more. */
export const PROBE_BYTES = 32 * 1024;
const RECHECK_MS = 5_000;
/** How long an answer of the system about free space is believed, if there is plenty. */
const BELIEVED_MS = 1_000;
const PLENTY = 64 * 1024 * 1024;

/** The room the outbox may take, and whether appends go through. Full ends by itself: it is looked for with each commit, and every few seconds. */
export class Space {
  state: StorageState = 'ok';
  /** Nothing while the folder is read. */
  contents = NOTHING;
  #free: number | undefined;
  #asked = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;
  #closed = false;

  readonly #setup: SpaceSetup;

  constructor(setup: SpaceSetup) {
    this.#setup = setup;
  }

  /** What the outbox occupies. */
  get usedBytes(): number {
    return this.contents.bytes;
  }

  /** Resolves if `bytes` more may be written, after giving up backups where that helps. Only between two commits. */
  async admit(bytes: number): Promise<void> {
    for (;;) {
      const limit = await this.#lacks(bytes, 0);
      if (limit === null) return;
      const helps = (await this.#lacks(bytes, this.contents.expendable)) === null;
      if (helps && (await this.makeRoom())) continue;
      const error = this.#error(limit);
      this.full(error);
      throw error;
    }
  }

  /** True: something was given up, what failed may be tried again. Only between two commits. */
  makeRoom(): Promise<boolean> {
    this.#asked = Number.NEGATIVE_INFINITY;
    return this.contents.giveUp();
  }

  /** `bytes` were written. */
  committed(bytes: number): void {
    if (this.#free !== undefined) this.#free -= bytes;
    void this.recheck();
  }

  /** What a commit failed with, put as the caller shall see it. */
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

  /** Not for good, after all. */
  mended(): void {
    if (this.state === 'failed') this.#enter('ok', undefined);
  }

  /** Looks whether full is over. */
  async recheck(): Promise<void> {
    if (this.state !== 'full' || this.#closed) return;
    try {
      await this.contents.betweenCommits(() => this.admit(PROBE_BYTES));
      if (this.state === 'full') this.#enter('ok', undefined);
    } catch {
      this.#again();
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  /** The limit that `bytes` more would pass, if so much were given up before. */
  async #lacks(bytes: number, givenUp: number): Promise<string | null> {
    const { maxDiskBytes, minFreeBytes } = this.#setup;
    const more = bytes + this.contents.overhead - givenUp;
    if (this.usedBytes + more > maxDiskBytes) return `its limit of ${maxDiskBytes} bytes (maxDiskBytes)`;
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
    const { usedBytes } = this;
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
