import { median } from './stats.js';

/** One way to do the work. */
export interface Contestant {
  readonly name: string;
  /** Does the work until `untilMs` on the clock of `performance.now()`, and says how often it was done. */
  run(untilMs: number): Promise<number>;
}

interface Slice {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

/** Two contestants, slice by slice. */
export class Duel {
  readonly #subject: Slice[] = [];
  readonly #reference: Slice[] = [];

  add(subject: Slice, reference: Slice): void {
    this.#subject.push(subject);
    this.#reference.push(reference);
  }

  /** How many times as often a second the subject did its work as the reference, a round each. */
  get rateRatios(): number[] {
    return this.#subject.map(({ perSecond }, round) => perSecond / this.#reference[round]!.perSecond);
  }

  /** How many times the CPU time of the reference the subject needed each time, a round each. */
  get cpuRatios(): number[] {
    return this.#subject.map(({ cpuMicros }, round) => cpuMicros / this.#reference[round]!.cpuMicros);
  }

  get subject(): Slice {
    return middle(this.#subject);
  }

  get reference(): Slice {
    return middle(this.#reference);
  }
}

/**
 * Lets two contestants run in turn, as neighbours in time, and changes their order every other round: what the machine
 * does meanwhile hits both alike, and the ratio of the neighbours stays.
 */
export async function duel(
  subject: Contestant,
  reference: Contestant,
  { rounds, sliceMs }: { rounds: number; sliceMs: number },
): Promise<Duel> {
  const result = new Duel();
  // What the compiler is still working on would be measured with it.
  for (const contestant of [subject, reference]) await slice(contestant, 2 * sliceMs);
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await slice(subject, sliceMs);
      result.add(first, await slice(reference, sliceMs));
    } else {
      const first = await slice(reference, sliceMs);
      result.add(await slice(subject, sliceMs), first);
    }
  }
  return result;
}

async function slice(contestant: Contestant, ms: number): Promise<Slice> {
  // Nobody clears up after the one before. A full collection also drops compiled code whose objects are all gone just
  // then: it is earned back before the clock starts.
  globalThis.gc?.();
  if (ms > 0) await contestant.run(performance.now() + ms / 2);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const count = await contestant.run(start + ms);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: count / seconds, cpuMicros: (user + system) / count };
}

function middle(slices: readonly Slice[]): Slice {
  return {
    perSecond: median(slices.map(({ perSecond }) => perSecond)),
    cpuMicros: median(slices.map(({ cpuMicros }) => cpuMicros)),
  };
}

/** Keeps `width` calls under way; where the slice has no length, makes that many. */
export function inFlight(name: string, width: number, call: () => Promise<unknown>): Contestant {
  return {
    name,
    async run(untilMs) {
      let count = 0;
      const lane = async (): Promise<void> => {
        do {
          await call();
          count++;
        } while (performance.now() < untilMs);
      };
      await Promise.all(Array.from({ length: width }, lane));
      return count;
    },
  };
}
