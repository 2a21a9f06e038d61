import { read as readWithCallback } from 'node:fs';
import { promisify } from 'node:util';
import type { Disk, DiskFile, FileFacts } from './disk.js';
import type { FrozenFile, Snapshot } from './snapshot.js';

const readAt = promisify(readWithCallback);

/** The folder of a snapshot as a disk. Writes stay in memory, so that a journal can be opened and recovered without changing the folder. */
export function copyOnWrite(snapshot: Snapshot): Disk {
  const { folder, names, segments, contents, ackIdentity } = snapshot;
  const files = new Map<string, File>(names.map((name) => [`${folder}/${name}`, new File(Buffer.alloc(0))]));
  for (const segment of segments) files.set(`${folder}/${segment.name}`, new File(segment));
  for (const [name, bytes] of contents) files.set(`${folder}/${name}`, new File(bytes));

  const fileAt = (path: string): File => {
    const file = files.get(path);
    if (file === undefined)
      throw Object.assign(new Error(`ENOENT: no such file: ${path}`), { code: 'ENOENT', syscall: 'open' });
    return file;
  };
  return {
    async open(path, mode) {
      if (mode === 'create') files.set(path, new File(Buffer.alloc(0)));
      return fileAt(path);
    },
    folder: async (path) => (path.startsWith(`${folder}/`) ? path : folder),
    async list(path) {
      const within = [...files.keys()].filter((name) => name.startsWith(`${path}/`));
      return within.map((name) => name.slice(path.length + 1)).filter((name) => !name.includes('/'));
    },
    async facts(path) {
      const { size, mtimeMs } = fileAt(path).facts();
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

/** A file of the snapshot. What is written to it is in memory from then on, and so is the rest of it. */
class File implements DiskFile {
  #content: FrozenFile | Buffer;

  constructor(content: FrozenFile | Buffer) {
    this.#content = content;
  }

  facts(): Omit<FileFacts, 'identity'> {
    const content = this.#content;
    return Buffer.isBuffer(content) ? { size: content.length, mtimeMs: 0 } : content;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const content = this.#content;
    if (Buffer.isBuffer(content)) return content.subarray(position).copy(buffer);
    const length = Math.max(0, Math.min(buffer.length, content.size - position));
    return (await readAt(content.fd, buffer, 0, length, position)).bytesRead;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const { size } = this.facts();
    await this.truncate(Math.max(size, position + bytes.length));
    (this.#content as Buffer).set(bytes, position);
  }

  async truncate(size: number): Promise<void> {
    const copy = Buffer.alloc(size);
    await this.read(copy, 0);
    this.#content = copy;
  }

  async datasync(): Promise<void> {}
  async close(): Promise<void> {}
}
