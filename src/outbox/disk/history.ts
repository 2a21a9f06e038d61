import type { HistoryEntry } from '../journal.js';
import type { Delivered } from './delivered.js';
import type { Disk } from './disk.js';
import { type SegmentedLog, segmentName } from './log.js';
import type { ParkedLog } from './parked.js';
import type { LogRecord } from './records.js';
import { readSegment } from './segment-reader.js';
import type { LogState } from './state.js';

export interface HistorySetup {
  readonly disk: Disk;
  readonly folder: string;
  readonly log: SegmentedLog;
  readonly parked: ParkedLog;
  readonly delivered: Delivered;
  readonly state: LogState;
}

/** All passings that the folder holds, except those that were parked, or moved under another number. */
export async function* history(setup: HistorySetup): AsyncGenerator<HistoryEntry[]> {
  const { disk, folder, log, parked, delivered, state } = setup;
  const { last } = state;
  const elsewhere = await parked.everParked();
  const segments = [...delivered.segments, ...log.segments].map(({ first, path, size }) => ({ first, path, size }));
  for (const [index, { first, path, size }] of segments.entries()) {
    const limit = (segments[index + 1]?.first ?? last + 1) - 1;
    const paths = [path, `${folder}/delivered/${segmentName(first)}`];
    for await (const records of readSegment<LogRecord>(disk, paths, size, limit)) {
      const chunk: HistoryEntry[] = [];
      for (const { seq, bytes, record } of records) {
        if (record.t !== 'p' || elsewhere.has(seq) || state.moved.has(seq)) continue;
        const entry = state.entryOf({ seq, bytes, record });
        chunk.push({ ...entry, state: seq <= state.checkpoint.seq ? 'delivered' : 'pending' });
      }
      if (chunk.length > 0) yield chunk;
    }
  }
}
