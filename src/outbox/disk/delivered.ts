import type { Clock } from '../clock.js';
import { type Disk, isMissing } from './disk.js';
import { type Segment, segmentName } from './log.js';

interface BackupSegment extends Segment {
  /** Wall clock when its last passing was delivered. */
  readonly mtimeMs: number;
}

export interface DeliveredSetup {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly retain: { readonly ms: number; readonly maxBytes: number };
}

/** delivered/: segments that are kept as the local backup only, oldest first. A failure here loses no passing. */
export class Delivered {
  readonly segments: BackupSegment[];
  readonly #setup: DeliveredSetup;

  /** `segments`: those that the folder holds. */
  constructor(setup: DeliveredSetup, segments: BackupSegment[]) {
    this.#setup = setup;
    this.segments = segments;
  }

  get bytes(): number {
    return this.segments.reduce((sum, { size }) => sum + size, 0);
  }

  /** Takes over a segment of the log. */
  async take(segment: Segment): Promise<void> {
    const { disk, folder, clock } = this.#setup;
    const path = `${folder}/${segmentName(segment.first)}`;
    const mtimeMs = clock.wall();
    await disk.rename(segment.path, path);
    await disk.touch(path, mtimeMs).catch(() => undefined);
    this.segments.push({ first: segment.first, path, size: segment.size, mtimeMs });
    await this.sweep();
  }

  /** Gives up what is older, or more, than is to be retained. */
  async sweep(): Promise<void> {
    const { clock, retain } = this.#setup;
    const oldest = clock.wall() - retain.ms;
    while (this.segments.length > 0 && (this.segments[0]!.mtimeMs <= oldest || this.bytes > retain.maxBytes)) {
      if (!(await this.giveUp())) return;
    }
  }

  /** Gives up the oldest; false if there is none, or it cannot be removed. */
  async giveUp(): Promise<boolean> {
    const [oldest] = this.segments;
    if (oldest === undefined) return false;
    try {
      await this.#setup.disk.unlink(oldest.path);
    } catch (error) {
      if (!isMissing(error)) return false;
    }
    const index = this.segments.indexOf(oldest);
    if (index !== -1) this.segments.splice(index, 1);
    return true;
  }
}
