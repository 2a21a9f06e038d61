import { performance } from 'node:perf_hooks';

/** The two clocks and the timers the outbox runs on, so that a test can turn them by hand. */
export interface Clock {
  /** Milliseconds since the epoch. May jump, either way. */
  wall(): number;
  /** Milliseconds since some moment in the life of this process, with fractions. Never goes back. */
  mono(): number;
  /** Calls `run` once, after `ms` of monotonic time; returns what cancels it. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  wall: Date.now,
  mono: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
