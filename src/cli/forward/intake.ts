import { RufusRequestValidationError } from 'rufus-client';
import { type Outbox, OutboxBusyError, OutboxFullError, type Receipt } from 'rufus-client/outbox';
import type { RecordedPassing } from '../records/fields.js';
import type { Line } from '../records/lines.js';
import type { RecordReader } from '../records/reader.js';
import { pause } from './pause.js';
import type { LinePlace, RejectedFile } from './rejected-file.js';

/** How long a full disk is left alone before it is tried again. */
const FULL_MS = 1_000;
const BUSY_MS = 20;

/** A line as it was read: a passing, or a reason. Blank lines and headers are none. */
export interface ReadLine {
  readonly line: Line;
  readonly passing: RecordedPassing | undefined;
  readonly reason: string | undefined;
}

/** Where a source stands behind some lines: stored with them, in one step. */
export interface SourcePosition {
  readonly name: string;
  readonly position: string;
}

/** What became of a line: its number, or why it was rejected. */
export type Outcome = { readonly num: number } | { readonly reason: string };

export interface IntakeEvents {
  rejected(reason: string, count: number): void;
  /** Lines wait, because there is no room; undefined: no longer. */
  waiting(cause: Error | undefined): void;
}

export interface Counts {
  /** Lines that were read, blank ones and headers left out. */
  read: number;
  /** Lines that became no passing. */
  rejected: number;
}

/** Takes lines from every input: good ones go to the outbox, bad ones to the file of rejected lines. Nothing is ever dropped. */
export class Intake {
  readonly counts: Counts = { read: 0, rejected: 0 };
  readonly #outbox: Outbox;
  readonly #rejected: RejectedFile;
  readonly #events: IntakeEvents;
  readonly #stop: AbortSignal;
  #waiting = 0;

  /** @param stop Ends the waiting for room: what waits was not taken. */
  constructor(outbox: Outbox, rejected: RejectedFile, events: IntakeEvents, stop: AbortSignal) {
    this.#outbox = outbox;
    this.#rejected = rejected;
    this.#events = events;
    this.#stop = stop;
  }

  read(lines: readonly Line[], reader: RecordReader): ReadLine[] {
    const read: ReadLine[] = [];
    for (const line of lines) {
      const reading = reader.read(line);
      if (reading !== undefined) read.push({ line, passing: reading.passing, reason: reading.reason });
    }
    this.counts.read += read.length;
    return read;
  }

  /**
   * Resolves when all of them are on disk, with what became of each. With a position, that is stored, too; a position is
   * stored only behind what it passes.
   *
   * @throws AbortError - it was told to stop while there was no room: some of the bad ones may have been written, no good one was taken
   */
  async store(
    source: string,
    lines: readonly ReadLine[],
    position?: SourcePosition & Pick<LinePlace, 'generation'>,
  ): Promise<Outcome[]> {
    const reasons = new Map<ReadLine, string>();
    for (const each of lines) if (each.reason !== undefined) reasons.set(each, each.reason);
    await this.#reject(source, [...reasons.keys()], reasons, position?.generation);
    for (;;) {
      const good = lines.filter((each) => !reasons.has(each));
      try {
        const receipts = await this.#append(good, position);
        const numbers = new Map(good.map((each, index) => [each, receipts[index]!.num_passing]));
        return lines.map((each) => {
          const reason = reasons.get(each);
          return reason === undefined ? { num: numbers.get(each)! } : { reason };
        });
      } catch (error) {
        // What the reader takes, the outbox takes; should they ever differ, it costs one line and not the list.
        if (!(error instanceof RufusRequestValidationError)) throw error;
        const refused = refusedIn(error, good);
        if (refused.size === 0) throw error;
        for (const [each, reason] of refused) reasons.set(each, reason);
        await this.#reject(source, [...refused.keys()], reasons, position?.generation);
      }
    }
  }

  async #reject(
    source: string,
    lines: readonly ReadLine[],
    reasons: ReadonlyMap<ReadLine, string>,
    generation: number | undefined,
  ): Promise<void> {
    if (lines.length === 0) return;
    const entries = lines.map((each) => ({
      source,
      reason: reasons.get(each)!,
      line: each.line,
      place: generation === undefined ? undefined : { generation, offset: each.line.start },
    }));
    await this.#patiently(() => this.#rejected.write(entries));
    this.counts.rejected += lines.length;
    this.#events.rejected(entries.at(-1)!.reason, lines.length);
  }

  async #append(good: readonly ReadLine[], position: SourcePosition | undefined): Promise<readonly Receipt[]> {
    if (good.length === 0 && position === undefined) return [];
    const passings = good.map(({ passing }) => passing!);
    const source = position && { name: position.name, position: position.position };
    return this.#patiently(() => this.#outbox.append(passings, { ...(source && { source }) }));
  }

  /** As often as it takes while there is no room. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    let waits = false;
    try {
      for (;;) {
        try {
          return await work();
        } catch (error) {
          if (!isFull(error)) throw error;
          if (!waits && this.#waiting++ === 0) this.#events.waiting(error);
          waits = true;
          await pause(error instanceof OutboxBusyError ? BUSY_MS : FULL_MS, this.#stop);
          this.#stop.throwIfAborted();
        }
      }
    } finally {
      if (waits && --this.#waiting === 0) this.#events.waiting(undefined);
    }
  }
}

function isFull(error: unknown): error is Error {
  if (error instanceof OutboxBusyError || error instanceof OutboxFullError) return true;
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function refusedIn(error: RufusRequestValidationError, list: readonly ReadLine[]): Map<ReadLine, string> {
  const refused = new Map<ReadLine, string>();
  for (const { path, message } of error.issues) {
    const [, index, ...field] = path;
    const line = list[Number(index)];
    if (line !== undefined && !refused.has(line)) refused.set(line, [...field, message].join(': '));
  }
  return refused;
}
