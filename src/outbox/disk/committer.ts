import { encodeLine } from './codec.js';
import type { SegmentedLog } from './log.js';
import type { Space } from './space.js';

/** The end of the log and the clocks of one commit. Write batches advance it as they are encoded. */
export interface Draft {
  last: number;
  readonly at: number;
  readonly mono: number;
}

/** Records that are written together: all of them count, or none. */
export interface WriteBatch<D extends Draft, T = unknown> {
  /** Approximate size on disk. */
  readonly bytes: number;
  /** Refused when the outbox is at its limits. The others are refused only by the disk. */
  readonly limited: boolean;
  /** Its records as JSON, each with its seq; advances the draft. */
  records(draft: D): Iterable<readonly [seq: number, json: string]>;
  /** It is durable. Returns what `submit` resolves with. */
  done(): T;
}

interface Submitted<D extends Draft> {
  readonly batch: WriteBatch<D>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly settled: ((bytes: number) => void) | undefined;
}

/** Enough for one sync, and little enough to be encoded without blocking the event loop for long. */
const COMMIT_BYTES = 1024 * 1024;
const CHUNK_CHARS = 64 * 1024;

export interface CommitterSetup<D extends Draft> {
  readonly log: SegmentedLog;
  readonly begin: () => D;
  readonly space: Pick<Space, 'admit' | 'committed' | 'explain'>;
  /** Called when a write found the disk full. True: something was removed, the write may be tried again. */
  readonly makeRoom: () => Promise<boolean>;
}

/** Group commit: batches that are submitted during a commit share the next write and sync. */
export class Committer<D extends Draft> {
  #queue: Submitted<D>[] = [];
  #exclusive: (() => Promise<void>)[] = [];
  #running: Promise<void> | null = null;

  readonly #setup: CommitterSetup<D>;

  constructor(setup: CommitterSetup<D>) {
    this.#setup = setup;
  }

  /** Resolves when the batch is durable. `settled` is called just before, and before it rejects: another promise per call costs more. */
  submit<T>(batch: WriteBatch<D, T>, settled?: (bytes: number) => void): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      this.#queue.push({ batch, resolve, reject, settled });
      this.#start();
    }) as Promise<T>;
  }

  /** Runs `work` between two commits. */
  between<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#exclusive.push(() => work().then(resolve, reject));
      this.#start();
    });
  }

  /** Resolves when all that was submitted is durable or has failed. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Batches of the same turn share a commit.
    await Promise.resolve();
    try {
      while (this.#queue.length + this.#exclusive.length > 0) {
        await this.#exclusive.shift()?.();
        await this.#commit(await this.#admitted(this.#take()));
      }
    } finally {
      // Synchronously after the queue was found empty: a later submit starts a new run.
      this.#running = null;
    }
  }

  #take(): Submitted<D>[] {
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#queue) {
      bytes += batch.bytes;
      if (count > 0 && bytes > COMMIT_BYTES) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #admitted(submitted: Submitted<D>[]): Promise<Submitted<D>[]> {
    const limited = submitted.filter(({ batch }) => batch.limited);
    if (limited.length === 0) return submitted;
    try {
      await this.#setup.space.admit(limited.reduce((sum, { batch }) => sum + batch.bytes, 0));
      return submitted;
    } catch {
      return await this.#admittedOneByOne(submitted);
    }
  }

  /** As many as there is room for. */
  async #admittedOneByOne(submitted: readonly Submitted<D>[]): Promise<Submitted<D>[]> {
    const admitted: Submitted<D>[] = [];
    let total = 0;
    for (const one of submitted) {
      const { bytes, limited } = one.batch;
      try {
        if (limited) await this.#setup.space.admit(total + bytes);
        total += bytes;
        admitted.push(one);
      } catch (error) {
        fail(one, error);
      }
    }
    return admitted;
  }

  async #commit(submitted: readonly Submitted<D>[]): Promise<void> {
    if (submitted.length === 0) return;
    const { log, begin, space, makeRoom } = this.#setup;
    try {
      const draft = begin();
      const chunks = await encode(submitted, draft);
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
      for (const one of submitted) fail(one, explained);
      return;
    }
    for (const { batch, resolve, settled } of submitted) {
      const result = batch.done();
      settled?.(batch.bytes);
      resolve(result);
    }
  }
}

function fail<D extends Draft>({ batch, reject, settled }: Submitted<D>, error: unknown): void {
  settled?.(batch.bytes);
  reject(error);
}

/** Long batches are encoded in chunks, with a turn of the event loop between them. */
async function encode<D extends Draft>(submitted: readonly Submitted<D>[], draft: D): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  let text = '';
  for (const { batch } of submitted) {
    for (const [seq, json] of batch.records(draft)) {
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
