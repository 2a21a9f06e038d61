/** A delay in milliseconds that doubles from `baseMs` up to `maxMs`. */
export function exponentialDelay(baseMs: number, maxMs: number, doublings: number): number {
  // 0 * Infinity would be no number.
  return Math.min(maxMs, baseMs * 2 ** Math.min(doublings, 64));
}

/** A random delay from `least` of it (0 to 1) to all of it, so that many clients do not come back at the same moment. */
export function jittered(delayMs: number, least: number, random: () => number = Math.random): number {
  return delayMs * (least + random() * (1 - least));
}
