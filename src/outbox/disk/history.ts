import type { Entry } from '../journal.js';
import type { Delivered } from './delivered.js';
import type { Disk } from './disk.js';
import { type SegmentedLog, segmentName } from './log.js';
import type { Stored } from './log-reader.js';
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
  readonly entryOf: (stored: Stored) => Entry;
}

export type HistoryEntry = Entry & { readonly state: 'delivered' | 'pending' };

/** All that is in the folder now, but what was parked or sent on under another number. */
export async function* history(setup: HistorySetup): AsyncGenerator<HistoryEntry[]> {
  const { disk, folder, log, parked, delivered, state, entryOf } = setup;
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
        chunk.push({
          ...entryOf({ seq, bytes, record }),
          state: seq <= state.checkpoint.seq ? 'delivered' : 'pending',
        });
      }
      if (chunk.length > 0) yield chunk;
    }
  }
}
