import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  stat,
  statfs,
  unlink,
  utimes,
} from 'node:fs/promises';
import { dirname } from 'node:path';

// What the outbox needs of a file system: small enough for a model in memory that loses what was not synced, to test power cuts.

export interface DiskFile {
  /** Reads up to the buffer's length from `position`; returns the bytes read, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all of it at `position`. Never appends: a repeated write overwrites the rest of the first one. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** The content survives a power cut once this resolves; the file's name does only after `syncFolder`. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileFacts {
  readonly size: number;
  readonly mtimeMs: number;
  /** Distinguishes this file from a copy of it; null where the file system has no inode numbers. */
  readonly identity: string | null;
}

export interface Disk {
  /** `create`: must not exist, mode 0600. `update`: must exist. `read`: must exist, not for writing. */
  open(path: string, mode: 'create' | 'update' | 'read'): Promise<DiskFile>;
  /** With missing parents, mode 0700; fine if it exists. Returns the path without symbolic links. */
  folder(path: string): Promise<string>;
  list(path: string): Promise<string[]>;
  facts(path: string): Promise<FileFacts>;
  touch(path: string, mtimeMs: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Names made, changed and removed in this folder survive a power cut once this resolves. */
  syncFolder(path: string): Promise<void>;
  /** Bytes that this user may still write to the volume; undefined where the system does not tell. */
  free(path: string): Promise<number | undefined>;
}

export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** An error of the operating system, not of this code. */
export const isSystemError = (error: unknown): error is Error => error instanceof Error && 'syscall' in error;

/** The message of the system, with what to do where it is not plain. */
export function reasonOf(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  if (codeOf(error) !== 'EROFS') return said;
  return `its file system is read-only (${said}). Mount it for writing, or use another one; a card that the system has made read-only after errors should be replaced`;
}

/** No space: waiting or removing something may help. Any other failure of a write means that the disk itself fails. */
export const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '');
export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

/** As `mkdir -p`. Node's `recursive` reports ENOENT where the file system is read-only. */
async function makeFolder(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if (!isMissing(error) || parent === path) throw error;
    await makeFolder(parent);
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

/** The same disk, for durability 'os': nothing is synced. */
export const unsynced = (disk: Disk): Disk => ({
  ...disk,
  open: async (path, mode) => Object.assign(await disk.open(path, mode), { datasync: async () => {} }),
  syncFolder: async () => {},
});

const FLAGS = { create: 'wx+', update: 'r+', read: 'r' } as const;

const nodeFile = (handle: FileHandle): DiskFile => ({
  read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
  async write(bytes, position) {
    for (let done = 0; done < bytes.length; ) {
      done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  },
  truncate: (size) => handle.truncate(size),
  datasync: () => handle.datasync(),
  close: () => handle.close(),
});

export const nodeDisk: Disk = {
  async open(path, mode) {
    return nodeFile(await open(path, FLAGS[mode], 0o600));
  },
  async folder(path) {
    await makeFolder(path);
    return realpath(path);
  },
  list: (path) => readdir(path),
  async facts(path) {
    const { size, mtimeMs, ino } = await stat(path, { bigint: true });
    return { size: Number(size), mtimeMs: Number(mtimeMs), identity: ino === 0n ? null : String(ino) };
  },
  touch: (path, mtimeMs) => utimes(path, mtimeMs / 1e3, mtimeMs / 1e3),
  rename,
  unlink,
  async syncFolder(path) {
    // Windows cannot open folders, and NTFS journals its names.
    if (process.platform === 'win32') return;
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async free(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};
