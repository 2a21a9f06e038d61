import type { Clock } from '../../../src/outbox/clock.js';

/** Turned by hand. */
export class HandClock implements Clock {
  #wall = Date.parse('2026-03-15T09:00:00.000Z');
  #mono = 1_000;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  wall = () => this.#wall;
  mono = () => this.#mono;
  after(ms: number, run: () => void) {
    const timer = { at: this.#mono + ms, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Milliseconds until each timer that is set, the shortest first. */
  get timers(): number[] {
    return [...this.#timers].map(({ at }) => at - this.#mono).sort((a, b) => a - b);
  }

  /** Somebody sets the wall clock. */
  set(ms: number) {
    this.#wall += ms;
  }

  /** Time passes, timer by timer; what each of them starts comes to rest before the next. */
  async pass(ms: number) {
    await rest();
    const end = this.#mono + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#step(next.at - this.#mono);
      this.#timers.delete(next);
      next.run();
      await rest();
    }
    this.#step(end - this.#mono);
    await rest();
  }

  #step(ms: number) {
    this.#wall += ms;
    this.#mono += ms;
  }
}

/** Lets everything run that waits for neither time nor network. */
export async function rest() {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
