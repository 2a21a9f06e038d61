import type { Entry } from '../journal.js';
import { decodeLine, recordOf } from './codec.js';
import type { Disk, DiskFile } from './disk.js';
import { LineReader } from './line-reader.js';
import type { Segment, SegmentedLog } from './log.js';
import type { LogRecord, PassingRecord } from './records.js';

/** A passing as its line has it. */
export interface Stored {
  readonly seq: number;
  readonly bytes: number;
  readonly record: PassingRecord;
}

export interface ReaderSetup {
  readonly disk: Disk;
  readonly log: SegmentedLog;
  /** These were in the log and cannot be read. */
  readonly lost: (first: number, last: number) => void;
}

/** Goes through the log once, in order, each byte read once; waits at the end for what is committed next. */
export class LogReader {
  #segment: Segment | null = null;
  #file: DiskFile | null = null;
  #lines: LineReader | null = null;
  #held: Stored | null = null;
  #peeking = false;
  /** What a later segment holds is void in this one. */
  #limit = Number.POSITIVE_INFINITY;

  readonly #setup: ReaderSetup;
  /** The seq of the last passing given, or known not to be readable. */
  #seen: number;

  constructor(setup: ReaderSetup, seen: number) {
    this.#setup = setup;
    this.#seen = seen;
  }

  /** The next passing, which stays the next until `advance`; null at the end of what is durable. */
  async peek(): Promise<Stored | null> {
    this.#peeking = true;
    try {
      return await this.#look();
    } finally {
      this.#peeking = false;
    }
  }

  /** Lets go of a segment that was read to its end and is gone: while it is open, it makes no room. */
  async leave(): Promise<void> {
    // Who looks at this moment moves on by itself.
    if (!this.#peeking && this.#segment !== null && !this.#setup.log.segments.includes(this.#segment))
      await this.close();
  }

  async #look(): Promise<Stored | null> {
    while (this.peekMemory() === null) {
      const size = this.#segment?.size ?? 0;
      if (this.#lines !== null && (await this.#lines.fill(size))) continue;
      // More became durable while this looked at the disk.
      if (this.#segment !== null && this.#segment.size > size) continue;
      if (!(await this.#nextSegment())) return null;
    }
    return this.#held;
  }

  /** As `peek`, without reading from the disk. */
  peekMemory(): Stored | null {
    this.#held ??= this.#nextInMemory();
    return this.#held;
  }

  advance(): void {
    this.#held = null;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#lines = null;
    await file?.close().catch(() => undefined);
  }

  #nextInMemory(): Stored | null {
    for (let piece = this.#lines?.take() ?? null; piece !== null; piece = this.#lines!.take()) {
      const line = decodeLine(piece.bytes);
      if (line === null || line.seq <= this.#seen || line.seq > this.#limit) continue;
      const record = recordOf<LogRecord>(line);
      if (record.t !== 'p') continue;
      this.#pass(line.seq - 1);
      this.#seen = line.seq;
      return { seq: line.seq, bytes: piece.bytes.length + 1, record };
    }
    return null;
  }

  /** Moves on once a segment is read to its end; false if there is nothing to move on to yet. */
  async #nextSegment(): Promise<boolean> {
    const { log, disk } = this.#setup;
    const next = this.#segment === null ? this.#firstSegment() : this.#following(this.#segment);
    if (this.#segment !== null) this.#pass(next === undefined ? log.last : next.first - 1);
    if (next === undefined) return false;
    const file = await disk.open(next.path, 'read');
    await this.close();
    this.#segment = next;
    this.#file = file;
    this.#lines = new LineReader(file);
    this.#limit = (this.#following(next)?.first ?? Number.POSITIVE_INFINITY) - 1;
    return true;
  }

  /** The segment that holds what comes after `seen`. */
  #firstSegment(): Segment | undefined {
    const { segments } = this.#setup.log;
    return segments.findLast(({ first }) => first <= this.#seen + 1) ?? segments[0];
  }

  #following(segment: Segment): Segment | undefined {
    return this.#setup.log.segments.find((other) => other !== segment && other.first >= segment.first);
  }

  #pass(upTo: number): void {
    if (upTo <= this.#seen) return;
    this.#setup.lost(this.#seen + 1, upTo);
    this.#seen = upTo;
  }
}

/** Up to `max` passings and `maxBytes`, all of one session; one at least if there is any. */
export async function readBatch(
  reader: LogReader,
  limits: { readonly max: number; readonly maxBytes: number },
  entryOf: (stored: Stored) => Entry,
): Promise<Entry[]> {
  const batch: Entry[] = [];
  let bytes = 0;
  while (batch.length < limits.max) {
    const stored = reader.peekMemory() ?? (await reader.peek());
    if (stored === null) break;
    const entry = entryOf(stored);
    bytes += entry.bytes;
    const fits = bytes <= limits.maxBytes && entry.token_session === batch[0]?.token_session;
    if (batch.length > 0 && !fits) break;
    reader.advance();
    batch.push(entry);
  }
  return batch;
}
