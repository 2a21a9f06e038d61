import { AckFile } from './ack.js';
import { copyOnWrite } from './copy-on-write.js';
import type { Disk } from './disk.js';
import { HighWater } from './high-water.js';
import { firstOf } from './log.js';
import { type Ack, isCounted, type LogRecord, type ParkedLogRecord } from './records.js';
import { type Found, scanSegment, splitLists } from './scan.js';
import type { Snapshot } from './snapshot.js';
import { NO_ACK } from './state.js';

type AnyLogRecord = LogRecord | ParkedLogRecord;

/** A passing's line, as far as it helps to tell what stood beside it. */
export interface Neighbour {
  readonly session: string;
  readonly num: number;
  /** Wall clock of its commit. */
  readonly at: number;
}

/** A stretch of a file that is not as it was written. */
export interface DamagedStretch {
  /** Its path from the folder. */
  readonly file: string;
  /** Bytes `from`…`to`, the last one not included; the same where what is missing stood. */
  readonly from: number;
  readonly to: number;
  /** `torn`: the end of a write that was cut short, and was never confirmed. */
  readonly kind: 'corrupt' | 'missing' | 'torn';
  /** Which passings of the folder cannot be read for it; null: none. */
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
  const ackFile = await AckFile.open(disk, folder, false);
  const { found: mark } = await HighWater.open(disk, folder);
  const inLog = segments
    .filter(({ name }) => !name.startsWith('parked/'))
    .sort((a, b) => orderOf(a.name) - orderOf(b.name));
  const log = new Examiner(disk, folder, Math.max(ackFile.found?.durable.seq ?? 0, mark?.seq ?? 0));
  await log.examine(inLog.map(({ name }) => name));
  const parked = new Examiner(disk, folder, 0);
  await parked.examine(segments.flatMap(({ name }) => (name.startsWith('parked/') ? name : [])));
  const acks = [ackFile.found ?? NO_ACK, log.ack, parked.ack];
  return {
    stretches: [...(ackFile.found === null ? [lostAck(snapshot)] : []), ...log.stretches, ...parked.stretches],
    acknowledged: Math.max(...acks.map(({ seq }) => seq)),
  };
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const orderOf = (path: string): number => firstOf(nameOf(path))!;

function lostAck({ contents }: Snapshot): DamagedStretch {
  const size = contents.get('ack.dat')?.length ?? 0;
  const kind = size === 0 ? 'missing' : 'corrupt';
  return { file: 'ack.dat', from: 0, to: size, kind, lost: null, before: null, after: null };
}

/** Goes through the segments of one log, oldest first. */
class Examiner {
  readonly stretches: DamagedStretch[] = [];
  ack: Ack = NO_ACK;
  private last: number | null = null;
  private before: Neighbour | null = null;

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    /** The newest record that is known to have been durable. */
    private readonly vouched: number,
  ) {}

  async examine(files: readonly string[]): Promise<void> {
    for (const [index, name] of files.entries()) {
      const next = files[index + 1];
      await this.segment(name, next === undefined ? null : orderOf(next) - 1);
    }
  }

  /** `limit`: the last record that counts here; null in the newest segment. */
  private async segment(file: string, limit: number | null): Promise<void> {
    this.last ??= orderOf(file) - 1;
    const records: Found<AnyLogRecord>[] = [];
    const handle = await this.disk.open(`${this.folder}/${file}`, 'read');
    const scan = await scanSegment<AnyLogRecord>(handle, orderOf(file), (found) => void records.push(found));
    const certain = limit !== null || (scan.lastCommit.at(-1)?.seq ?? 0) <= this.vouched;
    const { whole, broken } = certain ? { whole: scan.lastCommit, broken: [] } : splitLists(scan.lastCommit);
    let end = 0;
    for (const found of [...records, ...whole]) {
      const { offset, seq, record } = found;
      if (limit !== null && seq > limit && isCounted(record)) continue;
      const isBad = scan.blemishes.some((blemish) => blemish.offset >= end && blemish.offset < offset);
      if (isBad || seq - 1 > this.last) this.add(file, end, offset, seq - 1, record);
      this.accept(found);
      end = found.end;
    }
    const gone = scan.blemishes.filter(
      (blemish) => blemish.offset >= end && blemish.offset > 0 && blemish.wasLine,
    ).length;
    const taken = gone === 0 ? 0 : Math.max(this.last, ...broken.map(({ seq }) => seq)) + gone;
    const upTo = limit ?? Math.max(taken, this.vouched);
    const isCut = limit === null && scan.blemishes.some((blemish) => blemish.offset >= end);
    if (upTo > this.last || isCut || broken.length > 0) this.add(file, end, scan.size, upTo, null);
  }

  private accept({ seq, record }: Found<AnyLogRecord>): void {
    this.last = isCounted(record) ? seq : Math.max(this.last!, seq - 1);
    this.before = neighbourOf(record) ?? this.before;
    if ('ack' in record && record.ack !== undefined && record.ack.seq > this.ack.seq) this.ack = record.ack;
  }

  private add(file: string, from: number, to: number, upTo: number, next: AnyLogRecord | null): void {
    const last = this.last!;
    const lost = upTo > last ? { first: last + 1, last: upTo } : null;
    const kind = from === to ? 'missing' : lost === null && next === null ? 'torn' : 'corrupt';
    this.stretches.push({ file, from, to, kind, lost, before: this.before, after: next && neighbourOf(next) });
    this.last = Math.max(last, upTo);
  }
}

const neighbourOf = (record: AnyLogRecord): Neighbour | null =>
  record.t === 'p' ? { session: record.session, num: record.num, at: record.at } : null;
