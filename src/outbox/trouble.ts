import type { Clock } from './clock.js';

/** So many failures in a row are more than a hiccup. */
const FAILURES = 3;
/** So many where the last trouble is over for less than a minute: a link that flaps is not told of each time. */
const FLAPPING = 5;
const FLAPPING_MS = 60_000;
/** A failure that nothing has followed for so long is more than a hiccup, too. */
const LASTS_MS = 5_000;

/**
 * When to speak of what stands in the way. An `outage` passes by itself: it is told at the third failure in a row, or 5 s after the first
 * if nothing has succeeded since. A `block` needs a person: at once. Each once until it is over; after a block an outage is no news.
 */
export class Trouble {
  readonly #clock: Clock;
  #since: number | null = null;
  #failures = 0;
  #told: 'nothing' | 'outage' | 'block' = 'nothing';
  #overAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  failed(kind: 'outage' | 'block', tell: () => void): void {
    const now = this.#clock.mono();
    this.#since ??= now;
    this.#failures++;
    if (this.#told === 'block' || this.#told === kind) return;
    const say = (): void => {
      this.#cancel?.();
      this.#told = kind;
      tell();
    };
    const bearable = now - this.#overAt < FLAPPING_MS ? FLAPPING : FAILURES;
    if (kind === 'block' || this.#failures >= bearable) say();
    else this.#cancel ??= this.#clock.after(LASTS_MS, say);
  }

  /** It works. How long it did not, in milliseconds, where that was told. */
  over(): number | undefined {
    this.#cancel?.();
    this.#cancel = undefined;
    const now = this.#clock.mono();
    const ms = this.#told === 'nothing' ? undefined : now - this.#since!;
    if (ms !== undefined) this.#overAt = now;
    this.#since = null;
    this.#failures = 0;
    this.#told = 'nothing';
    return ms;
  }
}
