import { CheckpointFile } from './checkpoint-file.js';
import { copyOnWrite } from './copy-on-write.js';
import type { Disk } from './disk.js';
import { HighWater } from './high-water.js';
import { firstOf } from './log.js';
import { isParkedUpTo } from './parked.js';
import { type Checkpoint, isCounted, type LogRecord, type ParkedLogRecord } from './records.js';
import { type LocatedRecord, scanSegment, takenAtTail } from './segment-reader.js';
import type { Snapshot } from './snapshot.js';
import { NO_CHECKPOINT } from './state.js';

type AnyLogRecord = LogRecord | ParkedLogRecord;

/** What the line of a passing tells about the damage next to it. */
export interface Neighbour {
  readonly session: string;
  readonly num: number;
  /** Wall clock of its commit. */
  readonly at: number;
}

/** A range of a file that is not as it was written. */
export interface DamagedStretch {
  /** Its path from the folder. */
  readonly file: string;
  /** Bytes `from`…`to`, the last one not included; equal where something is missing. */
  readonly from: number;
  readonly to: number;
  /** `torn`: the end of a write that was cut short, and was never confirmed. */
  readonly kind: 'corrupt' | 'missing' | 'torn';
  /** The seqs of the passings that cannot be read; null: none. */
  readonly lost: { readonly first: number; readonly last: number } | null;
  readonly before: Neighbour | null;
  readonly after: Neighbour | null;
}

export interface Examination {
  readonly stretches: readonly DamagedStretch[];
  /** Passings up to this one are delivered or parked. */
  readonly acknowledged: number;
}

/** Reads every segment of a folder to its end. */
export async function examine(snapshot: Snapshot): Promise<Examination> {
  const disk = copyOnWrite(snapshot);
  const { folder, segments } = snapshot;
  const checkpointFile = await CheckpointFile.open(disk, folder);
  const { found: mark } = await HighWater.open(disk, folder);
  const inLog = segments
    .filter(({ name }) => !name.startsWith('parked/'))
    .sort((a, b) => orderOf(a.name) - orderOf(b.name));
  const highWaterMark = Math.max(checkpointFile.found?.durable.seq ?? 0, mark?.seq ?? 0);
  const log = new Examiner({ disk, folder, highWaterMark, isDurable: () => false });
  await log.examine(inLog.map(({ name }) => name));
  const acknowledged = Math.max(checkpointFile.found?.seq ?? 0, log.checkpoint.seq);
  const isDurable = (record: AnyLogRecord): boolean => isParkedUpTo(record, acknowledged);
  const parked = new Examiner({ disk, folder, highWaterMark: 0, isDurable });
  await parked.examine(segments.flatMap(({ name }) => (name.startsWith('parked/') ? name : [])));
  const checkpoints = [checkpointFile.found ?? NO_CHECKPOINT, log.checkpoint, parked.checkpoint];
  return {
    stretches: [
      ...(checkpointFile.found === null ? [lostCheckpoint(snapshot)] : []),
      ...log.stretches,
      ...parked.stretches,
    ],
    acknowledged: Math.max(...checkpoints.map(({ seq }) => seq)),
  };
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const orderOf = (path: string): number => firstOf(nameOf(path))!;

function lostCheckpoint({ contents }: Snapshot): DamagedStretch {
  const size = contents.get('ack.dat')?.length ?? 0;
  const kind = size === 0 ? 'missing' : 'corrupt';
  return { file: 'ack.dat', from: 0, to: size, kind, lost: null, before: null, after: null };
}

/** A commit is known to have been durable by the mark, or by one of its records. */
interface ExaminerSetup {
  readonly disk: Disk;
  readonly folder: string;
  readonly highWaterMark: number;
  readonly isDurable: (record: AnyLogRecord) => boolean;
}

/** Examines the segments of one log, oldest first. */
class Examiner {
  readonly stretches: DamagedStretch[] = [];
  checkpoint: Checkpoint = NO_CHECKPOINT;
  readonly #setup: ExaminerSetup;
  #last: number | null = null;
  #before: Neighbour | null = null;

  constructor(setup: ExaminerSetup) {
    this.#setup = setup;
  }

  async examine(files: readonly string[]): Promise<void> {
    for (const [index, name] of files.entries()) {
      const next = files[index + 1];
      await this.#segment(name, next === undefined ? undefined : orderOf(next) - 1);
    }
  }

  /** `limit`: the last seq that counts here; undefined in the newest segment. */
  async #segment(file: string, limit: number | undefined): Promise<void> {
    const { disk, folder, highWaterMark, isDurable } = this.#setup;
    this.#last ??= orderOf(file) - 1;
    const handle = await disk.open(`${folder}/${file}`, 'read');
    let from = 0;
    const scan = await scanSegment<AnyLogRecord>(handle, {
      first: orderOf(file),
      limit,
      isDurable: ({ seq, record }) => seq <= highWaterMark || isDurable(record),
      accept: (found, isBehindDamage) => {
        const { offset, end, seq, record } = found;
        if (isBehindDamage || seq - 1 > this.#last!) this.#add(file, from, offset, seq - 1, record);
        this.#accept(found);
        from = end;
      },
    });
    const { broken, damaged, end, size } = scan;
    const upTo = limit ?? Math.max(takenAtTail(scan, this.#last), highWaterMark);
    const isCut = limit === undefined && damaged.some(({ offset }) => offset >= end);
    if (upTo > this.#last || isCut || broken.length > 0) this.#add(file, end, size, upTo, null);
  }

  #accept({ seq, record }: LocatedRecord<AnyLogRecord>): void {
    this.#last = isCounted(record) ? seq : Math.max(this.#last!, seq - 1);
    this.#before = neighbourOf(record) ?? this.#before;
    if ('ack' in record && record.ack !== undefined && record.ack.seq > this.checkpoint.seq)
      this.checkpoint = record.ack;
  }

  #add(file: string, from: number, to: number, upTo: number, next: AnyLogRecord | null): void {
    const last = this.#last!;
    const lost = upTo > last ? { first: last + 1, last: upTo } : null;
    const kind = from === to ? 'missing' : lost === null && next === null ? 'torn' : 'corrupt';
    this.stretches.push({ file, from, to, kind, lost, before: this.#before, after: next && neighbourOf(next) });
    this.#last = Math.max(last, upTo);
  }
}

const neighbourOf = (record: AnyLogRecord): Neighbour | null =>
  record.t === 'p' ? { session: record.session, num: record.num, at: record.at } : null;
