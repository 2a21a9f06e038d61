/** Repeatable chance: the same seed gives the same run. */
export class Random {
  private state: number;
  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }
  /** In [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  /** In [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  pick<T>(of: readonly T[]): T {
    return of[this.int(of.length)]!;
  }
}

/** `short` in everyday runs; RUFUS_OUTBOX_CYCLES=20 makes every loop of the outbox's proofs twenty times as long. */
export const cycles = (short: number): number => Math.round(short * Number(process.env.RUFUS_OUTBOX_CYCLES ?? 1));

/** RUFUS_OUTBOX_SEED repeats a run whose failure printed a seed. */
export const seedOf = (usual: number): number => Number(process.env.RUFUS_OUTBOX_SEED ?? usual);
