import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { FollowBatch, FollowCursor } from 'rufus-client';

interface Standing {
  readonly cursor: FollowCursor;
  readonly count: number;
}

/**
 * What was counted at each device and where its follower stands, in one file. Both change together, by a rename, so
 * that whatever happens the count belongs to the cursor. The file holds session tokens: it is readable by its owner only.
 */
export class Standings {
  readonly #file: string;
  readonly #devices: Map<string, Standing>;

  constructor(file: string) {
    this.#file = file;
    this.#devices = new Map(existsSync(file) ? Object.entries(JSON.parse(readFileSync(file, 'utf8'))) : []);
  }

  cursorOf(deviceid: string): FollowCursor | undefined {
    return this.#devices.get(deviceid)?.cursor;
  }

  countOf(deviceid: string): number {
    return this.#devices.get(deviceid)?.count ?? 0;
  }

  record(deviceid: string, { passings, cursor }: FollowBatch): void {
    this.#devices.set(deviceid, { cursor, count: this.countOf(deviceid) + passings.length });
    writeFileSync(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#devices)), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}
