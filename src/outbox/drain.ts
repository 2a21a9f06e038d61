import { onAbort } from '../core/abort.js';
import { RufusAbortError } from '../core/errors.js';
import { OutboxClosedError } from './errors.js';
import type { Journal } from './journal.js';

interface Waiter {
  /** A seq. */
  target: number;
  readonly settle: (error?: Error) => void;
}

/** Who waits for what was appended so far. The log is sent in order, so it is enough to ask what is pending up to there. */
export class Drain {
  readonly #journal: Pick<Journal, 'newest' | 'pendingUpTo'>;
  readonly #waiters = new Set<Waiter>();

  constructor(journal: Pick<Journal, 'newest' | 'pendingUpTo'>) {
    this.#journal = journal;
  }

  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Resolves when all that is pending now has left the log. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      const waiter: Waiter = {
        target: this.#journal.newest,
        settle: (error) => {
          this.#waiters.delete(waiter);
          stopWatching?.();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const stopWatching = signal && onAbort(signal, () => waiter.settle(aborted(signal)));
      this.#waiters.add(waiter);
      this.passed();
    });
  }

  /** Some of the first pending ones are delivered, parked, or found to be damaged. */
  passed(): void {
    for (const waiter of this.#waiters) if (this.#journal.pendingUpTo(waiter.target) === 0) waiter.settle();
  }

  /** Some of the first pending ones went to the tail: they are still to be waited for. */
  moved(): void {
    for (const waiter of this.#waiters) waiter.target = this.#journal.newest;
  }

  close(): void {
    for (const waiter of this.#waiters)
      waiter.settle(new OutboxClosedError('The outbox was closed before all was delivered'));
  }
}

function aborted(signal: AbortSignal): RufusAbortError {
  return new RufusAbortError("drained: the wait was aborted by the caller's signal.", { cause: signal.reason });
}
