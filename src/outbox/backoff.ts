/** A Retry-After beyond this would be an outage of our own making. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** Full jitter: anything between 0 and a ceiling that doubles with each failure in a row. */
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

  /** Counts a failure; the pause after it in milliseconds, never shorter than the server asked for. */
  next(retryAfterMs = 0): number {
    const ceiling = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.failures++, 64));
    return Math.max(this.#random() * ceiling, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS));
  }

  reset(): void {
    this.failures = 0;
  }
}
