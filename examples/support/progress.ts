const BAR_WIDTH = 30;
const REDRAW_MS = 100;

/** A bar on a terminal's standard error; nothing where that is a file or a pipe. */
export class Progress {
  readonly #label: string;
  readonly #total: number;
  readonly #shown = process.stderr.isTTY === true;
  #count = 0;
  #drawnAt = 0;

  constructor(label: string, total: number) {
    this.#label = label;
    this.#total = total;
  }

  add(count: number): void {
    this.#count += count;
    if (!this.#shown || performance.now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = performance.now();
    const done = this.#total === 0 ? 1 : Math.min(1, this.#count / this.#total);
    const bar = '█'.repeat(Math.round(done * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
    process.stderr.write(`\r${this.#label} ${bar} ${this.#count.toLocaleString('en')}`);
  }

  /** Wipes the bar. */
  end(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }
}
