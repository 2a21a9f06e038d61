import { encodeLine } from './codec.js';
import type { SegmentedLog } from './log.js';
import type { Space } from './space.js';

/** What one commit is made from: where the log stands, and the clock of this commit. Lists advance it as they are written. */
export interface Draft {
  last: number;
  readonly at: number;
  readonly mono: number;
}

/** A list: written whole, settled once. */
export interface WriteBatch<D extends Draft> {
  /** About what it will take on disk. */
  readonly bytes: number;
  /** Refused when the outbox is at its limits; the others only when the disk itself refuses. */
  readonly limited: boolean;
  /** Its records as JSON, each with its seq; advances the draft. */
  records(draft: D): Iterable<readonly [seq: number, json: string]>;
  /** It is durable. */
  done(): void;
  failed(error: unknown): void;
}

/** Enough to make a sync worth its while, little enough to be encoded and written without being noticed. */
const COMMIT_BYTES = 1024 * 1024;
const CHUNK_CHARS = 64 * 1024;

export interface CommitterSetup<D extends Draft> {
  readonly log: SegmentedLog;
  readonly begin: () => D;
  readonly space: Pick<Space, 'admit' | 'committed' | 'explain'>;
  /** A write found the disk full. True: something was given up, it may be tried again. */
  readonly makeRoom: () => Promise<boolean>;
}

/** Group commit: whatever comes while the disk is busy shares the next write and its sync. */
export class Committer<D extends Draft> {
  #queue: WriteBatch<D>[] = [];
  #errands: (() => Promise<void>)[] = [];
  #running: Promise<void> | null = null;

  readonly #setup: CommitterSetup<D>;

  constructor(setup: CommitterSetup<D>) {
    this.#setup = setup;
  }

  submit(list: WriteBatch<D>): void {
    this.#queue.push(list);
    this.#start();
  }

  /** Runs this when no commit is under way, and no other before it is done. */
  between<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#errands.push(() => work().then(resolve, reject));
      this.#start();
    });
  }

  /** Resolves when all that was submitted is settled. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // What is submitted in the same turn belongs together.
    await Promise.resolve();
    try {
      while (this.#queue.length + this.#errands.length > 0) {
        await this.#errands.shift()?.();
        await this.#commit(await this.#admitted(this.#take()));
      }
    } finally {
      // In the same turn as the last look at the queue: what comes after it starts anew.
      this.#running = null;
    }
  }

  #take(): WriteBatch<D>[] {
    let bytes = 0;
    let count = 0;
    for (const list of this.#queue) {
      bytes += list.bytes;
      if (count > 0 && bytes > COMMIT_BYTES) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #admitted(lists: WriteBatch<D>[]): Promise<WriteBatch<D>[]> {
    const limited = lists.filter((list) => list.limited);
    if (limited.length === 0) return lists;
    try {
      await this.#setup.space.admit(limited.reduce((sum, list) => sum + list.bytes, 0));
      return lists;
    } catch {
      return await this.#admittedOneByOne(lists);
    }
  }

  /** As many as there is room for. */
  async #admittedOneByOne(lists: readonly WriteBatch<D>[]): Promise<WriteBatch<D>[]> {
    const admitted: WriteBatch<D>[] = [];
    let bytes = 0;
    for (const list of lists) {
      try {
        if (list.limited) await this.#setup.space.admit(bytes + list.bytes);
        bytes += list.bytes;
        admitted.push(list);
      } catch (error) {
        list.failed(error);
      }
    }
    return admitted;
  }

  async #commit(lists: readonly WriteBatch<D>[]): Promise<void> {
    if (lists.length === 0) return;
    const { log, begin, space, makeRoom } = this.#setup;
    try {
      const draft = begin();
      const chunks = await encode(lists, draft);
      for (;;) {
        try {
          await log.commit(chunks, draft.last);
          break;
        } catch (error) {
          if (log.failure !== undefined || !(await makeRoom())) throw error;
        }
      }
      space.committed(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    } catch (error) {
      const explained = await space.explain(error);
      for (const list of lists) list.failed(explained);
      return;
    }
    for (const list of lists) list.done();
  }
}

/** Long lists are encoded in pieces, with a turn of the event loop between them. */
async function encode<D extends Draft>(lists: readonly WriteBatch<D>[], draft: D): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let text = '';
  for (const list of lists) {
    for (const [seq, json] of list.records(draft)) {
      text += encodeLine(seq, json);
      if (text.length < CHUNK_CHARS) continue;
      chunks.push(Buffer.from(text));
      text = '';
      if (chunks.length % 4 === 0) await nextTurn();
    }
  }
  if (text !== '') chunks.push(Buffer.from(text));
  return chunks;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
