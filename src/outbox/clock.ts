/** The two clocks and the timers the outbox runs on, so that a test can turn them by hand. */
export interface Clock {
  /** Milliseconds since the epoch. May jump, either way. */
  wall(): number;
  /** Milliseconds with fractions. Never goes back; on most systems it counts from the boot, so that it outlives this process. */
  mono(): number;
  /** Calls `run` once, after `ms` of monotonic time; returns what cancels it. Keeps the process alive only if told to. */
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

/** Slower than this is drift, or the slewing of a time service. */
const STEP_MS = 1_000;
const LOOK_EVERY_MS = 5_000;

interface ClockSample {
  readonly wall: number;
  readonly mono: number;
}

/** Tells when the wall clock was set, by holding it against the monotonic one. Returns what ends the watch. */
export function watchClock(clock: Clock, since: ClockSample | null, stepped: (ms: number) => void): () => void {
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

const sample = (clock: Clock): ClockSample => ({ wall: clock.wall(), mono: clock.mono() });
