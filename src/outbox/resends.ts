import { Hand } from './batch.js';
import { OutboxClosedError } from './errors.js';
import type { Entry } from './journal.js';

/** Passings that are sent again beside the log. */
export interface Errand {
  readonly hand: Hand;
  readonly settle: (error?: unknown) => void;
}

/** What was asked to be sent again, in turn with the log: neither keeps the other waiting. */
export class Errands {
  readonly #queue: Errand[] = [];
  #isNext = true;
  #closed = false;

  get none(): boolean {
    return this.#queue.length === 0;
  }

  /** Resolves with how many of them the server has confirmed: fewer than all where their session takes no more. */
  add(entries: readonly Entry[]): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new OutboxClosedError());
      const hand = new Hand(entries);
      const settle = (error?: unknown): void =>
        error === undefined ? resolve(entries.length - hand.length) : reject(error);
      this.#queue.push({ hand, settle });
    });
  }

  /** The one to see to now; undefined where it is the log's turn. */
  turn(logIsDue: boolean): Errand | undefined {
    const [errand] = this.#queue;
    this.#isNext = errand === undefined || !(this.#isNext || !logIsDue);
    return this.#isNext ? undefined : errand;
  }

  finish(errand: Errand, error?: unknown): void {
    this.#queue.splice(this.#queue.indexOf(errand), 1);
    errand.settle(error);
  }

  close(): void {
    this.#closed = true;
    for (const errand of this.#queue.splice(0)) errand.settle(new OutboxClosedError());
  }
}
