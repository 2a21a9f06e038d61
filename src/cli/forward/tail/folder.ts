import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { type Checkpoint, digestOf, type Passed, WINDOW_BYTES } from './checkpoint.js';

/** A file beside the one that is followed, or that one itself. */
export interface FileEntry {
  readonly path: string;
  readonly ino: string;
  readonly size: number;
  readonly modified: bigint;
  readonly born: bigint;
}

const LF = 10;
/** What rotation puts behind a name where nothing else is known: numbers, dates, times. */
const SUFFIX = /^[-_.][-_.+:TZ\d]*\d[-_.+:TZ\d]*$/i;

/** The folder of a file that is followed: what the file is called now, and what came after it. */
export class RotationFolder {
  readonly path: string;
  readonly #name: string;
  readonly #stem: string;

  constructor(path: string) {
    this.path = path;
    this.#name = basename(path);
    this.#stem = basename(path, extname(path));
  }

  /** The file that has the name now. */
  async current(): Promise<FileEntry | undefined> {
    return entryOf(this.path);
  }

  /** The files that have the name, or had it, as far as names tell. */
  async files(): Promise<FileEntry[]> {
    const names = await readdir(dirname(this.path)).catch(() => []);
    const related = names.filter((name) => name.startsWith(this.#stem));
    const entries = await Promise.all(related.map((name) => entryOf(join(dirname(this.path), name))));
    return entries.filter((entry) => entry !== undefined);
  }

  /** Any file of the folder with this inode: whoever renames it may call it what he likes. */
  async byInode(ino: string): Promise<FileEntry | undefined> {
    // Twice: it may get another name while it is looked for.
    for (let attempt = 0; attempt < 2; attempt++) {
      for (const name of await readdir(dirname(this.path)).catch(() => [])) {
        const entry = await entryOf(join(dirname(this.path), name));
        if (entry?.ino === ino) return entry;
      }
    }
    return undefined;
  }

  /**
   * The next file to read: the oldest rotated one that is not older than those that were passed, else the one that has the name.
   * `renamed`: what rotation has called the last one that was passed; the others are called alike.
   */
  successor(
    files: readonly FileEntry[],
    { modified, inodes }: Passed,
    renamed: FileEntry | undefined,
  ): FileEntry | undefined {
    const isRotated = this.#rotationOf(renamed);
    const rotated = files.filter((file) => {
      const isPassed = file.modified === BigInt(modified) && inodes.includes(file.ino);
      return file.size > 0 && file.modified >= BigInt(modified) && !isPassed && isRotated(basename(file.path));
    });
    const byName = orderOfNames(rotated, renamed);
    rotated.sort(
      (one, other) => compare(one.modified, other.modified) || compare(one.born, other.born) || byName(one, other),
    );
    return rotated[0] ?? files.find(({ path, size }) => path === this.path && size > 0);
  }

  /** Which names rotation gives: like that one but for its digits. A neighbour such as finish2.csv is another program's. */
  #rotationOf(renamed: FileEntry | undefined): (name: string) => boolean {
    if (renamed === undefined || renamed.path === this.path) {
      return (name) => name.startsWith(this.#name) && SUFFIX.test(name.slice(this.#name.length));
    }
    const parts = basename(renamed.path).split(/\d+/);
    const like = new RegExp(`^${parts.map((part) => part.replace(/[^\w\s]/g, '\\$&')).join('\\d+')}$`);
    return (name) => parts.length > 1 && name !== this.#name && like.test(name);
  }
}

/**
 * The order of files that were written in the same tick of the clock, oldest first, by the numbers in their names. Where each
 * rotation counts all of them up, the higher number is the older; dates and counters that go on are the other way round. What was
 * read before is older than all of them, and shows which it is.
 */
function orderOfNames(
  files: readonly FileEntry[],
  renamed: FileEntry | undefined,
): (one: FileEntry, other: FileEntry) => number {
  const [first] = files;
  const countsUp =
    renamed === undefined || first === undefined ? !/\d{6}/.test(first?.path ?? '') : byNumbers(first, renamed) < 0;
  return countsUp ? (one, other) => byNumbers(other, one) : byNumbers;
}

function byNumbers({ path: one }: FileEntry, { path: other }: FileEntry): number {
  const [ones, others] = [one, other].map((path) => (basename(path).match(/\d+/g) ?? []).map(BigInt)) as [
    bigint[],
    bigint[],
  ];
  for (const [index, number] of ones.entries()) {
    const order = compare(number, others[index] ?? -1n);
    if (order !== 0) return order;
  }
  return 0;
}

/** Whether a file has, before the checkpoint's offset, what was read there. `asCopy`: beyond doubt, though it is another file. */
export async function holds(file: FileEntry, { offset, digest }: Checkpoint, asCopy: boolean): Promise<boolean> {
  if (file.size < offset) return false;
  const window = await bytesBefore(file.path, offset).catch(() => undefined);
  if (window === undefined || digestOf(window) !== digest) return false;
  // All files of a program may begin with the same header.
  return !asCopy || window.length === WINDOW_BYTES || window.indexOf(LF) < window.length - 1;
}

async function bytesBefore(path: string, offset: number): Promise<Buffer | undefined> {
  const length = Math.min(offset, WINDOW_BYTES);
  const handle = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset - length);
    return bytesRead === length ? buffer : undefined;
  } finally {
    await handle.close();
  }
}

async function entryOf(path: string): Promise<FileEntry | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    if (!stats.isFile()) return undefined;
    const { ino, size, mtimeNs, birthtimeNs } = stats;
    return { path, ino: String(ino), size: Number(size), modified: mtimeNs, born: birthtimeNs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const compare = (one: bigint, other: bigint): number => (one < other ? -1 : one > other ? 1 : 0);
