import type { PassingInput } from '../types.js';
import type { Clock } from './clock.js';

// The seam between the two halves of the outbox. The durable half (disk/) keeps passings; the delivering half (the Outbox
// class and its forwarder) decides what becomes of them. Everything that must survive a power cut is behind this interface.
//
// `openJournal(options: JournalOptions): Promise<Journal>` is in disk/open.ts; it throws OutboxLockedError and StorageError.
//
// Positions. Every passing of the folder has a `seq`: 1, 2, 3, … over all sessions and restarts, in append order. What lies
// behind the acknowledged seq is delivered, parked or known to be corrupt; what lies before it is pending.

/** A passing as it is kept: validated, its timestamp already the text that is sent. */
export type StoredPassing = Omit<PassingInput, 'num_passing' | 'timestamp'> & { timestamp: string };

/** Where a decoder's feed stands. */
export interface SourcePosition {
  readonly name: string;
  readonly position: string | number;
}

export interface Numbered {
  readonly token_session: string;
  readonly num_passing: number;
}

/** One passing of the log, under the session and number it is to be sent with (replacements of sessions already applied). */
export interface Entry extends Numbered {
  readonly seq: number;
  readonly passing: StoredPassing;
  /** Wall clock of the commit, milliseconds. */
  readonly at: number;
  /** What it takes on disk, which is a little more than what it takes in a request. */
  readonly bytes: number;
}

export interface ParkReason {
  readonly reason: 'rejected' | 'too-large' | 'session-closed';
  readonly status: number | undefined;
  /** The caller cuts it to a sensible length. */
  readonly response: string | undefined;
}
export type ParkedEntry = Entry & ParkReason;

/** Counted for as long as the folder lives. */
export interface Tallies {
  readonly inserted: number;
  readonly duplicates: number;
  readonly requests: number;
  readonly retries: number;
}

/** What was found damaged, and what was cut; all 0 after a clean stop. */
export interface Damage {
  /** Passings that the last run had not yet noted as durable, and that are. */
  readonly records: number;
  /** Bytes of a write that a crash cut short: no append of them had resolved. */
  readonly tornBytes: number;
  /** Passings that were in the log and can no longer be read. They leave `appended`, their numbers are not used again. */
  readonly corruptRecords: number;
}

export type StorageState = 'ok' | 'full' | 'failed';

export interface JournalStats {
  /** `appended === delivered + parked + pending`, always. */
  readonly appended: number;
  readonly delivered: number;
  readonly parked: number;
  readonly pending: number;
  readonly tallies: Tallies;
  readonly storage: StorageState;
  readonly diskBytes: number;
  /** Wall clock of the oldest pending passing's commit (to the nearest known commit before it); null with nothing pending. */
  readonly oldestPendingAt: number | null;
  /** Wall clock of the last acknowledgement that moved `delivered`; null if there was none. */
  readonly lastDeliveredAt: number | null;
}

export interface JournalEvents {
  /** Passings became durable and can be read. Called once a commit. */
  committed(count: number): void;
  /** The state of the storage changed. */
  storage(state: StorageState, cause: unknown): void;
  /** Damage met after opening, while reading older segments. What opening itself found is `journal.found`. */
  damaged(damage: Damage): void;
}

export interface JournalOptions {
  directory: string;
  /** Default 2 GiB. */
  maxDiskBytes?: number | undefined;
  /** Default 64 MiB. */
  minFreeBytes?: number | undefined;
  /** Default 16 MiB. */
  maxPendingBytes?: number | undefined;
  /** Default 72 hours, 1 GiB. */
  retain?: { hours?: number | undefined; maxBytes?: number | undefined } | undefined;
  /** Default 'fsync'. */
  durability?: 'fsync' | 'os' | undefined;
  clock?: Clock | undefined;
  /** Looked up at each event: what is assigned later counts from then on. */
  events?: Partial<JournalEvents> | undefined;
}

/** A session that another one is about to replace, which is created next: that closes this one. */
export interface Leaving {
  readonly session: string;
  readonly deviceid: string;
  readonly alias?: string | undefined;
}

/** A session that replaces another for what is not delivered yet. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
  /** The first pending passing of `from`, as `read` gave it: it and all after it go to `to`. null where nothing is pending: what is committed from now on does. */
  readonly first: Entry | null;
  /** The device of `to`. Default: that of `from`. */
  readonly deviceid?: string | undefined;
  /** The number that `first` gets in `to`; those after it keep their distance to it. Default: the next free one of `to`, 1 if it is new. */
  readonly base?: number | undefined;
}

export interface Journal {
  /** What opening found. */
  readonly found: Damage;
  /** The session new passings go to; null in a folder without a history. */
  readonly session: string | null;
  /** The device of the current session, as the last `startSession` said it; null where it did not. A replacement keeps it. */
  readonly deviceid: string | null;
  /**
   * The folder is damaged, looks like a copy of another, or like an old state put back: numbers may have been given that it does not know of.
   * Stays so, over restarts, until `adopt()`. Not every restored copy can be told from here.
   */
  readonly suspect: boolean;
  /** Passings that are neither delivered nor parked: `stats().pending`, for those who ask before each step. */
  readonly pending: number;
  /** The seq of the newest passing. */
  readonly newest: number;
  /** `stats().parked`, likewise. */
  readonly parkedCount: number;
  /** What the last `leave` said, over restarts, until the session is replaced. */
  readonly leaving: Leaving | null;
  /** Clock of the newest commit in the folder, to tell a clock step over a restart; null without one. `boot` is null where the system has no boot id. */
  readonly lastCommit: { readonly wall: number; readonly mono: number; readonly boot: string | null } | null;

  /** The numbers of the folder were compared with the server's (or nobody can): `suspect` is over. Durable. */
  adopt(): Promise<void>;
  /** The next free number of the session; undefined where the folder has no history of it. */
  /** How many of the passings up to this seq are pending. */
  pendingUpTo(seq: number): number;
  nextNumber(token_session: string): number | undefined;
  /** The session that took the place of this one (`replaceSession`); undefined if none did. Known for as long as the folder lives. */
  replacedBy(token_session: string): string | undefined;
  /**
   * New passings go to this session from here on: durable before it resolves, in order with the appends around it.
   * `atLeast` (default 1) is where a session without a history starts; it also lifts the next number of a known one, never lowers it.
   * `deviceid` is remembered with it, so that a restart knows whose session this is.
   */
  startSession(token_session: string, atLeast?: number, deviceid?: string): Promise<void>;
  /** The server has not said yet that it has no numbers of this session from here on; undefined where nothing is in doubt. Over restarts. */
  unconfirmedFrom(token_session: string): number | undefined;
  /** Durably: `unconfirmedFrom`; null: it has said so, or never will. */
  setUnconfirmed(token_session: string, from: number | null): Promise<void>;
  /**
   * Durably: pending passings of this one's session, from it on, get new numbers: `atLeast` or above, and above all that were given.
   * Resolves with the first of them. `unconfirmedFrom` is over; what was read ahead carries the old numbers: forget it.
   */
  renumber(first: Entry, atLeast: number): Promise<number>;
  /**
   * Durably: the session may be closed by a request of our own from here on, and what it refuses then goes to its replacement.
   * null: it will not be, after all.
   */
  leave(leaving: Leaving | null): Promise<void>;
  /**
   * Durably: pending passings of `from` are sent to `to`, which becomes the current session. `to` must be new: nothing appended to it yet.
   * What was read ahead carries the old numbers: forget it. The next `read` starts again at the first pending passing.
   */
  replaceSession(replacement: Replacement): Promise<void>;

  /**
   * Resolves when all of it is durable, with the final numbers. All of the list survives a crash, or none.
   * @throws OutboxBusyError, OutboxFullError, StorageError, OutboxClosedError; none of them burns a number.
   */
  append(passings: readonly StoredPassing[], source?: SourcePosition): Promise<Numbered[]>;
  position(source: string): string | number | undefined;

  /**
   * The next pending passings after those already read, in order, all of one session; [] when there is none at the moment (see `committed`).
   * Only what is durable is ever given. At least one where there is any, however large. One call at a time.
   */
  read(limits: { max: number; maxBytes: number }): Promise<Entry[]>;
  /**
   * Everything up to and including this entry is delivered. The counts hold at once; the promise resolves when they are durable
   * (or the storage failed: then they stand in memory and the server is asked to de-duplicate after a restart). Never rejects.
   * Await it before the next batch is sent, so that at most one batch is in doubt after a power cut.
   */
  acknowledge(upTo: Entry, tallies?: Partial<Tallies> | undefined): Promise<void>;
  /** Adds to the tallies without moving anything; written with the next acknowledgement. */
  tally(add: Partial<Tallies>): void;
  /**
   * Puts these aside, and resolves when their copies are durable and the acknowledgement has moved past them.
   * They must be the first pending ones, whole and in order, as `read` gave them. Thousands at once are fine.
   * @throws OutboxFullError, StorageError: they are still pending then.
   */
  park(entries: readonly Entry[], why: ParkReason): Promise<void>;
  /**
   * These go to the tail again, under the current session with new numbers, and are no longer pending where they were; one commit does both.
   * They must be the first pending ones, as for `park`.
   */
  move(entries: readonly Entry[]): Promise<Numbered[]>;

  /** Parked passings, oldest first, in pieces; memory does not grow with their number. */
  parked(): AsyncIterable<readonly ParkedEntry[]>;
  /** Parked passings that `filter` takes go to the tail again, under the current session with new numbers. */
  requeue(filter: (parked: ParkedEntry) => boolean): Promise<Numbered[]>;

  /** What the folder still has, oldest first, in pieces: delivered and retained, then pending. Parked ones are left out. */
  history(): AsyncIterable<readonly (Entry & { readonly state: 'delivered' | 'pending' })[]>;

  stats(): JournalStats;
  /** Waits for the appends under way and the acknowledgement, then lets go of the folder. Never rejects; further calls do nothing. */
  close(): Promise<void>;
}
