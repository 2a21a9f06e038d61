import type { Passing } from 'rufus-client';
import { table } from '../support/table.js';

const LAST = 8;
const REDRAW_MS = 100;
const HOME_AND_CLEAR = '\x1b[H\x1b[J';

interface Crossing {
  readonly checkpoint: string;
  readonly passing: Passing;
}

/** The last crossings, newest first, and the count at each checkpoint. Drawn over and over on a terminal, once at the end elsewhere. */
export class Board {
  readonly #counts: Map<string, number>;
  readonly #isTerminal = process.stdout.isTTY === true;
  #last: Crossing[] = [];
  #drawnAt = 0;

  constructor(counts: Iterable<readonly [checkpoint: string, count: number]>) {
    this.#counts = new Map(counts);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  take(checkpoint: string, passings: readonly Passing[]): void {
    this.#counts.set(checkpoint, (this.#counts.get(checkpoint) ?? 0) + passings.length);
    const newest = passings.slice(-LAST).map((passing) => ({ checkpoint, passing }));
    this.#last = [...newest.reverse(), ...this.#last].slice(0, LAST);
    if (!this.#isTerminal || performance.now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = performance.now();
    process.stdout.write(HOME_AND_CLEAR + this.#picture());
  }

  end(): void {
    process.stdout.write((this.#isTerminal ? HOME_AND_CLEAR : '') + this.#picture());
  }

  #picture(): string {
    const counts = table(
      [{ title: 'Checkpoint' }, { title: 'Crossings', align: 'right' }],
      [...this.#counts].map(([checkpoint, count]) => [checkpoint, count.toLocaleString('en')]),
    );
    const last = table(
      [{ title: 'Last over a mat' }, { title: 'Bib', align: 'right' }, { title: 'Time of day (UTC)' }],
      this.#last.map(({ checkpoint, passing }) => [checkpoint, passing.bib, passing.timestamp.slice(11, 23)]),
    );
    return `${counts}\n\n${last}\n`;
  }
}
