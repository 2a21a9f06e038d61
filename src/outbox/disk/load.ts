import type { Damage } from '../journal.js';
import { CheckpointFile } from './checkpoint-file.js';
import type { Disk, DiskFile } from './disk.js';
import { HighWater } from './high-water.js';
import { type Segment, segmentsIn } from './log.js';
import type { ParkedState } from './parked.js';
import type { LogRecord, ParkedLogRecord } from './records.js';
import { recoverLog } from './recover.js';
import { scanSegment } from './segment-reader.js';
import { LogState } from './state.js';

/** The state of a folder, from its log, ack.dat and high-water.dat. */
export interface Loaded {
  readonly state: LogState;
  readonly checkpointFile: CheckpointFile;
  readonly highWater: HighWater;
  readonly segments: readonly Segment[];
  readonly tail: DiskFile | null;
  readonly found: Damage;
  readonly suspect: boolean;
}

/** Closes what was opened; run in reverse order. */
export type Undo = (() => Promise<void>)[];

/** Adds to `undo` what closes the files that it opens, for where opening fails. */
export async function load(disk: Disk, folder: string, undo: Undo): Promise<Loaded> {
  const checkpointFile = await CheckpointFile.open(disk, folder);
  undo.push(() => checkpointFile.close());
  const highWater = await HighWater.open(disk, folder);
  undo.push(() => highWater.close());
  const slot = checkpointFile.found;
  const mark = highWater.found;
  const checkpointed = slot?.durable.seq ?? 0;
  const highWaterMark = Math.max(checkpointed, mark?.seq ?? 0);
  const hadLog = (await disk.list(folder)).some((name) => /\.log(\.damaged)?$/.test(name));
  const state = new LogState();
  const { segments, tail, last, lostAtTail, damage } = await recoverLog<LogRecord>({
    disk,
    folder,
    highWaterMark,
    checkpointed,
    apply: (seq, record) => state.apply(seq, record),
    lost: (first, lastLost) => void state.missing.add(first, lastLost),
  });
  undo.push(async () => tail?.close());
  const inLog = state.last;
  state.last = last;
  if (lostAtTail > 0 && state.session !== null)
    state.raise(state.session, (state.nextNumber(state.session) ?? 1) + lostAtTail);
  if (slot !== null) {
    state.acknowledge(slot);
    // These numbers are taken, even if the log has lost the passings since.
    if (slot.durable.session !== null) state.raise(slot.durable.session, slot.durable.next);
    state.session ??= slot.durable.session;
  }
  if (mark !== null) {
    state.raise(mark.session, mark.next);
    state.session ??= mark.session;
  }
  const behind = highWaterMark > inLog;
  const copied = slot !== null && slot.identity !== null && slot.identity !== checkpointFile.identity;
  const kept = slot === null && (await readBackups(disk, folder, state));
  const bare = slot === null && (hadLog || kept || checkpointFile.broken);
  // How many passings the damaged end held can only be estimated.
  const cut = lostAtTail > 0;
  return {
    state,
    checkpointFile,
    highWater,
    segments,
    tail,
    found: damage,
    suspect: behind || copied || bare || cut,
  };
}

/** Without ack.dat, takes the numbers that the newest files of delivered/ and parked/ hold as taken, too. False where there are none. */
async function readBackups(disk: Disk, folder: string, state: LogState): Promise<boolean> {
  let found = false;
  for (const name of ['delivered', 'parked']) {
    const newest = (await segmentsIn(disk, `${folder}/${name}`)).at(-1);
    if (newest === undefined) continue;
    found = true;
    const raise = ({ record }: { readonly record: LogRecord | ParkedLogRecord }): void => {
      if (record.t === 'p' || record.t === 'k') state.raise(record.session, record.num + 1);
      else if (record.t === 's') state.raise(record.session, record.next);
      else if (record.t === 'h' && 'next' in record) {
        for (const [session, next] of Object.entries(record.next)) state.raise(session, next);
      }
      if ('session' in record) state.session ??= record.session;
      if ('deviceid' in record) state.deviceid ??= record.deviceid ?? null;
    };
    const file = await disk.open(newest.path, 'read');
    try {
      const { first } = newest;
      await scanSegment<LogRecord | ParkedLogRecord>(file, { first, isDurable: () => true, accept: raise });
    } finally {
      await file.close();
    }
  }
  return found;
}

/** Reconciles the checkpoint, the log and parked/, which a crash can leave at different points. Returns how many passings are lost. */
export function reconcile(
  state: LogState,
  segments: readonly Segment[],
  parked: Pick<ParkedState, 'checkpoint' | 'upTo'>,
): number {
  if (parked.checkpoint.seq > state.checkpoint.seq) state.acknowledge(parked.checkpoint);
  state.requeued = state.requeued.filter(([seq]) => seq > parked.upTo);
  if (state.checkpoint.seq > state.last) state.last = state.checkpoint.seq;
  const first = segments[0]?.first;
  if (first === undefined) {
    // The log is gone and ack.dat is not: what was pending is lost.
    const before = state.missing.count(state.checkpoint.seq + 1, state.last);
    if (state.last > state.checkpoint.seq) state.missing.add(state.checkpoint.seq + 1, state.last);
    return state.last - state.checkpoint.seq - before;
  }
  // A segment leaves the log only when all of it is acknowledged: what the checkpoint does not cover was delivered.
  const gone = first - 1 - state.checkpoint.seq;
  if (gone > 0)
    state.acknowledge({ ...state.checkpoint, seq: first - 1, delivered: state.checkpoint.delivered + gone });
  return 0;
}
