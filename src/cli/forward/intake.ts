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
export type Outcome = number | string;

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
    await this.#reject(source, lines.filter(isBad), position?.generation);
    let judged = lines;
    for (;;) {
      const good = judged.filter((each) => !isBad(each));
      try {
        const receipts = await this.#append(good, position);
        let next = 0;
        return judged.map(({ reason }) => reason ?? receipts[next++]!.num_passing);
      } catch (error) {
        // What the reader takes, the outbox takes; should they ever differ, it costs one line and not the list.
        if (!(error instanceof RufusRequestValidationError)) throw error;
        const refused = refusedIn(error, good);
        if (refused.size === 0) throw error;
        judged = judged.map((each) => refused.get(each) ?? each);
        await this.#reject(source, [...refused.values()], position?.generation);
      }
    }
  }

  async #reject(source: string, lines: readonly ReadLine[], generation: number | undefined): Promise<void> {
    const last = lines.at(-1);
    if (last === undefined) return;
    const entries = lines.map(({ line, reason }) => ({
      source,
      reason: reason!,
      line,
      place: generation === undefined ? undefined : { generation, offset: line.start },
    }));
    await this.#patiently(() => this.#rejected.write(entries));
    this.counts.rejected += lines.length;
    this.#events.rejected(last.reason!, lines.length);
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

const isBad = ({ reason }: ReadLine): boolean => reason !== undefined;

/** The lines of the list that are refused, with the reason. */
function refusedIn(error: RufusRequestValidationError, list: readonly ReadLine[]): Map<ReadLine, ReadLine> {
  const refused = new Map<ReadLine, ReadLine>();
  for (const { path, message } of error.issues) {
    const [, index, ...field] = path;
    const each = list[Number(index)];
    if (each === undefined || refused.has(each)) continue;
    refused.set(each, { line: each.line, passing: undefined, reason: [...field, message].join(': ') });
  }
  return refused;
}
