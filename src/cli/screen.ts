import { styleText } from 'node:util';
import truncatedWidth from 'fast-string-truncated-width';
import { printable } from './output/printable.js';

/** A status line that is drawn more often than this flickers. */
const REDRAW_MS = 100;
const CLEAR_LINE = '\r\x1b[K';

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Standard error, as a person sees it: lines that stay and, on a terminal, below them one that changes. */
export class Screen {
  /** Begins the line of an error. */
  name = 'rufus';
  quiet = false;
  readonly hasColor: boolean;
  readonly #stream: Stream;
  #status = '';
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(stream: Stream = process.stderr, environment: NodeJS.ProcessEnv = process.env) {
    this.#stream = stream;
    this.hasColor = allowsColor(stream, environment);
  }

  /** Somebody sees a line that changes. */
  get isWatched(): boolean {
    return this.#stream.isTTY === true && !this.quiet;
  }

  /** For whoever watches; not with --quiet. */
  note(line: string): void {
    if (!this.quiet) this.#keep(line);
  }

  /** What the command was run to find out. */
  say(line: string): void {
    this.#keep(line);
  }

  warn(line: string): void {
    if (!this.quiet) this.#keep(`${this.#colored('yellow', 'warning:')} ${line}`);
  }

  /** What was asked for by --log-level. */
  log(line: string): void {
    this.#keep(`${this.name}: ${line}`);
  }

  error(line: string): void {
    this.#keep(`${this.#colored('red', `${this.name}:`)} ${line}`);
  }

  /** The line that changes. It is cut where it would wrap, and the cursor stays where a shell expects it. */
  status(line: string): void {
    if (!this.isWatched) return;
    const isDue = performance.now() - this.#drawnAt >= REDRAW_MS;
    this.#status = line;
    if (isDue) this.#draw();
  }

  clearStatus(): void {
    if (this.#drawnAt !== Number.NEGATIVE_INFINITY) this.#stream.write(CLEAR_LINE);
    this.#status = '';
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  #keep(line: string): void {
    const isDrawn = this.#drawnAt !== Number.NEGATIVE_INFINITY;
    this.#stream.write(`${isDrawn ? CLEAR_LINE : ''}${line}\n`);
    if (isDrawn) this.#draw();
  }

  #draw(): void {
    this.#drawnAt = performance.now();
    const line = printable(this.#status);
    // The last column stays free: some terminals wrap as soon as it is written.
    const { index, ellipsed } = truncatedWidth(line, { limit: (this.#stream.columns || 80) - 1, ellipsis: '…' });
    this.#stream.write(`\r${line.slice(0, index)}${ellipsed ? '…' : ''}\x1b[K`);
  }

  #colored(color: 'yellow' | 'red', text: string): string {
    return this.hasColor ? styleText(color, text) : text;
  }
}

/** https://no-color.org */
function allowsColor(stream: Pick<Stream, 'isTTY'>, environment: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
}
