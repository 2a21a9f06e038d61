import type { ParkedEntry } from '../journal.js';
import type { Receipt } from '../types.js';
import type { Checkpointer } from './checkpointer.js';
import { IntervalSet } from './intervals.js';
import { Mutex } from './mutex.js';
import type { ParkedLog } from './parked.js';
import type { LogState } from './state.js';
import type { PassingBatchFacts } from './write-batch.js';

export interface RequeuesSetup {
  readonly state: LogState;
  readonly parked: ParkedLog;
  readonly checkpointer: Pick<Checkpointer, 'retained'>;
  readonly append: (facts: PassingBatchFacts) => Promise<Receipt[]>;
}

/**
 * Moves parked passings back to the tail of the log. They are committed there first, then released in parked/. In between, the log lists
 * them in each header (`requeued`), so that a crash neither loses nor doubles one.
 */
export class Requeues {
  readonly #setup: RequeuesSetup;
  /** One at a time, or two of them would take the same passing. */
  readonly #mutex = new Mutex();

  constructor(setup: RequeuesSetup) {
    this.#setup = setup;
  }

  /** How many are parked, without those that are back. */
  get parkedCount(): number {
    return this.#setup.parked.count - this.#setup.state.requeued.length;
  }

  /** The parked passings, without those that are back; oldest first. */
  async *parked(): AsyncGenerator<ParkedEntry[]> {
    for await (const entries of this.#setup.parked.entries()) {
      const back = new Set(this.#setup.state.requeued.map(([, was]) => was));
      const still = back.size === 0 ? entries : entries.filter(({ seq }) => !back.has(seq));
      if (still.length > 0) yield still;
    }
  }

  requeue(filter: (parked: ParkedEntry) => boolean): Promise<Receipt[]> {
    return this.#mutex.run(async () => {
      await this.#release();
      const receipts: Receipt[] = [];
      for await (const entries of this.parked()) {
        const chosen = entries.filter(filter);
        if (chosen.length === 0) continue;
        const passings = chosen.map(({ passing }) => passing);
        const was = chosen.map(({ seq }) => seq);
        receipts.push(...(await this.#setup.append({ passings, was })));
        await this.#release();
      }
      await this.#sweep();
      return receipts;
    });
  }

  /** Finishes what a crash may have left half done. */
  async resume(): Promise<void> {
    // With a full disk this waits for the next requeue.
    await this.#release().catch(() => undefined);
    // Not waited for: parked/ may be large.
    if (this.#setup.parked.count === 0) void this.#mutex.run(() => this.#sweep());
  }

  idle(): Promise<void> {
    return this.#mutex.idle();
  }

  /** Tells parked/ what is back in the log. */
  async #release(): Promise<void> {
    const { state, parked } = this.#setup;
    const { requeued } = state;
    if (requeued.length === 0) return;
    const seqs = new IntervalSet();
    for (const [, was] of requeued) seqs.add(was);
    await parked.release(seqs, requeued.length, requeued.at(-1)![0]);
    state.requeued = [];
  }

  async #sweep(): Promise<void> {
    await this.#setup.parked.sweep(this.#setup.checkpointer.retained).catch(() => undefined);
  }
}
