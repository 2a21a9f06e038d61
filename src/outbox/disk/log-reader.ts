import type { Entry, HistoryEntry, JournalEvents } from '../journal.js';
import { decodeLine, recordOf } from './codec.js';
import type { Delivered } from './delivered.js';
import type { Disk, DiskFile } from './disk.js';
import type { Segment, SegmentedLog } from './log.js';
import type { ParkedLog } from './parked.js';
import type { LogRecord, PassingRecord } from './records.js';
import { LineReader, readSegments, type SequencedRecord } from './segment-reader.js';
import type { LogState } from './state.js';

type Stored = SequencedRecord<PassingRecord>;

export interface ReaderSetup {
  readonly disk: Disk;
  readonly folder: string;
  readonly log: SegmentedLog;
  readonly parked: Pick<ParkedLog, 'everParked'>;
  readonly delivered: Pick<Delivered, 'segments'>;
  readonly state: LogState;
  readonly events: Partial<Pick<JournalEvents, 'damaged'>>;
}

/** Reads the log once, in order; at its end it continues with what is committed next. Apart from that, all that the folder still has. */
export class LogReader {
  #segment: Segment | null = null;
  #file: DiskFile | null = null;
  #lines: LineReader | null = null;
  #held: Stored | null = null;
  #peeking = false;
  /** Records beyond it are void: the next segment holds them. */
  #limit = Number.POSITIVE_INFINITY;

  readonly #setup: ReaderSetup;
  /** The seq of the last passing that was given or cannot be read. */
  #seen: number;

  constructor(setup: ReaderSetup) {
    this.#setup = setup;
    this.#seen = setup.state.checkpoint.seq;
  }

  /** The next passings, up to `max` and `maxBytes`, all of one session; at least one if there is any. */
  async read(limits: { readonly max: number; readonly maxBytes: number }): Promise<Entry[]> {
    const batch: Entry[] = [];
    let bytes = 0;
    while (batch.length < limits.max) {
      const stored = this.#peekMemory() ?? (await this.peek());
      if (stored === null) break;
      const entry = this.#setup.state.entryOf(stored);
      bytes += entry.bytes;
      const fits = bytes <= limits.maxBytes && entry.token_session === batch[0]?.token_session;
      if (batch.length > 0 && !fits) break;
      this.#held = null;
      batch.push(entry);
    }
    return batch;
  }

  /** The next passing, which stays the next; null at the end of what is durable. */
  async peek(): Promise<Stored | null> {
    this.#peeking = true;
    try {
      return await this.#look();
    } finally {
      this.#peeking = false;
    }
  }

  /** Closes a segment that was read to its end and removed: its space is freed only then. */
  async closeRemoved(): Promise<void> {
    // A read that is under way moves on by itself.
    if (!this.#peeking && this.#segment !== null && !this.#setup.log.segments.includes(this.#segment))
      await this.close();
  }

  async #look(): Promise<Stored | null> {
    while (this.#peekMemory() === null) {
      const size = this.#segment?.size ?? 0;
      if (this.#lines !== null && (await this.#lines.fill(size))) continue;
      // More became durable during the read.
      if (this.#segment !== null && this.#segment.size > size) continue;
      if (!(await this.#nextSegment())) return null;
    }
    return this.#held;
  }

  /** As `peek`, without reading from the disk. */
  #peekMemory(): Stored | null {
    this.#held ??= this.#nextInMemory();
    return this.#held;
  }

  /** Begins again at the first pending passing. Not during a `read`. */
  async restart(): Promise<void> {
    await this.close();
    this.#segment = null;
    this.#held = null;
    this.#limit = Number.POSITIVE_INFINITY;
    this.#seen = this.#setup.state.checkpoint.seq;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#lines = null;
    await file?.close().catch(() => undefined);
  }

  /** All passings that the folder holds, except those that were parked, or moved under another number. */
  async *history(): AsyncGenerator<HistoryEntry[]> {
    const { disk, folder, log, parked, delivered, state } = this.#setup;
    const { last } = state;
    const elsewhere = await parked.everParked();
    const segments = [...delivered.segments, ...log.segments];
    for await (const records of readSegments<LogRecord>(disk, segments, { last, movedTo: `${folder}/delivered` })) {
      const chunk: HistoryEntry[] = [];
      for (const { seq, bytes, record } of records) {
        if (record.t !== 'p' || elsewhere.has(seq) || state.moved.has(seq)) continue;
        const entry = state.entryOf({ seq, bytes, record });
        chunk.push({ ...entry, state: seq <= state.checkpoint.seq ? 'delivered' : 'pending' });
      }
      if (chunk.length > 0) yield chunk;
    }
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

  /** Goes on to the next segment; false if there is none yet. */
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

  /** What lies between the last passing given and `upTo`, included, cannot be read. */
  #pass(upTo: number): void {
    if (upTo <= this.#seen) return;
    const { state, events } = this.#setup;
    const corruptRecords = state.missing.add(this.#seen + 1, upTo);
    this.#seen = upTo;
    if (corruptRecords > 0) events.damaged?.({ records: 0, tornBytes: 0, corruptRecords });
  }
}
