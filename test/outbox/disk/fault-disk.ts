import type { Disk, DiskFile, FileFacts } from '../../../src/outbox/disk/disk.js';
import type { Random } from './random.js';

// A file system in memory that keeps apart what it shows and what it would still have after a power cut. Writes that were not
// synced survive page by page, or not; names that were made, changed or removed without a sync of their folder did so, or not, in
// any combination. A sync that failed has thrown its pages away and will call itself successful the next time, as Linux does.

const PAGE = 4096;

type Kind = 'open' | 'write' | 'truncate' | 'datasync' | 'rename' | 'unlink' | 'syncFolder' | 'folder' | 'touch';
export interface Call {
  readonly kind: Kind;
  readonly path: string;
  /** Counts all calls that change something, from 1. */
  readonly step: number;
}

interface Change {
  readonly kind: 'write' | 'truncate';
  readonly position: number;
  readonly bytes: Buffer;
}
interface NameChange {
  readonly paths: readonly string[];
  readonly apply: (names: Map<string, Inode>) => void;
}

let inodes = 0;

class Inode {
  readonly id = ++inodes;
  mtimeMs = 0;
  /** What everybody sees. */
  view: Buffer;
  /** What a power cut leaves for certain. */
  durable: Buffer;
  /** Since the last sync. */
  changes: Change[] = [];

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.view = Buffer.from(content);
    this.durable = Buffer.from(content);
  }

  change(change: Change): void {
    this.view = applied(this.view, change);
    this.changes.push(change);
  }

  sync(changes: readonly Change[]): void {
    for (const change of changes) this.durable = applied(this.durable, change);
    this.changes = [];
  }

  afterPowerCut(random: Random, kept: number): Buffer {
    let content: Buffer = Buffer.from(this.durable);
    for (const change of this.changes) {
      for (const part of pagesOf(change)) if (random.chance(kept)) content = applied(content, part);
    }
    return content;
  }
}

function applied(content: Buffer, { kind, position, bytes }: Change): Buffer {
  if (kind === 'truncate') return Buffer.concat([content], position);
  const end = position + bytes.length;
  const result = end > content.length ? Buffer.concat([content], end) : content;
  bytes.copy(result, position);
  return result;
}

function* pagesOf(change: Change): Generator<Change> {
  if (change.kind === 'truncate') return yield change;
  for (let at = change.position; at < change.position + change.bytes.length; ) {
    const end = Math.min((Math.floor(at / PAGE) + 1) * PAGE, change.position + change.bytes.length);
    yield { kind: 'write', position: at, bytes: change.bytes.subarray(at - change.position, end - change.position) };
    at = end;
  }
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

function systemError(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
}

export class FaultDisk {
  /** Calls so far that changed something. */
  steps = 0;
  /** The power goes during this step. */
  cutAt = Number.POSITIVE_INFINITY;
  /** Makes a call fail. A failing write has written its first half; a failing sync has lost what it should have kept. */
  fault: (call: Call) => string | undefined = () => undefined;
  /** Total size of all files. */
  capacity = Number.POSITIVE_INFINITY;
  /** A disk that says it has synced, and has not. */
  lies = false;
  /** Syncs wait for it. */
  gate: Promise<void> = Promise.resolve();
  private off = false;
  private life = 0;
  /** A file that is removed makes room only when nobody has it open any more. */
  private open: Inode[] = [];

  private constructor(
    private readonly names: Map<string, Inode>,
    private readonly folders: Set<string>,
    private durableNames = new Map(names),
    private nameChanges: NameChange[] = [],
  ) {}

  static empty(): FaultDisk {
    return new FaultDisk(new Map(), new Set());
  }

  /** What the next start finds after the power was cut now. */
  powerCut(random: Random): FaultDisk {
    const keptPages = random.pick([0, 0.3, 0.7, 1]);
    const keptNames = random.pick([0, 0.5, 1]);
    const names = new Map(this.durableNames);
    for (const change of this.nameChanges) if (random.chance(keptNames)) change.apply(names);
    const left = new Map<string, Inode>();
    for (const [path, inode] of names) {
      const survivor = new Inode(inode.afterPowerCut(random, keptPages));
      Object.assign(survivor, { id: inode.id, mtimeMs: inode.mtimeMs });
      left.set(path, survivor);
    }
    return new FaultDisk(left, new Set(this.folders));
  }

  /** A copy of all files, as `cp` makes it: the same content in files of their own. */
  copy(): FaultDisk {
    const names = new Map([...this.names].map(([path, inode]) => [path, new Inode(inode.view)] as const));
    return new FaultDisk(names, new Set(this.folders));
  }

  /** The same files, as a backup of the very disk would bring them back. */
  snapshot(): FaultDisk {
    const names = new Map<string, Inode>();
    for (const [path, inode] of this.names) names.set(path, Object.assign(new Inode(inode.view), { id: inode.id }));
    return new FaultDisk(names, new Set(this.folders));
  }

  /** The process dies: its handles with it, but not what it has written. */
  kill(): void {
    this.life++;
    this.open = [];
  }

  files(): string[] {
    return [...this.names.keys()].sort();
  }
  content(path: string): Buffer {
    return Buffer.from(this.inode(path).view);
  }
  /** Puts it there for good. */
  put(path: string, content: Buffer): void {
    const id = this.names.get(path)?.id;
    const inode = new Inode(content);
    this.names.set(path, id === undefined ? inode : Object.assign(inode, { id }));
    this.durableNames.set(path, this.names.get(path)!);
  }
  remove(path: string): void {
    this.names.delete(path);
    this.durableNames.delete(path);
  }

  /** What one process sees of it. */
  disk(): Disk {
    const life = this.life;
    const alive = (): void => {
      if (this.off || life !== this.life) throw systemError('EPOWER', 'any', '');
    };
    const call = async <T>(kind: Kind, path: string, change: () => T, sync?: () => T): Promise<T> => {
      alive();
      const step = ++this.steps;
      const cut = step === this.cutAt;
      const code = cut ? undefined : this.fault({ kind, path, step });
      if (kind === 'datasync') await this.sync();
      else await null;
      alive();
      if (cut) {
        change();
        this.off = true;
        throw systemError('EPOWER', kind, path);
      }
      if (code !== undefined) throw systemError(code, kind, path);
      return sync === undefined || this.lies ? change() : sync();
    };
    const nameChange = (paths: readonly string[], apply: NameChange['apply']): void => {
      apply(this.names);
      this.nameChanges.push({ paths, apply });
    };

    const open = (path: string, inode: Inode): DiskFile => {
      this.open.push(inode);
      return fileOf(path, inode);
    };
    const fileOf = (path: string, inode: Inode): DiskFile => ({
      read: async (buffer, position) => {
        alive();
        await null;
        const code = this.readFault(path, position, buffer.length);
        if (code !== undefined) throw systemError(code, 'read', path);
        return inode.view.copy(buffer, 0, position, position + buffer.length);
      },
      write: async (bytes, position) => {
        alive();
        const whole = Buffer.from(bytes);
        const fits = Math.max(0, Math.min(whole.length, inode.view.length + this.free() - position));
        const change = (part: Buffer): void => {
          if (part.length > 0) inode.change({ kind: 'write', position, bytes: part });
          inode.mtimeMs++;
        };
        try {
          await call('write', path, () => change(whole.subarray(0, fits)));
        } catch (error) {
          if (!this.off && life === this.life) change(whole.subarray(0, Math.min(fits, whole.length >> 1)));
          throw error;
        }
        if (fits < whole.length) throw systemError('ENOSPC', 'write', path);
      },
      truncate: (size) =>
        call('truncate', path, () => inode.change({ kind: 'truncate', position: size, bytes: Buffer.alloc(0) })),
      datasync: async () => {
        const done = (): void => {
          inode.sync(inode.changes);
        };
        try {
          await call(
            'datasync',
            path,
            () => undefined,
            () => done(),
          );
        } catch (error) {
          // Half of it may have got there. The rest is taken for clean from now on: no later sync brings it.
          if (!this.off)
            inode.sync(inode.changes.flatMap((change) => [...pagesOf(change)]).filter((_, page) => page % 2 === 1));
          throw error;
        }
      },
      close: async () => {
        await null;
        const index = this.open.indexOf(inode);
        if (index !== -1) this.open.splice(index, 1);
      },
    });

    return {
      open: async (path, mode) => {
        alive();
        await null;
        const known = this.names.get(path);
        if (mode === 'create') {
          if (known !== undefined) throw systemError('EEXIST', 'open', path);
          const inode = new Inode();
          await call('open', path, () => nameChange([path], (names) => void names.set(path, inode)));
          return open(path, inode);
        }
        if (known === undefined) throw systemError('ENOENT', 'open', path);
        return open(path, known);
      },
      folder: async (path) => {
        alive();
        await null;
        this.folders.add(path);
        return path;
      },
      list: async (path) => {
        alive();
        await null;
        return [...this.names.keys()]
          .filter((name) => folderOf(name) === path)
          .map((name) => name.slice(path.length + 1));
      },
      facts: async (path): Promise<FileFacts> => {
        alive();
        await null;
        const { view, mtimeMs, id } = this.inode(path);
        return { size: view.length, mtimeMs, identity: String(id) };
      },
      touch: (path, mtimeMs) => call('touch', path, () => void Object.assign(this.inode(path), { mtimeMs })),
      rename: async (from, to) => {
        const inode = this.inode(from);
        await call('rename', from, () =>
          nameChange([from, to], (names) => {
            names.delete(from);
            names.set(to, inode);
          }),
        );
      },
      unlink: async (path) => {
        alive();
        await null;
        this.inode(path);
        await call('unlink', path, () => nameChange([path], (names) => void names.delete(path)));
      },
      syncFolder: (path) =>
        call(
          'syncFolder',
          path,
          () => undefined,
          () => {
            const isHere = ({ paths }: NameChange): boolean => paths.some((name) => folderOf(name) === path);
            for (const change of this.nameChanges.filter(isHere)) change.apply(this.durableNames);
            this.nameChanges = this.nameChanges.filter((change) => !isHere(change));
          },
        ),
      free: async () => {
        alive();
        await null;
        return this.free();
      },
    };
  }

  /** Makes a read fail. */
  readFault: (path: string, position: number, length: number) => string | undefined = () => undefined;

  private async sync(): Promise<void> {
    await this.gate;
    await new Promise((resolve) => setImmediate(resolve));
  }

  private free(): number {
    let used = 0;
    for (const { view } of new Set([...this.names.values(), ...this.open])) used += view.length;
    return Math.max(0, this.capacity - used);
  }

  private inode(path: string): Inode {
    const inode = this.names.get(path);
    if (inode === undefined) throw systemError('ENOENT', 'stat', path);
    return inode;
  }
}
