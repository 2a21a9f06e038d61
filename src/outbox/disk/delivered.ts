import type { Clock } from '../clock.js';
import { type Disk, isMissing } from './disk.js';
import { firstOf, type Segment, segmentName } from './log.js';

interface BackupSegment extends Segment {
  /** Wall clock when its last passing was delivered. */
  readonly since: number;
}

/** delivered/: segments that are segments only as the local backup, oldest first. Whatever goes wrong here loses no passing. */
export class Delivered {
  readonly segments: BackupSegment[] = [];

  readonly #disk: Disk;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #retain: { readonly ms: number; readonly maxBytes: number };

  private constructor(
    disk: Disk,
    folder: string,
    clock: Clock,
    retain: { readonly ms: number; readonly maxBytes: number },
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.#clock = clock;
    this.#retain = retain;
  }

  static async open(
    disk: Disk,
    folder: string,
    clock: Clock,
    retain: { readonly ms: number; readonly maxBytes: number },
  ): Promise<Delivered> {
    const delivered = new Delivered(disk, folder, clock, retain);
    for (const name of await disk.list(folder)) {
      const first = firstOf(name);
      if (first === null) continue;
      const path = `${folder}/${name}`;
      const { size, mtimeMs } = await disk.facts(path);
      delivered.segments.push({ first, path, size, since: mtimeMs });
    }
    delivered.segments.sort((a, b) => a.first - b.first);
    return delivered;
  }

  get bytes(): number {
    return this.segments.reduce((sum, { size }) => sum + size, 0);
  }

  /** Takes over a segment of the log. */
  async take(segment: Segment): Promise<void> {
    const path = `${this.#folder}/${segmentName(segment.first)}`;
    const since = this.#clock.wall();
    await this.#disk.rename(segment.path, path);
    await this.#disk.touch(path, since).catch(() => undefined);
    this.segments.push({ first: segment.first, path, size: segment.size, since });
    await this.sweep();
  }

  /** Gives up what is older, or more, than is to be retained. */
  async sweep(): Promise<void> {
    const oldest = this.#clock.wall() - this.#retain.ms;
    while (this.segments.length > 0 && (this.segments[0]!.since <= oldest || this.bytes > this.#retain.maxBytes)) {
      if (!(await this.giveUp())) return;
    }
  }

  /** Gives up the oldest; false if there is none, or it cannot be removed. */
  async giveUp(): Promise<boolean> {
    const [oldest] = this.segments;
    if (oldest === undefined) return false;
    try {
      await this.#disk.unlink(oldest.path);
    } catch (error) {
      if (!isMissing(error)) return false;
    }
    const index = this.segments.indexOf(oldest);
    if (index !== -1) this.segments.splice(index, 1);
    return true;
  }
}
