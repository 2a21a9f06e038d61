import { shown } from '../output/progress.js';
import type { Screen } from '../screen.js';
import type { Figures } from './monitor.js';

const STATUS_MS = 250;
const SUMMARY_MS = 60_000;
const REJECTED_MS = 10_000;

/** Tells whoever watches: a line that changes on a terminal, a line a minute in a service's log. */
export class Report {
  readonly #screen: Screen;
  readonly #figures: () => Figures;
  readonly #timer: NodeJS.Timeout;
  #last = '';
  #rejected = { count: 0, toldAt: Number.NEGATIVE_INFINITY };

  constructor(screen: Screen, figures: () => Figures) {
    this.#screen = screen;
    this.#figures = figures;
    const isTerminal = process.stderr.isTTY === true;
    const tell = () => (isTerminal ? screen.status(statusLine(figures())) : this.#summary());
    this.#timer = setInterval(tell, isTerminal ? STATUS_MS : SUMMARY_MS).unref();
  }

  /** Told at once, and then no more often than every 10 seconds. */
  rejected(reason: string, count: number, path: string): void {
    this.#rejected.count += count;
    const now = performance.now();
    if (now - this.#rejected.toldAt < REJECTED_MS) return;
    const lines = this.#rejected.count === 1 ? 'A line was' : `${this.#rejected.count} lines were`;
    this.#screen.warn(`${lines} rejected, the last one: ${reason}. See ${path}`);
    this.#rejected = { count: 0, toldAt: now };
  }

  /** Ends the line that changes, and leaves the last figures. */
  close(): void {
    clearInterval(this.#timer);
    this.#screen.clearStatus();
    if (this.#figures().read > 0) this.#summary();
  }

  #summary(): void {
    const { outbox, ...figures } = this.#figures();
    const line = statusLine({ ...figures, outbox });
    if (line !== this.#last) this.#screen.note(line);
    this.#last = line;
  }
}

function statusLine({ read, rejected, unknownChips, connections, outbox }: Figures): string {
  const { delivered, pending, parked, state, storage, oldestPendingAgeMs } = outbox;
  return [
    `read ${shown(read)}`,
    `delivered ${shown(delivered)}`,
    `pending ${shown(pending)}`,
    `parked ${shown(parked)}`,
    `rejected ${shown(rejected)}`,
    (storage === 'ok' ? state : `disk ${storage}`) +
      (oldestPendingAgeMs === null ? '' : ` ${duration(oldestPendingAgeMs)}`),
    connections !== undefined && `decoders ${connections}`,
    unknownChips !== undefined && unknownChips > 0 && `unknown chips ${shown(unknownChips)}`,
  ]
    .filter((part) => part !== false)
    .join('  ');
}

function duration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}
