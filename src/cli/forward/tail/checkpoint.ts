import { createHash } from 'node:crypto';
import { CommandError } from '../../command-error.js';

/** How many bytes before a position tell whether a file still is the one that was read up to there. */
export const WINDOW_BYTES = 256;

/** Where reading stands: behind a line of a file. Stored with the passings of that line. */
export interface Checkpoint {
  /** The file's inode: it stays when the file is renamed. */
  readonly ino: string;
  /** Behind the last line that was taken, in bytes. */
  readonly offset: number;
  /** How many times a file has been begun at its start. */
  readonly generation: number;
  /** When the file was written to last, in nanoseconds: files that came after it are newer, or as new. */
  readonly modified: string;
  /** The files before this one. */
  readonly before: Passed;
  /** A digest of the bytes before `offset`, {@link WINDOW_BYTES} of them at most. */
  readonly digest: string;
}

/** Files that were read to their end. */
export interface Passed {
  /** When the last one was written to last, in nanoseconds. */
  readonly modified: string;
  /** The inodes of it and of those that were written to in the same tick of the file system's clock. */
  readonly inodes: readonly string[];
}

export const NOTHING_PASSED: Passed = { modified: '0', inodes: [] };

/** With one more. */
export function passed({ inodes, ...before }: Passed, ino: string, modified: string): Passed {
  return { modified, inodes: before.modified === modified ? [...inodes, ino] : [ino] };
}

const FORMAT = 1;

export function encodeCheckpoint({ ino, offset, generation, modified, before, digest }: Checkpoint): string {
  return JSON.stringify([FORMAT, ino, offset, generation, digest, modified, before.modified, ...before.inodes]);
}

/** @throws CommandError - something else has stored it */
export function decodeCheckpoint(position: string | number): Checkpoint {
  try {
    const [format, ino, offset, generation, digest, modified, ...before] = JSON.parse(String(position)) as unknown[];
    const isKnown = format === FORMAT && Number.isSafeInteger(offset) && Number.isSafeInteger(generation);
    if (isKnown && [ino, digest, modified, ...before].every((part) => typeof part === 'string')) {
      const [lastModified, ...inodes] = before;
      return { ino, offset, generation, digest, modified, before: { modified: lastModified, inodes } } as Checkpoint;
    }
  } catch {}
  throw new CommandError('The outbox holds a position of this file that this version cannot read: update rufus.');
}

export function digestOf(window: Uint8Array): string {
  return createHash('sha256').update(window).digest('base64url').slice(0, 22);
}
