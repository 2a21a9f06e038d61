import { encodeLine } from './line.js';
import type { SegmentedLog } from './log.js';

/** What one commit is made from: where the log stands, and the clock of this commit. Lists advance it as they are written. */
export interface Draft {
  last: number;
  readonly at: number;
  readonly mono: number;
}

/** A list: written whole, settled once. */
export interface List<D extends Draft> {
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
  /** Rejects where there is no room for so many more bytes. */
  readonly admit: (bytes: number) => Promise<void>;
  /** Something was given up, so that a write that found the disk full may be tried again. */
  readonly makeRoom: () => Promise<boolean>;
  readonly onCommit: (bytes: number) => void;
  /** What a commit failed with, put as the caller shall see it. */
  readonly explain: (error: unknown) => Promise<unknown>;
}

/** Group commit: whatever comes while the disk is busy shares the next write and its sync. */
export class Committer<D extends Draft> {
  private queue: List<D>[] = [];
  private running: Promise<void> | null = null;

  constructor(private readonly setup: CommitterSetup<D>) {}

  submit(list: List<D>): void {
    this.queue.push(list);
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
  }

  /** Resolves when all that was submitted is settled. */
  async idle(): Promise<void> {
    while (this.running !== null) await this.running;
  }

  private async run(): Promise<void> {
    // What is submitted in the same turn belongs together.
    await Promise.resolve();
    while (this.queue.length > 0) await this.commit(await this.admitted(this.take()));
  }

  private take(): List<D>[] {
    let bytes = 0;
    let count = 0;
    for (const list of this.queue) {
      bytes += list.bytes;
      if (count > 0 && bytes > COMMIT_BYTES) break;
      count++;
    }
    return this.queue.splice(0, count);
  }

  private async admitted(lists: List<D>[]): Promise<List<D>[]> {
    const limited = lists.filter((list) => list.limited);
    if (limited.length === 0) return lists;
    try {
      await this.setup.admit(limited.reduce((sum, list) => sum + list.bytes, 0));
      return lists;
    } catch (error) {
      for (const list of limited) list.failed(error);
      return lists.filter((list) => !list.limited);
    }
  }

  private async commit(lists: readonly List<D>[]): Promise<void> {
    if (lists.length === 0) return;
    const { log, begin, makeRoom, onCommit, explain } = this.setup;
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
      onCommit(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    } catch (error) {
      const explained = await explain(error);
      for (const list of lists) list.failed(explained);
      return;
    }
    for (const list of lists) list.done();
  }
}

/** Long lists are encoded in pieces, with a turn of the event loop between them. */
async function encode<D extends Draft>(lists: readonly List<D>[], draft: D): Promise<Buffer[]> {
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
