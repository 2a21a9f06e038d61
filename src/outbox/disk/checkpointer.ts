import type { Clock } from '../clock.js';
import type { Tallies } from '../journal.js';
import type { CheckpointFile, CheckpointSlot } from './checkpoint-file.js';
import type { Delivered } from './delivered.js';
import { isFull } from './disk.js';
import type { SegmentedLog } from './log.js';
import { Mutex } from './mutex.js';
import type { ParkedLog } from './parked.js';
import type { Checkpoint } from './records.js';
import type { Space } from './space.js';
import type { LogState } from './state.js';

export interface CheckpointerSetup {
  readonly checkpointFile: CheckpointFile;
  readonly state: LogState;
  readonly log: SegmentedLog;
  readonly parked: Pick<ParkedLog, 'log' | 'renewable' | 'renew'>;
  readonly delivered: Delivered;
  readonly space: Pick<Space, 'full' | 'failed' | 'mended' | 'recheck'>;
  readonly clock: Clock;
  readonly suspect: boolean;
}

const SWEEP_MS = 3_600_000;

/** Stores how far delivery has come, and moves segments out of the log that lie wholly below that. */
export class Checkpointer {
  tallies: Tallies;
  /** The folder is suspect: see `Journal`. */
  suspect: boolean;
  /** The newest seq of which the checkpoint is durable. */
  #checkpointed = 0;
  /** Segments are moved and removed one at a time. */
  readonly #moves = new Mutex();
  #cancel: (() => void) | null = null;

  readonly #setup: CheckpointerSetup;

  constructor(setup: CheckpointerSetup) {
    this.#setup = setup;
    this.suspect = setup.suspect;
    this.tallies = setup.state.checkpoint.tallies;
  }

  /** Saves a checkpoint, and removes expired backups now and every hour. */
  async begin(): Promise<void> {
    await this.#setup.delivered.sweep();
    await this.save();
    this.#cancel = this.#setup.clock.after(SWEEP_MS, () => void this.#sweep());
  }

  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = null;
    await this.save();
  }

  /** Durably: the folder is suspect no more. */
  async clearSuspect(): Promise<void> {
    this.suspect = false;
    await this.save();
  }

  tally(add: Partial<Tallies>): void {
    const { inserted, duplicates, requests, retries } = this.tallies;
    this.tallies = {
      inserted: inserted + (add.inserted ?? 0),
      duplicates: duplicates + (add.duplicates ?? 0),
      requests: requests + (add.requests ?? 0),
      retries: retries + (add.retries ?? 0),
    };
  }

  /** The checkpoint at `seq`, as of now. */
  passed(seq: number, delivered: boolean): Checkpoint {
    const { state, clock } = this.#setup;
    return state.passed(seq, { delivered, at: clock.wall(), tallies: this.tallies });
  }

  /** Resolves when the current checkpoint is durable, or the disk has refused it. */
  async save(): Promise<void> {
    const { checkpointFile, space, log, parked } = this.#setup;
    let written = 0;
    const slot = (): CheckpointSlot => {
      const current = this.#slot();
      written = current.seq;
      return current;
    };
    try {
      await checkpointFile.write(slot).catch((error: unknown) => {
        if (isFull(error)) throw error;
        // The same slot again: the other one is not touched until this one is good.
        return checkpointFile.write(slot);
      });
    } catch (error) {
      // No passing is lost: after a restart, what was delivered since is sent again, with the same numbers.
      if (isFull(error)) space.full(error);
      else space.failed(error);
      return;
    }
    this.#checkpointed = Math.max(this.#checkpointed, written);
    if (log.failure === undefined && parked.log.failure === undefined) space.mended();
    await this.#move(() => this.#moveOut());
    await space.recheck();
  }

  async #sweep(): Promise<void> {
    await this.#move(() => this.#setup.delivered.sweep());
    if (this.#cancel !== null) this.#cancel = this.#setup.clock.after(SWEEP_MS, () => void this.#sweep());
  }

  /** Bytes that are kept as a backup, or for nothing. */
  get expendable(): number {
    const { log, parked, delivered } = this.#setup;
    return delivered.bytes + (this.#isAllCheckpointed ? log.renewable + parked.renewable : 0);
  }

  /**
   * Removes the oldest part of that: a backup; then the newest segment, if all its passings are delivered; then what parked/ holds
   * of passings that are no longer parked. False if there is nothing to remove, or the disk refuses. Only between two commits.
   */
  async giveUp(): Promise<boolean> {
    const { log, parked, delivered, state } = this.#setup;
    let gaveUp = false;
    await this.#move(async () => {
      gaveUp = await delivered.giveUp();
      if (gaveUp || !this.#isAllCheckpointed) return;
      if (log.renewable > 0 || (parked.renewable > 0 && this.retained <= log.last)) await log.renew();
      else if (parked.renewable > 0) await parked.renew();
      else return;
      state.forgetBefore(this.retained);
      gaveUp = true;
    });
    return gaveUp;
  }

  /** Of the log, only its last header is still needed. */
  get #isAllCheckpointed(): boolean {
    return this.#checkpointed >= this.#setup.log.last;
  }

  /** A failure loses nothing: the segment is moved with the next one. */
  #move(work: () => Promise<void>): Promise<void> {
    return this.#moves.run(work).catch(() => undefined);
  }

  /** The first seq that the folder still holds. */
  get retained(): number {
    const { delivered, log } = this.#setup;
    return delivered.segments[0]?.first ?? log.segments[0]?.first ?? log.last + 1;
  }

  /** Segments that end below the checkpoint leave the log. */
  async #moveOut(): Promise<void> {
    const { log, delivered, state } = this.#setup;
    for (;;) {
      const [oldest, next] = log.segments;
      if (oldest === undefined || next === undefined || next.first - 1 > this.#checkpointed) break;
      await delivered.take(oldest);
      log.forget(oldest);
    }
    state.forgetBefore(this.retained);
  }

  #slot(): CheckpointSlot {
    const { state, checkpointFile } = this.#setup;
    const { session } = state;
    const next = session === null ? 0 : (state.nextNumber(session) ?? 0);
    // After the next write the cause of the suspicion may no longer be found: the slot keeps it.
    const identity = this.suspect ? 'unknown' : checkpointFile.identity;
    return { ...state.checkpoint, tallies: this.tallies, durable: { seq: state.last, session, next }, identity };
  }
}
