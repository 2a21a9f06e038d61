/** The two clocks and the timer that the outbox uses: a test injects its own. */
export interface Clock {
  /** Milliseconds since the epoch. May jump, either way. */
  wall(): number;
  /** Milliseconds with fractions. Never goes back; on most systems it counts from the boot, so that it is comparable across processes. */
  mono(): number;
  /** Calls `run` once, after `ms` of monotonic time; returns what cancels it. Keeps the process alive only with `keepAlive`. */
  after(ms: number, run: () => void, keepAlive?: boolean): () => void;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  mono() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
  after(ms, run, keepAlive = false) {
    const timer = setTimeout(run, ms);
    if (!keepAlive) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A smaller difference is drift, or the slewing of a time service. */
const STEP_MS = 1_000;
const LOOK_EVERY_MS = 5_000;

/** Calls `stepped` when the wall clock was set, by comparing it with the monotonic one. Returns what ends the watch. */
export function watchClock(
  clock: Clock,
  since: ReturnType<typeof sample> | null,
  stepped: (ms: number) => void,
): () => void {
  let last = since ?? sample(clock);
  let cancel = (): void => {};
  const look = (): void => {
    const now = sample(clock);
    const ms = Math.round(now.wall - last.wall - (now.mono - last.mono));
    last = now;
    if (Math.abs(ms) >= STEP_MS) stepped(ms);
    cancel = clock.after(LOOK_EVERY_MS, look);
  };
  look();
  return () => cancel();
}

const sample = (clock: Clock): { readonly wall: number; readonly mono: number } => ({
  wall: clock.wall(),
  mono: clock.mono(),
});

const MAX_TIMER_MS = 2 ** 31 - 1;

/** What ends a sleep early: new work, or only the operator (`pause`, `resume`, `close`). */
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
