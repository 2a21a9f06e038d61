import { exponentialDelay, jittered } from '../core/retry.js';

/** A longer Retry-After is cut to this. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** Exponential back-off with full jitter: a pause between 0 and a ceiling that doubles with each failure in a row. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  /** Failures in a row. */
  failures = 0;

  constructor({ firstMs, maxMs }: { firstMs: number; maxMs: number }, random: () => number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Counts a failure. Returns the pause after it in milliseconds, at least what the server asked for. */
  next(retryAfterMs = 0): number {
    const ceiling = exponentialDelay(this.#firstMs, this.#maxMs, this.failures++);
    return Math.max(jittered(ceiling, 0, this.#random), Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
  }

  reset(): void {
    this.failures = 0;
  }
}
