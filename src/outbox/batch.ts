import type { Rejection } from './disposition.js';
import type { Entry, ParkReason, Tallies } from './journal.js';

/** Who hands out batches to be sent, and is told what became of each chunk: the log, or a resend beside it. */
export interface BatchQueue {
  /** What is being sent. */
  readonly batch: Batch;
  /** The server has these, which the batch no longer holds. */
  delivered(chunk: readonly Entry[], tallies: Tallies): void;
  /** A request with these got no answer: the server may have stored them. */
  inDoubt(chunk: readonly Entry[]): void;
  /** The server refuses this very passing. */
  rejected(chunk: readonly Entry[], rejection: Rejection, reason: ParkReason['reason']): void | Promise<void>;
  sessionClosed(token_session: string, rejection: Rejection): void;
}

/**
 * Passings that are being sent, all of one session, and how they are cut into requests. Always taken from the front:
 * the server sees numbers in order.
 */
export class Batch {
  #entries: readonly Entry[];
  /** Lengths of the next chunks, where a rejection has cut them. */
  #cuts: number[] = [];

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** All that is left. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** What the next request takes: at least one, and up to `max` and about `maxBytes`, to the nearest whole passing. */
  chunk(max: number, maxBytes: number): readonly Entry[] {
    const most = Math.min(max, this.#cuts[0] ?? this.#entries.length);
    let count = 0;
    for (let bytes = 0; count < most; count++) {
      const next = this.#entries[count]!.bytes;
      if (count > 0 && bytes + next / 2 > maxBytes) break;
      bytes += next;
    }
    return count === this.#entries.length ? this.#entries : this.#entries.slice(0, count);
  }

  /** The first `count` go in two chunks. */
  halve(count: number): void {
    this.#shorten(count);
    const first = Math.ceil(count / 2);
    this.#cuts.unshift(first, count - first);
  }

  /** The first `count` are dealt with. */
  drop(count: number): void {
    this.#shorten(count);
    this.#entries = this.#entries.slice(count);
  }

  #shorten(count: number): void {
    const cut = this.#cuts.shift();
    if (cut !== undefined && cut > count) this.#cuts.unshift(cut - count);
  }
}

export const bytesOf = (entries: readonly Entry[]): number => entries.reduce((sum, { bytes }) => sum + bytes, 0);

/** The first and the last number. */
export const numbersOf = (entries: readonly Entry[]): [number, number] => [
  entries[0]!.num_passing,
  entries.at(-1)!.num_passing,
];

/** Passings that the server may have although it has not said so: there, and only there, duplicates are expected. */
export class InDoubtRange {
  #upTo = 0;

  /** An attempt with these ended without an answer. */
  extend(entries: readonly Entry[]): void {
    this.#upTo = Math.max(this.#upTo, entries.at(-1)!.seq);
  }

  /** All that is known is known for certain again. */
  clear(): void {
    this.#upTo = 0;
  }

  /** How many of these it is about: the first ones. */
  count(entries: readonly Entry[]): number {
    const certain = entries.findIndex(({ seq }) => seq > this.#upTo);
    return certain === -1 ? entries.length : certain;
  }
}
