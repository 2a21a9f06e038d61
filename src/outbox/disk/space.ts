import type { Clock } from '../clock.js';
import { OutboxFullError } from '../errors.js';
import type { Disk } from './disk.js';

export interface SpaceSetup {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly maxDiskBytes: number;
  readonly minFreeBytes: number;
  readonly used: () => number;
  /** Gives up the oldest segment that is kept only as a backup; false if there is none. */
  readonly giveUp: () => Promise<boolean>;
}

/** How long an answer of the system about free space is believed, if there is plenty. */
const BELIEVED_MS = 1_000;
const PLENTY = 64 * 1024 * 1024;

/** Watches that the outbox leaves the room it was told to leave. */
export class Space {
  private free: number | undefined;
  private asked = Number.NEGATIVE_INFINITY;

  constructor(private readonly setup: SpaceSetup) {}

  /** Resolves if `bytes` more may be written, after giving up backups where that helps. */
  async admit(bytes: number): Promise<void> {
    const { maxDiskBytes, minFreeBytes, used, giveUp } = this.setup;
    while (used() + bytes > maxDiskBytes) {
      if (!(await giveUp())) throw this.full(`its limit of ${maxDiskBytes} bytes (maxDiskBytes)`);
    }
    while ((await this.freeAfter(bytes)) < minFreeBytes) {
      if (!(await giveUp())) throw this.full(`the ${minFreeBytes} bytes to be left free on the volume (minFreeBytes)`);
      this.asked = Number.NEGATIVE_INFINITY;
    }
  }

  /** What the disk itself refused, in our words. */
  async refused(cause: unknown): Promise<OutboxFullError> {
    this.asked = Number.NEGATIVE_INFINITY;
    await this.freeAfter(0);
    return this.full('the end of the disk', cause);
  }

  private async freeAfter(bytes: number): Promise<number> {
    const { disk, folder, clock, minFreeBytes } = this.setup;
    const stale = clock.mono() - this.asked > BELIEVED_MS;
    if (stale || (this.free ?? Number.POSITIVE_INFINITY) - bytes < minFreeBytes + PLENTY) {
      this.free = await disk.free(folder).catch(() => undefined);
      this.asked = clock.mono();
    }
    if (this.free === undefined) return Number.POSITIVE_INFINITY;
    return this.free - bytes;
  }

  /** `bytes` were written since the system was asked. */
  spent(bytes: number): void {
    if (this.free !== undefined) this.free -= bytes;
  }

  private full(limit: string, cause?: unknown): OutboxFullError {
    const usedBytes = this.setup.used();
    const free = this.free === undefined ? '' : `, ${this.free} bytes are free`;
    return new OutboxFullError(`The outbox has reached ${limit}: it holds ${usedBytes} bytes${free}`, {
      usedBytes,
      freeBytes: this.free,
      cause,
    });
  }
}
