import { Batch, type BatchQueue } from './batch.js';
import type { Rejection } from './disposition.js';
import { OutboxClosedError } from './errors.js';
import type { Entry, Journal, Tallies } from './journal.js';

/** Passings of one session that are sent again beside the log. */
class Resend implements BatchQueue {
  readonly batch: Batch;

  constructor(
    entries: readonly Entry[],
    readonly journal: Journal,
    readonly finish: (error?: unknown) => void,
  ) {
    this.batch = new Batch(entries);
  }

  delivered(_: readonly Entry[], tallies: Tallies): void {
    this.journal.tally(tallies);
    if (this.batch.length === 0) this.finish();
  }

  /** The server is known to have them: duplicates are expected anyway. */
  inDoubt(): void {}

  rejected(_: readonly Entry[], { cause }: Rejection): void {
    this.finish(cause);
  }

  sessionClosed(): void {
    this.finish();
  }
}

/** What was asked to be sent again, in turn with the log: neither keeps the other waiting. */
export class Resends {
  readonly #journal: Journal;
  readonly #waiting: Resend[] = [];
  #isNext = true;
  #closed = false;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get none(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves with how many of them the server has confirmed: fewer than all where their session takes no more. */
  add(entries: readonly Entry[]): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new OutboxClosedError());
      const resend = new Resend(entries, this.#journal, (error) => {
        this.#waiting.splice(this.#waiting.indexOf(resend), 1);
        if (error === undefined) resolve(entries.length - resend.batch.length);
        else reject(error);
      });
      this.#waiting.push(resend);
    });
  }

  /** The one to send now; undefined where it is the log's turn. */
  next(logIsDue: boolean): BatchQueue | undefined {
    const [resend] = this.#waiting;
    this.#isNext = resend === undefined || !(this.#isNext || !logIsDue);
    return this.#isNext ? undefined : resend;
  }

  close(): void {
    this.#closed = true;
    for (const { finish } of [...this.#waiting]) finish(new OutboxClosedError());
  }
}
