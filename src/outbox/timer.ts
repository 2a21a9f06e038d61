import type { Clock } from './clock.js';

const MAX_TIMER_MS = 2 ** 31 - 1;

/** What ends a sleep early: new work, or only an operator. */
export type WakeReason = 'work' | 'operator';

/** A sleep of the forwarder that can be ended early. */
export class Timer {
  readonly #clock: Clock;
  #sleep: { readonly wakes: WakeReason; readonly end: () => void } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps the process alive, unless it is endless. */
  sleep(ms: number, wakes: WakeReason): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#sleep = null;
        cancel?.();
        resolve();
      };
      const endless = ms === Number.POSITIVE_INFINITY;
      const cancel = endless ? undefined : this.#clock.after(Math.min(ms, MAX_TIMER_MS), end, true);
      this.#sleep = { wakes, end };
    });
  }

  wake(how: WakeReason): void {
    if (this.#sleep !== null && (how === 'operator' || this.#sleep.wakes === 'work')) this.#sleep.end();
  }
}
