import type { Crossing } from './wire.js';

type Kept = Omit<Crossing, 'bib'>;

/** A chip that lies beside a mat is read thousands of times: of one bib so many crossings are kept, the latest to arrive. */
const MOST_CROSSINGS = 500;

/** Who has crossed what. The one part of the board that grows with the race. */
export class Runners {
  readonly #byBib = new Map<string, { readonly seenBy: string[]; crossings: Kept[] }>();

  /** `true` where it is a bib's first at this device. */
  add({ bib, ...crossing }: Crossing): boolean {
    if (bib === '') return false;
    let runner = this.#byBib.get(bib);
    if (runner === undefined) {
      runner = { seenBy: [], crossings: [] };
      this.#byBib.set(bib, runner);
    }
    runner.crossings.push(crossing);
    // Not at each one: shifting a list costs its length.
    if (runner.crossings.length >= 2 * MOST_CROSSINGS) runner.crossings = runner.crossings.slice(-MOST_CROSSINGS);
    const isFirst = !runner.seenBy.includes(crossing.deviceid);
    if (isFirst) runner.seenBy.push(crossing.deviceid);
    return isFirst;
  }

  /** By their own times; one whose time cannot be read stays where it arrived. */
  crossingsOf(bib: string): readonly Kept[] {
    const crossings = this.#byBib.get(bib)?.crossings.slice(-MOST_CROSSINGS) ?? [];
    return crossings.sort((a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp) || 0);
  }
}
