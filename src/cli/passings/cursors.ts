// Where each device has been read to. Lines of JSON, the last one of a device counts: a line is appended for each passing,
// which neither a kill nor a power cut can turn into a wrong one, and the file is written anew when it has grown.
import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import type { FollowBatch, FollowCursor } from 'rufus-client';
import { CommandError } from '../command-error.js';

/** null: from the first passing of the device's newest session. */
export type Cursor = FollowCursor | null;

const MAX_BYTES = 1024 * 1024;

export class CursorFile {
  readonly #file: string;
  readonly #cursors: Map<string, Cursor>;
  #descriptor: number;
  #bytes = 0;

  /** @throws {CommandError} where the file holds something else */
  constructor(file: string) {
    this.#file = file;
    this.#cursors = read(file);
    this.isOld = this.#cursors.size > 0;
    this.#descriptor = this.#rewrite();
  }

  /** An earlier run has written to it. */
  readonly isOld: boolean;

  /** Undefined for a device that it does not know. */
  get(deviceid: string): Cursor | undefined {
    return this.#cursors.get(deviceid);
  }

  /** Outlives a kill as soon as it returns, and a power cut after `sync`. */
  set(deviceid: string, cursor: Cursor): void {
    this.#cursors.set(deviceid, cursor);
    this.#bytes += writeSync(this.#descriptor, line(deviceid, cursor));
    if (this.#bytes <= MAX_BYTES) return;
    closeSync(this.#descriptor);
    this.#descriptor = this.#rewrite();
  }

  sync(): void {
    fsyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Under another name first: the old file is there until the new one is complete. */
  #rewrite(): number {
    const draft = `${this.#file}.part`;
    // A cursor names a session, as secret as the session itself.
    const descriptor = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
    const lines = [...this.#cursors].map(([deviceid, cursor]) => line(deviceid, cursor)).join('');
    writeSync(descriptor, lines);
    fsyncSync(descriptor);
    renameSync(draft, this.#file);
    this.#bytes = 0;
    return descriptor;
  }
}

const line = (deviceid: string, cursor: Cursor): string => `${JSON.stringify({ deviceid, cursor })}\n`;

function read(file: string): Map<string, Cursor> {
  const cursors = new Map<string, Cursor>();
  const lines = textOf(file).split('\n');
  // What is behind the last line break was cut off in the middle.
  for (const each of lines.slice(0, -1)) {
    const { deviceid, cursor } = parsed(each, file);
    cursors.set(deviceid, cursor);
  }
  return cursors;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function parsed(text: string, file: string): { deviceid: string; cursor: Cursor } {
  try {
    const { deviceid, cursor } = JSON.parse(text);
    // What a cursor holds is checked by whoever follows.
    if (typeof deviceid === 'string' && typeof cursor === 'object') return { deviceid, cursor };
  } catch {
    // Told below.
  }
  throw new CommandError(`${file} is no file of cursors, or is damaged. Remove it to begin anew, or name another.`);
}

/** Where a follower stands when only the first `count` passings of the batch are dealt with. */
export function cursorWithin({ passings, cursor, late }: FollowBatch, count: number): FollowCursor {
  if (count === passings.length) return cursor;
  const { token_session, last, holes = [] } = cursor;
  if (late) {
    const waiting = passings.slice(count).map(({ num_passing }) => [num_passing, num_passing] as const);
    return { token_session, last, holes: [...holes, ...waiting].sort(([a], [b]) => a - b) };
  }
  const reached = passings[count - 1]!.num_passing;
  const before = holes.filter(([, until]) => until < reached);
  return { token_session, last: reached, ...(before.length > 0 && { holes: before }) };
}

/** Where a follower stands that has been given just these numbers. */
export function cursorBehind(token_session: string, numbers: readonly number[]): Cursor {
  const ascending = [...numbers].sort((a, b) => a - b);
  const last = ascending.at(-1);
  if (last === undefined) return null;
  const holes: [number, number][] = [];
  let expected = 1;
  for (const number of ascending) {
    if (number > expected) holes.push([expected, number - 1]);
    expected = Math.max(expected, number + 1);
  }
  return { token_session, last, ...(holes.length > 0 && { holes }) };
}
