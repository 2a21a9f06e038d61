import { onAbort } from '../core/abort.js';
import { RufusAbortError } from '../core/errors.js';
import { OutboxClosedError } from './errors.js';

interface Waiter {
  target: number;
  readonly settle: (error?: Error) => void;
}

/** Who waits for what was appended so far. The log is sent in order, so it is enough to count what has left it. */
export class Drain {
  readonly #pending: () => number;
  readonly #waiters = new Set<Waiter>();
  #left = 0;

  constructor(pending: () => number) {
    this.#pending = pending;
  }

  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Resolves when all that is pending now has left the log. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      const waiter: Waiter = {
        target: this.#left + this.#pending(),
        settle: (error) => {
          this.#waiters.delete(waiter);
          stopWatching?.();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const stopWatching = signal && onAbort(signal, () => waiter.settle(aborted(signal)));
      this.#waiters.add(waiter);
      this.#releaseReached();
    });
  }

  /** So many of the first pending ones are delivered, parked, or found to be damaged. */
  passed(count: number): void {
    this.#left += count;
    this.#releaseReached();
  }

  /** So many of the first pending ones went to the tail: they are still to be waited for. */
  moved(count: number): void {
    this.#left += count;
    for (const waiter of this.#waiters) waiter.target = this.#left + this.#pending();
  }

  close(): void {
    for (const waiter of this.#waiters)
      waiter.settle(new OutboxClosedError('The outbox was closed before all was delivered'));
  }

  #releaseReached(): void {
    if (this.#waiters.size === 0) return;
    const empty = this.#pending() === 0;
    for (const waiter of this.#waiters) if (empty || this.#left >= waiter.target) waiter.settle();
  }
}

function aborted(signal: AbortSignal): RufusAbortError {
  return new RufusAbortError("drained: the wait was aborted by the caller's signal.", { cause: signal.reason });
}
