import type { Rejection } from './disposition.js';
import type { Entry, ParkReason, Tallies } from './journal.js';

/** A source of batches to send, which is called with the result of each chunk: the log, or a resend. */
export interface BatchQueue {
  /** What is being sent. */
  readonly batch: Batch;
  /** The server has these. They are no longer in the batch. */
  delivered(chunk: readonly Entry[], tallies: Tallies): void;
  /** A request with these failed: the server may have stored them. */
  inDoubt(chunk: readonly Entry[]): void;
  /** The server rejects this single passing. */
  rejected(chunk: readonly Entry[], rejection: Rejection, reason: ParkReason['reason']): void | Promise<void>;
  sessionClosed(token_session: string, rejection: Rejection): void;
}

/**
 * Passings that are being sent, all of one session, and how they are cut into requests. Always taken from the front:
 * the server sees numbers in order.
 */
export class Batch {
  #entries: readonly Entry[];
  /** Lengths of the next chunks, after a halving. */
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

  /** The first `count` are sent as two chunks. */
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

/** The passings that the server may have without having confirmed them. Duplicates are expected there, and nowhere else. */
export class InDoubtRange {
  #upTo = 0;

  /** A request with these may have been stored. */
  extend(entries: readonly Entry[]): void {
    this.#upTo = Math.max(this.#upTo, entries.at(-1)!.seq);
  }

  /** Nothing is in doubt any more. */
  clear(): void {
    this.#upTo = 0;
  }

  /** How many of these are in doubt: the first ones. */
  count(entries: readonly Entry[]): number {
    const certain = entries.findIndex(({ seq }) => seq > this.#upTo);
    return certain === -1 ? entries.length : certain;
  }
}

/** Deliveries in a row after which a slow link is tried with more. */
const WINS = 3;
/** After so long the size that a 413 has taught is doubled. */
const BELIEVED_MS = 3_600_000;

/** How many bytes a request may have, learned from requests that were too large or too slow. */
export class RequestSize {
  readonly #max: number;
  readonly #mono: () => number;
  /** What the server accepts, after a 413. */
  #allowed: number;
  #learnedAt = 0;
  /** What the link transfers in time: grows again with success. */
  #bearable: number;
  #wins = 0;

  constructor(max: number, mono: () => number) {
    this.#max = max;
    this.#mono = mono;
    this.#allowed = max;
    this.#bearable = max;
  }

  get bytes(): number {
    if (this.#allowed < this.#max && this.#mono() - this.#learnedAt > BELIEVED_MS) this.#learn(this.#allowed * 2);
    return Math.min(this.#allowed, this.#bearable);
  }

  /** The server has answered 413. */
  tooLarge(bytes: number): void {
    this.#learn(bytes / 2);
  }

  /** The request has timed out. */
  tooSlow(bytes: number): void {
    this.#bearable = Math.min(this.#bearable, bytes / 2);
    this.#wins = 0;
  }

  delivered(): void {
    if (this.#bearable >= this.#max || ++this.#wins < WINS) return;
    this.#bearable = Math.min(this.#max, this.#bearable * 2);
    this.#wins = 0;
  }

  #learn(bytes: number): void {
    this.#allowed = Math.min(this.#max, bytes);
    this.#learnedAt = this.#mono();
  }
}
