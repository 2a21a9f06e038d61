import type { Screen } from '../screen.js';

const BAR_WIDTH = 24;

const grouped = new Intl.NumberFormat('en');
/** 145,273 */
export const shown = (count: number): string => grouped.format(count);

/** How far a command has come: a bar where the total is known, else a count. */
export class Progress {
  readonly #screen: Screen;
  readonly #label: string;
  readonly #startedAt = performance.now();
  #total: number | undefined;

  constructor(screen: Screen, label: string, total?: number) {
    this.#screen = screen;
    this.#label = label;
    this.#total = total;
  }

  /** Learnt while it runs. */
  set total(total: number | undefined) {
    this.#total = total;
  }

  at(count: number): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = seconds > 1 ? `, ${shown(Math.round(count / seconds))}/s` : '';
    const total = this.#total;
    if (total === undefined || total < count || total === 0) {
      this.#screen.status(`${this.#label} ${shown(count)}${rate}`);
      return;
    }
    const filled = Math.floor((count / total) * BAR_WIDTH);
    const bar = '█'.repeat(filled).padEnd(BAR_WIDTH, '░');
    this.#screen.status(`${this.#label} ${bar} ${shown(count)} of ${shown(total)}${rate}`);
  }
}
