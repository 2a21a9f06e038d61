import type { RecordFormat } from '../../records/reader.js';
import type { Intake, ReadLine } from '../intake.js';
import { pause } from '../pause.js';
import { type Checkpoint, decodeCheckpoint, digestOf, encodeCheckpoint, NOTHING_PASSED } from './checkpoint.js';
import { type FileEntry, holds, RotationFolder } from './folder.js';
import { type Batch, type Start, TailedFile } from './tailed-file.js';

const POLL_MS = 100;
/** File systems may stamp files with a clock that is some milliseconds behind. */
const CLOCK_GRAIN_MS = 20;
const NO_FILE = '';

export interface TailSetup {
  /** Absolute. */
  readonly path: string;
  readonly format: RecordFormat;
  readonly intake: Intake;
  /** Where an earlier process stood. */
  readonly position: string | number | undefined;
  readonly note: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly stop: AbortSignal;
  /** How often the file is looked at when it has not grown, in milliseconds. */
  readonly pollMs?: number | undefined;
}

/** What to read next: a file, and where to begin in it. */
interface Next {
  readonly file: FileEntry;
  readonly start: Start;
}

/** The name under which the outbox keeps the position. */
export const tailSource = (path: string): string => `tail:${path}`;

/**
 * Follows a file that grows, through rotation and truncation. The checkpoint is stored with the lines that it passes, in one
 * step: wherever the process is killed, the next one goes on behind exactly what was stored.
 */
export class Tail {
  readonly #setup: TailSetup;
  readonly #folder: RotationFolder;
  readonly #source: string;
  /** Behind the lines that were handed to the intake last. */
  #checkpoint: Checkpoint | undefined;
  #storing: Promise<unknown> = Promise.resolve();
  #lastNote = '';

  constructor(setup: TailSetup) {
    this.#setup = setup;
    this.#folder = new RotationFolder(setup.path);
    this.#source = tailSource(setup.path);
    this.#checkpoint = setup.position === undefined ? undefined : decodeCheckpoint(setup.position);
  }

  /** Until `stop`. @throws what reading the file or storing its lines fails with */
  async run(): Promise<void> {
    const { stop, pollMs = POLL_MS } = this.#setup;
    let file: TailedFile | undefined;
    let next: Next | undefined;
    try {
      while (!stop.aborted) {
        if (file === undefined) {
          file = await this.#resume();
          if (file === undefined) await pause(pollMs, stop);
          continue;
        }
        const read = await file.read();
        if (read === 'truncated') {
          await file.close();
          file = next = undefined;
        } else if (read !== 'end') {
          next = undefined;
          await this.#store(read, file);
        } else if (next !== undefined) {
          // Whoever writes the next file has done with this one before, and it was read to its end since.
          const again: Next | undefined = await this.#next(file);
          // A rotation may have hidden a file from the first look.
          if (again?.file.ino === next.file.ino) file = await this.#leave(file, again);
          next = undefined;
        } else {
          await this.#storing;
          next = await this.#next(file);
          if (next === undefined) await pause(pollMs, stop);
        }
      }
    } finally {
      await file?.close();
    }
    await this.#storing;
  }

  /** Reads and judges the lines while those before them are being stored, and stores them then. */
  async #store(batches: readonly Batch[], { reader }: TailedFile): Promise<void> {
    const { intake, stop } = this.#setup;
    for (const { lines, checkpoint } of batches) {
      const read = intake.read(lines, reader);
      await this.#storing;
      if (stop.aborted) return;
      this.#keep(checkpoint, read);
    }
  }

  #keep(checkpoint: Checkpoint, lines: readonly ReadLine[]): void {
    const { generation } = checkpoint;
    const position = { name: this.#source, position: encodeCheckpoint(checkpoint), generation };
    this.#storing = this.#setup.intake.store(this.#source, lines, position);
    // It is heard of when it is awaited.
    this.#storing.catch(() => {});
    this.#checkpoint = checkpoint;
  }

  /** Where reading goes on at the start, and after a truncation. */
  async #resume(): Promise<TailedFile | undefined> {
    await this.#storing;
    const checkpoint = this.#checkpoint ?? (await this.#begin());
    const same = await this.#folder.byInode(checkpoint.ino);
    if (same !== undefined && (await holds(same, checkpoint, false)))
      return this.#open({ file: same, start: checkpoint });
    const files = await this.#folder.files();
    const copy = await this.#copyIn(files, checkpoint);
    if (copy !== undefined) return this.#open({ file: copy, start: checkpoint });
    return this.#startOver(files, checkpoint, same);
  }

  /** Says from which file on, before a line is read: killed now and rotated then, that file would not be known. */
  async #begin(): Promise<Checkpoint> {
    const file = await this.#folder.current();
    const modified = file?.modified ?? BigInt(Date.now() - CLOCK_GRAIN_MS) * 1_000_000n;
    const ino = file?.ino ?? NO_FILE;
    const checkpoint = {
      ino,
      offset: 0,
      generation: 0,
      modified: String(modified),
      before: NOTHING_PASSED,
      digest: digestOf(Buffer.of()),
    };
    this.#keep(checkpoint, []);
    await this.#storing;
    return checkpoint;
  }

  /** A file that has all that was read, and what follows: a backup before a truncation, a file that was written anew and renamed. */
  async #copyIn(files: readonly FileEntry[], checkpoint: Checkpoint): Promise<FileEntry | undefined> {
    const { path } = this.#folder;
    for (const file of [...files].sort((one) => (one.path === path ? -1 : 1))) {
      if (file.ino !== checkpoint.ino && (await holds(file, checkpoint, true))) return file;
    }
    return undefined;
  }

  async #startOver(
    files: readonly FileEntry[],
    checkpoint: Checkpoint,
    same: FileEntry | undefined,
  ): Promise<TailedFile | undefined> {
    const { path } = this.#folder;
    const { ino, generation, modified } = checkpoint;
    // What has the inode now is another file, or this one since it was truncated: it is not among those that were passed.
    const before = checkpoint.before.modified === modified ? checkpoint.before : { modified, inodes: [] };
    const file = this.#folder.successor(files, before, undefined);
    const isTruncated = same?.path === path;
    if (isTruncated) this.#say('was truncated; it is read from its start');
    else if (ino === NO_FILE) this.#say('does not exist yet; waiting for it');
    else
      this.#say(
        'was replaced, and what was read before is gone: lines may be missing. It is read from its start',
        true,
      );
    return file && this.#open({ file, start: { offset: 0, generation: generation + 1, before } });
  }

  /** The file to read after this one, once it has something; undefined while this one still has its name. */
  async #next(file: TailedFile): Promise<Next | undefined> {
    const current = await this.#folder.current();
    if (current?.ino === file.ino) return undefined;
    const files = await this.#folder.files();
    const renamed = files.find(({ ino }) => ino === file.ino) ?? (current && (await this.#folder.byInode(file.ino)));
    const checkpoint = this.#checkpoint;
    if (current !== undefined && renamed === undefined && checkpoint?.generation === file.generation) {
      // Saved anew by a program that writes another file and renames it.
      const copy = await this.#copyIn(files, checkpoint);
      if (copy !== undefined) return { file: copy, start: checkpoint };
    }
    const before = await file.passed();
    const successor = this.#folder.successor(files, before, renamed);
    return successor && { file: successor, start: { offset: 0, generation: file.generation + 1, before } };
  }

  async #leave(file: TailedFile, next: Next): Promise<TailedFile | undefined> {
    const opened = await this.#open(next);
    if (opened === undefined) return file;
    const half = file.incomplete;
    if (half > 0 && next.start.offset === 0)
      this.#say(`was rotated in the middle of a line: its last ${half} bytes are no line`, true);
    await file.close();
    return opened;
  }

  async #open({ file, start }: Next): Promise<TailedFile | undefined> {
    const opened = await TailedFile.open(file.path, file.ino, start, this.#setup.format);
    if (opened !== undefined) this.#setup.note(`Reading ${file.path} from byte ${start.offset} on.`);
    return opened;
  }

  /** Once, however often it is looked for. */
  #say(what: string, isWarning = false): void {
    const line = `${this.#setup.path} ${what}.`;
    if (line === this.#lastNote) return;
    this.#lastNote = line;
    if (isWarning) this.#setup.warn(line);
    else this.#setup.note(line);
  }
}
