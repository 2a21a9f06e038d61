import type { Leaving, ParkReason, Replacement, SourcePosition, StoredPassing, Tallies } from '../journal.js';
import type { Interval } from './intervals.js';

// The records in the lines of the folder. Keys are short but legible: people read these files as a backup.

export const FORMAT = 1;

/** Clocks of the commit of a line. `mono` is different for each commit: lines with the same were written and synced together. */
export interface Stamp {
  readonly at: number;
  readonly mono: number;
  /** The line's place in its write batch, from 1, and the batch's length; absent where it is alone. A batch counts only whole. */
  readonly part?: readonly [number, number] | undefined;
}

/** How far delivery has come, with its counts. The newest one found anywhere in the folder holds. */
export interface Checkpoint {
  readonly seq: number;
  readonly delivered: number;
  readonly tallies: Tallies;
  /** Wall clock of the last delivery. */
  readonly at: number | null;
}

/** A passing. Its line can be read without any other: it names its session in full. */
export interface PassingRecord extends Stamp {
  readonly t: 'p';
  readonly session: string;
  readonly num: number;
  /** The parked passing, by its seq, that this one replaces. */
  readonly was?: number | undefined;
  /** On the last line of a write batch: where its source stands then. */
  readonly source?: SourcePosition | undefined;
  /** On the last line of a write batch that also moves the checkpoint. */
  readonly ack?: Checkpoint | undefined;
  /** On the last line of a write batch of passings that were moved: their old seqs. */
  readonly moved?: Interval | undefined;
  readonly passing: StoredPassing;
}
/** The current session from here on, its device and its next number. */
export interface SessionRecord extends Stamp {
  readonly t: 's';
  readonly session: string;
  readonly deviceid: string | null;
  readonly next: number;
  readonly source?: SourcePosition | undefined;
  /** The session that is about to be replaced; null: none is any more. Absent: as before. */
  readonly leaving?: Leaving | null | undefined;
  readonly unconfirmed?: { readonly session: string; readonly from: number | null } | undefined;
}
/** Passings firstSeq…lastSeq of session `from` are sent to `to`: the one with number firstNum as `base`, the others keep their distance to it. */
export interface ReplaceRecord extends Stamp {
  readonly t: 'r';
  readonly from: Replacement['from'];
  readonly to: Replacement['to'];
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstNum: number;
  readonly base: number;
  /** Of `to`. Absent: that of `from`. */
  readonly deviceid?: string | undefined;
}
/** The first line of a segment: the state of the log after all segments before it. */
export interface LogHeader extends Stamp {
  readonly t: 'h';
  readonly v: typeof FORMAT;
  readonly boot: string | null;
  readonly session: string | null;
  readonly deviceid: string | null;
  readonly next: Readonly<Record<string, number>>;
  readonly positions: Readonly<Record<string, string | number>>;
  readonly leaving?: Leaving | undefined;
  readonly replaced: readonly Omit<ReplaceRecord, keyof Stamp | 't' | 'deviceid'>[];
  /** By session: the server was not asked whether it has numbers from here on. */
  readonly unconfirmed?: Readonly<Record<string, number>> | undefined;
  /** By session: the one that replaced it. */
  readonly successors: Readonly<Record<string, string>>;
  /** Corrupt passings beyond the checkpoint. */
  readonly missing: readonly Interval[];
  readonly moved: readonly Interval[];
  /** Requeued passings, as [seq, was], that parked/ does not know of yet. */
  readonly requeued: readonly (readonly [number, number])[];
  readonly ack: Checkpoint;
}
export type LogRecord = LogHeader | PassingRecord | SessionRecord | ReplaceRecord;

/** A passing in parked/, complete: it depends on no other file. */
export interface ParkedRecord extends Stamp, ParkReason {
  readonly t: 'k';
  readonly session: string;
  readonly num: number;
  /** Its seq in the log. */
  readonly of: number;
  readonly bytes: number;
  /** When it was appended; `at` is when it was parked. */
  readonly appended: number;
  /** On the last line of a write batch: where the checkpoint stands once it is parked. */
  readonly ack?: Checkpoint | undefined;
  readonly passing: StoredPassing;
}
/** These parked passings, by their seq in the log, were requeued. parked/ knows of all that were requeued up to seq `upTo` of the log. */
export interface VoidRecord extends Stamp {
  readonly t: 'v';
  readonly of: readonly Interval[];
  readonly count: number;
  readonly upTo: number;
}
export interface ParkedHeader extends Stamp {
  readonly t: 'h';
  readonly v: typeof FORMAT;
  /** How many were requeued since the folder was made, and in how many records. The header's seq tells how many records there were. */
  readonly voided: number;
  readonly releases: number;
  /** Corrupt ones among the parked, by their seq in parked/. */
  readonly missing: readonly Interval[];
  readonly upTo: number;
  readonly ack: Checkpoint;
}
export type ParkedLogRecord = ParkedHeader | ParkedRecord | VoidRecord;

/** Whether a record has a seq of its own. The others carry the seq of the next such record, and each header repeats their content. */
export const isCounted = (record: { readonly t: string }): boolean =>
  record.t === 'p' || record.t === 'k' || record.t === 'v';
