import { COURSE, type Wave } from './course.js';

/** A runner, with the seconds from the gun of the wave to each checkpoint of COURSE; undefined where no mat saw the chip. */
export interface Runner {
  readonly bib: string;
  readonly gender: 'M' | 'F';
  readonly wave: Wave;
  readonly splits: readonly (number | undefined)[];
}

const MEDIAN_FINISH_S = 3.75 * 3600;
const FINISH_SPREAD = 0.17;
const ELITE_WOMEN = 20;
const OVER_THE_LINE_PER_S = 25;
const DROP_OUT_RATE = 0.02;
const MISSED_READ_RATE = 0.0015;

/** A field as marathons have it: log-normal finishes, seeded into waves, slowing down, some dropping out. The same for the same seed. */
export function generateField(size: number, random: Random): Runner[] {
  const entries = Array.from({ length: size }, () => {
    const gender: Runner['gender'] = random.chance(0.45) ? 'F' : 'M';
    const finish = MEDIAN_FINISH_S * (gender === 'F' ? 1.08 : 0.98) * Math.exp(random.normal() * FINISH_SPREAD);
    return { gender, finish };
  }).sort((a, b) => a.finish - b.finish);

  const elite = new Set(entries.filter(({ gender }) => gender === 'F').slice(0, Math.min(ELITE_WOMEN, size / 50)));
  const inWave = { wheelchairs: 0, women: 0, first: 0, second: 0, third: 0 };
  return entries.map((entry, index) => {
    const wave = elite.has(entry) ? 'women' : waveAt(index / size);
    const place = inWave[wave]++;
    const bib = wave === 'women' ? `F${place + 1}` : String(index + 1);
    return { bib, gender: entry.gender, wave, splits: splitsOf(entry.finish, place / OVER_THE_LINE_PER_S, random) };
  });
}

const waveAt = (position: number): Wave => (position < 1 / 3 ? 'first' : position < 2 / 3 ? 'second' : 'third');

/** Reaching kilometre d takes T * (d / 42.195) ^ (1 + fade): later kilometres are slower. */
function splitsOf(plannedFinish: number, toTheLine: number, random: Random): (number | undefined)[] {
  const finish = plannedFinish * (1 + random.normal() * 0.02);
  const fade = Math.max(0, 0.06 + random.normal() * 0.03);
  const last = random.chance(DROP_OUT_RATE) ? random.below(COURSE.length) : COURSE.length;
  const { km: distance } = COURSE.at(-1)!;
  return COURSE.map(({ km }, index) => {
    if (index > last || random.chance(MISSED_READ_RATE)) return undefined;
    return toTheLine + finish * (km / distance) ** (1 + fade);
  });
}

/** Repeatable chance (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 up to, but not, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from 0 up to, but not, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}
