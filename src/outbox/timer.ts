import type { Clock } from './clock.js';

const MAX_TIMER_MS = 2 ** 31 - 1;

/** What ends a sleep early: anything that gives work, or only a person. */
export type Wakes = 'by news' | 'by hand';

/** One who sleeps, and can be woken. */
export class Sleeper {
  readonly #clock: Clock;
  #sleep: { readonly wakes: Wakes; readonly end: () => void } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps the process alive, unless it is endless. */
  sleep(ms: number, wakes: Wakes): Promise<void> {
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

  wake(how: Wakes): void {
    if (this.#sleep !== null && (how === 'by hand' || this.#sleep.wakes === 'by news')) this.#sleep.end();
  }
}
