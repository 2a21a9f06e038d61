import { Hand } from './batch.js';
import type { Clock } from './clock.js';
import type { Doubt } from './in-doubt.js';
import type { Journal } from './journal.js';
import type { OutboxSettings } from './options.js';

/** What is read at once of a session that takes no more. */
const LEAVING = { max: 5_000, maxBytes: 4 * 1024 * 1024 };

export interface SupplySetup {
  readonly journal: Journal;
  readonly batch: OutboxSettings['batch'];
  readonly clock: Clock;
  readonly doubt: Doubt;
  /** Somebody waits for what is there: no lingering. */
  readonly hurried: () => boolean;
}

/** Takes pending passings up from the journal, in batches that are worth a request. */
export class Supply {
  /** What is being sent. */
  hand = new Hand([]);
  /** What is at hand goes nowhere: larger pieces will do. */
  leaving = false;
  readonly #setup: SupplySetup;
  /** Pending passings of an earlier process, until the first are read: up to one batch of them may be stored already. */
  #inherited: number;
  /** Monotonic time of the oldest commit since the log was read to its end; null where it was not. */
  #freshSince: number | null = null;

  constructor(setup: SupplySetup) {
    this.#setup = setup;
    this.#inherited = setup.journal.pending;
  }

  /** More can be read. */
  committed(): void {
    this.#freshSince ??= this.#setup.clock.mono();
  }

  /** What is at hand is to be read again: it has other numbers now. */
  drop(): void {
    this.hand = new Hand([]);
    this.#freshSince = null;
  }

  /** Milliseconds until there is something that is worth sending: 0 now, Infinity where nothing is pending. */
  get dueIn(): number {
    const { journal, batch, clock, hurried } = this.#setup;
    if (this.hand.length > 0) return 0;
    const { pending } = journal;
    if (pending === 0) return Number.POSITIVE_INFINITY;
    if (this.#freshSince === null || pending >= batch.max || hurried()) return 0;
    return Math.max(0, this.#freshSince + batch.lingerMs - clock.mono());
  }

  /** Fills an empty hand; false if there is nothing to be read after all. */
  async fill(): Promise<boolean> {
    if (this.hand.length > 0) return true;
    const { journal, batch, doubt } = this.#setup;
    this.#freshSince = null;
    const entries = await journal.read(this.leaving ? LEAVING : batch);
    if (entries.length === 0) return false;
    if (this.#inherited > 0) doubt.note(entries.slice(0, this.#inherited));
    this.#inherited = 0;
    this.hand = new Hand(entries);
    return true;
  }
}
