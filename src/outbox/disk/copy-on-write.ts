import { read as readWithCallback } from 'node:fs';
import { promisify } from 'node:util';
import type { Disk, DiskFile, FileFacts } from './disk.js';
import type { FrozenFile, Snapshot } from './snapshot.js';

const readAt = promisify(readWithCallback);

/** The folder of a snapshot as a disk. Writes stay in memory, so that a journal can be opened and recovered without changing the folder. */
export function copyOnWrite(snapshot: Snapshot): Disk {
  const { folder, names, segments, contents, ackIdentity } = snapshot;
  const files = new Map<string, File>(names.map((name) => [`${folder}/${name}`, new File(inMemory(Buffer.alloc(0)))]));
  for (const segment of segments) files.set(`${folder}/${segment.name}`, new File(frozen(segment), segment.mtimeMs));
  for (const [name, bytes] of contents) files.set(`${folder}/${name}`, new File(inMemory(bytes)));

  const fileAt = (path: string): File => {
    const file = files.get(path);
    if (file === undefined)
      throw Object.assign(new Error(`ENOENT: no such file: ${path}`), { code: 'ENOENT', syscall: 'open' });
    return file;
  };
  return {
    async open(path, mode) {
      if (mode === 'create') files.set(path, new File(inMemory(Buffer.alloc(0))));
      return fileAt(path);
    },
    folder: async (path) => (path.startsWith(`${folder}/`) ? path : folder),
    async list(path) {
      const within = [...files.keys()].filter((name) => name.startsWith(`${path}/`));
      return within.map((name) => name.slice(path.length + 1)).filter((name) => !name.includes('/'));
    },
    async facts(path): Promise<FileFacts> {
      const { size, mtimeMs } = fileAt(path);
      return { size, mtimeMs, identity: path === `${folder}/ack.dat` ? ackIdentity : null };
    },
    touch: async () => {},
    async rename(from, to) {
      files.set(to, fileAt(from));
      files.delete(from);
    },
    async unlink(path) {
      fileAt(path);
      files.delete(path);
    },
    syncFolder: async () => {},
    free: async () => undefined,
  };
}

interface Base {
  readonly size: number;
  read(buffer: Uint8Array, position: number): Promise<number>;
}

const frozen = ({ fd, size }: FrozenFile): Base => ({
  size,
  read: async (buffer, position) => (await readAt(fd, buffer, 0, buffer.length, position)).bytesRead,
});

const inMemory = (bytes: Buffer): Base => ({
  size: bytes.length,
  read: async (buffer, position) => bytes.copy(buffer, 0, position),
});

class File implements DiskFile {
  size: number;
  readonly mtimeMs: number;
  readonly #base: Base;
  /** The part of the base that is not truncated. */
  #kept: number;
  #patches: { readonly at: number; readonly bytes: Uint8Array }[] = [];

  constructor(base: Base, mtimeMs = 0) {
    this.#base = base;
    this.mtimeMs = mtimeMs;
    this.size = base.size;
    this.#kept = base.size;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = Math.max(0, Math.min(buffer.length, this.size - position));
    const fromBase = Math.max(0, Math.min(length, this.#kept - position));
    const read = fromBase === 0 ? 0 : await this.#base.read(buffer.subarray(0, fromBase), position);
    if (this.#patches.length === 0) return read;
    buffer.fill(0, read, length);
    for (const { at, bytes } of this.#patches) {
      const from = Math.max(at, position);
      const to = Math.min(at + bytes.length, position + length);
      if (from < to) buffer.set(bytes.subarray(from - at, to - at), from - position);
    }
    return length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#patches.push({ at: position, bytes: bytes.slice() });
    this.size = Math.max(this.size, position + bytes.length);
  }

  async truncate(size: number): Promise<void> {
    this.size = size;
    this.#kept = Math.min(this.#kept, size);
    this.#patches = this.#patches.flatMap(({ at, bytes }) =>
      at < size ? [{ at, bytes: bytes.subarray(0, size - at) }] : [],
    );
  }

  async datasync(): Promise<void> {}
  async close(): Promise<void> {}
}
