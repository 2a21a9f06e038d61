import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import type { FollowBatch, FollowCursor } from 'rufus-client';
import type { Store } from './store.js';

interface Line {
  readonly deviceid: string;
  readonly cursor: FollowCursor;
  readonly token_session: string;
  readonly passings: readonly { readonly num_passing: number; readonly bib: string; readonly timestamp: string }[];
}

/**
 * A file of JSON lines. A batch is a line with its cursor, so it is there as a whole or not at all: what a crash left
 * of a last line is cut off at the start.
 */
export class JournalStore implements Store {
  readonly name = 'a journal of JSON lines';
  readonly #file: string;
  readonly #cursors = new Map<string, FollowCursor>();
  readonly #keys = new Set<string>();
  #rows = 0;

  constructor(file: string) {
    this.#file = file;
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
    for (const line of whole.split('\n').slice(0, -1)) this.#take(JSON.parse(line));
  }

  cursorOf(deviceid: string): FollowCursor | undefined {
    return this.#cursors.get(deviceid);
  }

  save(deviceid: string, { passings, token_session, cursor }: FollowBatch): void {
    const rows = passings.map(({ num_passing, bib, timestamp }) => ({ num_passing, bib, timestamp }));
    const line: Line = { deviceid, cursor, token_session, passings: rows };
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`, { mode: 0o600, flush: true });
    this.#take(line);
  }

  count(): { rows: number; different: number } {
    return { rows: this.#rows, different: this.#keys.size };
  }

  close(): void {}

  #take({ deviceid, cursor, token_session, passings }: Line): void {
    this.#cursors.set(deviceid, cursor);
    this.#rows += passings.length;
    for (const { num_passing } of passings) this.#keys.add(`${token_session} ${num_passing}`);
  }
}
