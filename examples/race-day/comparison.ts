import type { Passing, PassingInput } from 'rufus-client';

export interface Differences {
  /** Sent, but not read back. */
  readonly missing: number;
  /** Read back with another content than was sent. */
  readonly altered: number;
  /** Read back, but never sent. */
  readonly unexpected: number;
  /** Read back more than once. */
  readonly repeated: number;
}

/** Holds what is read back against what was sent: passing by passing, field by field. Counts alone would let two faults hide each other. */
export class Comparison {
  readonly #sent: ReadonlyMap<number, PassingInput>;
  readonly #seen = new Set<number>();
  #altered = 0;
  #unexpected = 0;
  #repeated = 0;

  constructor(sent: readonly PassingInput[]) {
    this.#sent = new Map(sent.map((passing) => [passing.num_passing, passing]));
  }

  take(received: Passing): void {
    const { num_passing } = received;
    const sent = this.#sent.get(num_passing);
    if (sent === undefined) this.#unexpected++;
    else if (this.#seen.has(num_passing)) this.#repeated++;
    else if (!isSame(sent, received)) this.#altered++;
    this.#seen.add(num_passing);
  }

  differences(): Differences {
    return {
      missing: [...this.#sent.keys()].filter((num_passing) => !this.#seen.has(num_passing)).length,
      altered: this.#altered,
      unexpected: this.#unexpected,
      repeated: this.#repeated,
    };
  }
}

const isSame = (sent: PassingInput, received: Passing): boolean =>
  sent.timestamp === received.timestamp &&
  sent.bib === received.bib &&
  sent.chip === received.chip &&
  sent.gender === received.gender &&
  sent.timezone === received.timezone &&
  sent.latitude === received.latitude &&
  sent.longitude === received.longitude;
