import type { Clock } from './clock.js';

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
