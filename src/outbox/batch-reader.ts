import { Batch, type InDoubtRange } from './batch.js';
import type { Clock } from './clock.js';
import type { Journal } from './journal.js';
import type { OutboxSettings } from './options.js';

/** What is read at once of a session that takes no more. */
const LEAVING = { max: 5_000, maxBytes: 4 * 1024 * 1024 };

export interface BatchReaderSetup {
  readonly journal: Journal;
  readonly batch: OutboxSettings['batch'];
  readonly clock: Clock;
  readonly inDoubt: InDoubtRange;
  /** Somebody waits for what is there: no lingering. */
  readonly hurried: () => boolean;
}

/** Reads pending passings from the journal, in batches that are worth a request. */
export class BatchReader {
  /** What is being sent. */
  batch = new Batch([]);
  /** What is at batch goes nowhere: larger pieces will do. */
  leaving = false;
  readonly #setup: BatchReaderSetup;
  /** Pending passings of an earlier process, until the first are read: up to one batch of them may be stored already. */
  #inherited: number;
  /** Monotonic time of the oldest commit since the log was read to its end; null where it was not. */
  #freshSince: number | null = null;

  constructor(setup: BatchReaderSetup) {
    this.#setup = setup;
    this.#inherited = setup.journal.pending;
  }

  /** More can be read. */
  committed(): void {
    this.#freshSince ??= this.#setup.clock.mono();
  }

  /** What is at batch is to be read again: it has other numbers now. */
  drop(): void {
    this.batch = new Batch([]);
    this.#freshSince = null;
  }

  /** Milliseconds until there is something that is worth sending: 0 now, Infinity where nothing is pending. */
  get dueIn(): number {
    const { journal, batch, clock, hurried } = this.#setup;
    if (this.batch.length > 0) return 0;
    const { pending } = journal;
    if (pending === 0) return Number.POSITIVE_INFINITY;
    if (this.#freshSince === null || pending >= batch.max || hurried()) return 0;
    return Math.max(0, this.#freshSince + batch.lingerMs - clock.mono());
  }

  /** Fills an empty batch; false if there is nothing to be read after all. */
  async fill(): Promise<boolean> {
    if (this.batch.length > 0) return true;
    const { journal, batch: limits, inDoubt } = this.#setup;
    this.#freshSince = null;
    const entries = await journal.read(this.leaving ? LEAVING : limits);
    if (entries.length === 0) return false;
    if (this.#inherited > 0) inDoubt.extend(entries.slice(0, this.#inherited));
    this.#inherited = 0;
    this.batch = new Batch(entries);
    return true;
  }
}
