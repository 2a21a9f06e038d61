import type { PerMinute } from './wire.js';

const MINUTE_MS = 60_000;
/** A week. Beyond it the earliest minutes go. */
const MOST = 10_080;

/** Crossings by the minute of their own time. */
export class Minutes {
  readonly #counts = new Map<number, number>();
  readonly #changed = new Set<number>();

  add(timeMs: number): void {
    const minute = Math.floor(timeMs / MINUTE_MS);
    this.#counts.set(minute, (this.#counts.get(minute) ?? 0) + 1);
    this.#changed.add(minute);
    if (this.#counts.size <= MOST) return;
    const earliest = Math.min(...this.#counts.keys());
    this.#counts.delete(earliest);
    this.#changed.delete(earliest);
  }

  all(): PerMinute {
    return this.#told([...this.#counts.keys()].sort((a, b) => a - b));
  }

  /** Those that have changed since this was last asked. */
  changes(): PerMinute {
    const changed = this.#told([...this.#changed]);
    this.#changed.clear();
    return changed;
  }

  #told(minutes: readonly number[]): PerMinute {
    return minutes.map((minute) => [new Date(minute * MINUTE_MS).toISOString(), this.#counts.get(minute) ?? 0]);
  }
}
