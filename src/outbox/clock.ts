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
