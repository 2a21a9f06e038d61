import type { Clock } from '../clock.js';
import type { Damage } from '../journal.js';
import { CheckpointFile } from './checkpoint-file.js';
import type { Disk, DiskFile } from './disk.js';
import { HighWater } from './high-water.js';
import { firstOf, type Segment, segmentName } from './log.js';
import type { ParkedLog } from './parked.js';
import type { LogRecord, ParkedLogRecord } from './records.js';
import { recoverLog } from './recover.js';
import { scanSegment } from './segment-reader.js';
import { LogState } from './state.js';

/** What the log and ack.dat of a folder say together. */
export interface Loaded {
  readonly state: LogState;
  readonly checkpointFile: CheckpointFile;
  readonly highWater: HighWater;
  readonly segments: readonly Segment[];
  readonly tail: DiskFile | null;
  readonly found: Damage;
  readonly suspect: boolean;
}

/** Steps that close what is open, the last first. */
export type Undo = (() => Promise<void>)[];

/** What it opens goes to `undo`, to be closed where opening fails. */
export async function load(disk: Disk, folder: string, synced: boolean, undo: Undo): Promise<Loaded> {
  const checkpointFile = await CheckpointFile.open(disk, folder, synced);
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
    synced,
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
    // Whatever the log has lost since, these numbers are taken.
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
  // How many passings stood in the damaged end can only be guessed.
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

/** Without ack.dat, the newest files of delivered/ and parked/ vouch for numbers, too. False where there are none. */
async function readBackups(disk: Disk, folder: string, state: LogState): Promise<boolean> {
  let found = false;
  for (const name of ['delivered', 'parked']) {
    const firsts = (await disk.list(`${folder}/${name}`)).flatMap((file) => firstOf(file) ?? []);
    if (firsts.length === 0) continue;
    found = true;
    const first = Math.max(...firsts);
    const raise = ({ record }: { readonly record: LogRecord | ParkedLogRecord }): void => {
      if (record.t === 'p' || record.t === 'k') state.raise(record.session, record.num + 1);
      else if (record.t === 's') state.raise(record.session, record.next);
      else if (record.t === 'h' && 'next' in record) {
        for (const [session, next] of Object.entries(record.next)) state.raise(session, next);
      }
      if ('session' in record) state.session ??= record.session;
      if ('deviceid' in record) state.deviceid ??= record.deviceid ?? null;
    };
    const file = await disk.open(`${folder}/${name}/${segmentName(first)}`, 'read');
    try {
      const { lastCommit } = await scanSegment<LogRecord | ParkedLogRecord>(file, first, raise);
      lastCommit.forEach(raise);
    } finally {
      await file.close();
    }
  }
  return found;
}

/** Puts right what acknowledgement, log and parked/ disagree about. Returns how many passings are lost for good thereby. */
export function reconcile(
  state: LogState,
  segments: readonly Segment[],
  parked: Pick<ParkedLog, 'checkpoint' | 'upTo'>,
): number {
  if (parked.checkpoint.seq > state.checkpoint.seq) state.acknowledge(parked.checkpoint);
  state.requeued = state.requeued.filter(([seq]) => seq > parked.upTo);
  if (state.checkpoint.seq > state.last) state.last = state.checkpoint.seq;
  const first = segments[0]?.first;
  if (first === undefined) {
    // The log is gone and ack.dat is not: what was pending went with it.
    const before = state.missing.count(state.checkpoint.seq + 1, state.last);
    if (state.last > state.checkpoint.seq) state.missing.add(state.checkpoint.seq + 1, state.last);
    return state.last - state.checkpoint.seq - before;
  }
  // A segment leaves only when all of it is acknowledged: what the acknowledgement has not heard of was delivered.
  const gone = first - 1 - state.checkpoint.seq;
  if (gone > 0)
    state.acknowledge({ ...state.checkpoint, seq: first - 1, delivered: state.checkpoint.delivered + gone });
  return 0;
}

/** A clock that gives each commit a time of its own: that is how a commit is told from the next in the file. */
export function commitClock(clock: Clock, state: LogState): () => { at: number; mono: number } {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    let mono = Math.max(Math.round(clock.mono() * 1e3) / 1e3, last + 0.001);
    if (mono === state.stamp?.mono) mono += 0.001;
    last = Math.round(mono * 1e3) / 1e3;
    return { at: Math.round(clock.wall()), mono: last };
  };
}
