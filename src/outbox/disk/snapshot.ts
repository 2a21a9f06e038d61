import { closeSync, fstatSync, openSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { StorageError } from '../errors.js';
import { isMissing } from './disk.js';
import { firstOf } from './log.js';

// A folder as it was at one moment, while another process writes to it. The writer cannot be stopped, so everything is read twice:
// what was the same both times was so at every moment between. The newest segment may have grown; its length at the end of the first
// look counts. The looks are synchronous: the less time passes between them, the more often they agree.

/** An open file with its size at the moment of the snapshot. Its name may have changed since. */
export interface FrozenFile {
  readonly name: string;
  readonly fd: number;
  readonly size: number;
  readonly mtimeMs: number;
}

export interface Snapshot {
  /** Without symbolic links. */
  readonly folder: string;
  /** All names in the folder itself. */
  readonly names: readonly string[];
  /** Segments, by their paths from the folder. */
  readonly segments: readonly FrozenFile[];
  /** The contents of the small files that are rewritten in place. */
  readonly contents: ReadonlyMap<string, Buffer>;
  /** Different once a segment was begun, removed or replaced, or ack.dat or parked/ was written. */
  readonly fixed: string;
  /** Distinguishes this ack.dat from a copy. */
  readonly ackIdentity: string | null;
  /** What the outbox occupies on disk. */
  readonly bytes: number;
  close(): void;
}

const ACK = 'ack.dat';
const HIGH_WATER = 'high-water.dat';
const SPARE = 'spare';
const SUBFOLDERS = ['parked', 'delivered'] as const;

const GIVE_UP_MS = 10_000;

/**
 * `between` is called between any two steps: a test writes there.
 *
 * @throws StorageError - it is no outbox, or changes too fast for two equal looks
 */
export async function takeSnapshot(directory: string, between: () => void = () => {}): Promise<Snapshot> {
  const folder = realpathSync(directory);
  const observer = new Observer(folder, between);
  try {
    const end = performance.now() + GIVE_UP_MS;
    let before = observer.look();
    for (;;) {
      const after = observer.look();
      if (before !== null && after !== null && before.fixed === after.fixed) return observer.freeze(before);
      if (performance.now() > end) {
        throw new StorageError(
          `The outbox folder ${folder} changes faster than it can be read. Try again when less is appended`,
        );
      }
      before = after;
      await pause(1);
    }
  } catch (error) {
    observer.close();
    throw error;
  }
}

/** Whether the log or the checkpoint was written since the snapshot was taken. */
export function hasChanged(snapshot: Snapshot): boolean {
  const observer = new Observer(snapshot.folder);
  try {
    const now = observer.look();
    if (now?.fixed !== snapshot.fixed) return true;
    return snapshot.segments.some(({ name, size }) => (now.newest.get(name) ?? size) !== size);
  } finally {
    observer.close();
  }
}

interface Look {
  readonly names: readonly string[];
  readonly segments: readonly string[];
  readonly contents: ReadonlyMap<string, Buffer>;
  /** What must be the same in both looks. */
  readonly fixed: string;
  /** The segments that may grow. */
  readonly newest: ReadonlyMap<string | undefined, number>;
}

class Observer {
  /** Open files by name: a file that is removed or moved meanwhile can still be read. */
  readonly #opened = new Map<string, { readonly fd: number; readonly ino: bigint }>();
  readonly #folder: string;
  readonly #between: () => void;

  constructor(folder: string, between = () => {}) {
    this.#folder = folder;
    this.#between = between;
  }

  /** null: a file was removed between two steps. */
  look(): Look | null {
    const folder = this.#folder;
    const between = this.#between;
    const contents = new Map<string, Buffer>();
    // The mark first: it may be behind the log, and never ahead of it.
    for (const name of [HIGH_WATER, ACK]) {
      const content = existing(() => readFileSync(`${folder}/${name}`));
      if (content !== null) contents.set(name, content);
    }
    between();
    const names = readdirSync(folder);
    const own = segmentsIn('', names);
    between();
    const [parked = [], delivered = []] = SUBFOLDERS.map((sub) =>
      segmentsIn(`${sub}/`, existing(() => readdirSync(`${folder}/${sub}`)) ?? []),
    );
    const ack = contents.get(ACK);
    const isOutbox =
      ack !== undefined || (own.length > 0 && names.some((name) => [HIGH_WATER, ...SUBFOLDERS].includes(name)));
    if (!isOutbox) throw new StorageError(`${folder} is no outbox folder: it has neither ${ACK} nor segments of a log`);
    const segments = [...own, ...parked, ...delivered];
    return existing(() => {
      between();
      for (const name of segments) if (!this.#opened.has(name)) this.#open(name);
      between();
      const newestParked = this.#newest(parked);
      between();
      const newest = this.#newest(own);
      between();
      const log = [own.join(), newest?.ino];
      const fixed = [ack?.toString('latin1'), ...log, parked.join(), newestParked?.ino, newestParked?.size].join('\n');
      const sizes = new Map([
        [parked.at(-1), Number(newestParked?.size)],
        [own.at(-1), Number(newest?.size)],
      ]);
      return { names, segments, contents, fixed, newest: sizes };
    });
  }

  freeze(look: Look): Snapshot {
    const segments = look.segments.map((name): FrozenFile => {
      const { fd } = this.#opened.get(name)!;
      const { size, mtimeMs } = fstatSync(fd);
      return { name, fd, size: look.newest.get(name) ?? size, mtimeMs };
    });
    const folder = this.#folder;
    const ack = statSync(`${folder}/${ACK}`, { bigint: true, throwIfNoEntry: false });
    const spare = statSync(`${folder}/${SPARE}`, { throwIfNoEntry: false })?.size ?? 0;
    return {
      folder,
      names: look.names,
      segments,
      contents: look.contents,
      fixed: look.fixed,
      ackIdentity: ack === undefined || ack.ino === 0n ? null : String(ack.ino),
      bytes: segments.reduce((sum, { size }) => sum + size, (look.contents.get(ACK)?.length ?? 0) + spare),
      close: () => this.close(),
    };
  }

  close(): void {
    for (const { fd } of this.#opened.values()) closeSync(fd);
    this.#opened.clear();
  }

  /** The newest segment of a log: the only one that may grow, or be replaced by one of the same name. */
  #newest(names: readonly string[]): { readonly ino: bigint; readonly size: bigint } | undefined {
    const name = names.at(-1);
    if (name === undefined) return undefined;
    const facts = statSync(`${this.#folder}/${name}`, { bigint: true });
    const { fd, ino } = this.#opened.get(name)!;
    if (facts.ino !== ino) {
      closeSync(fd);
      this.#opened.delete(name);
      this.#open(name);
    }
    return facts;
  }

  #open(name: string): void {
    const fd = openSync(`${this.#folder}/${name}`, 'r');
    this.#opened.set(name, { fd, ino: fstatSync(fd, { bigint: true }).ino });
  }
}

/** null: the file or folder that it reads is missing. */
function existing<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const segmentsIn = (prefix: string, names: readonly string[]): string[] =>
  names
    .filter((name) => firstOf(name) !== null)
    .sort()
    .map((name) => prefix + name);
