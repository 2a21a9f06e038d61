const BAR_WIDTH = 30;
const REDRAW_MS = 100;

interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A bar on a terminal's standard error; nothing where that is a file or a pipe. */
export class Progress {
  readonly #label: string;
  readonly #total: number;
  readonly #screen: Screen | undefined;
  #count = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(label: string, total: number, screen: Screen = process.stderr) {
    this.#label = label;
    this.#total = total;
    this.#screen = screen.isTTY ? screen : undefined;
  }

  add(count: number): void {
    this.#count += count;
    if (this.#screen === undefined || performance.now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = performance.now();
    const done = this.#total === 0 ? 1 : Math.min(1, this.#count / this.#total);
    const bar = '█'.repeat(Math.round(done * BAR_WIDTH)).padEnd(BAR_WIDTH, '░');
    this.#screen.write(`\r${this.#label} ${bar} ${this.#count.toLocaleString('en')}`);
  }

  /** Wipes the bar. */
  end(): void {
    this.#screen?.write('\r\x1b[K');
  }
}
