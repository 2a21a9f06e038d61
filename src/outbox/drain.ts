import { onAbort } from '../core/abort.js';
import { RufusAbortError } from '../core/errors.js';
import type { Timer } from './clock.js';
import { OutboxClosedError } from './errors.js';
import type { Journal } from './journal.js';

interface Waiter {
  /** The seq up to which nothing may be pending. */
  target: number;
  readonly settle: (error?: Error) => void;
}

/** The waiters of `drained()`. The log is sent in order: one is done when nothing is pending up to the newest passing of its time. */
export class Drain {
  readonly #journal: Pick<Journal, 'newest' | 'pendingUpTo'>;
  readonly #timer: Pick<Timer, 'wake'>;
  readonly #waiters = new Set<Waiter>();

  constructor(journal: Pick<Journal, 'newest' | 'pendingUpTo'>, timer: Pick<Timer, 'wake'>) {
    this.#journal = journal;
    this.#timer = timer;
  }

  get awaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Resolves when all that is pending now is delivered or parked. Batches do not linger meanwhile. */
  wait(signal?: AbortSignal): Promise<void> {
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
      this.#timer.wake('work');
    });
  }

  /** The first pending ones were delivered, parked, or found to be damaged. */
  passed(): void {
    for (const waiter of this.#waiters) if (this.#journal.pendingUpTo(waiter.target) === 0) waiter.settle();
  }

  /** The first pending ones went to the tail: the wait includes them. */
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
