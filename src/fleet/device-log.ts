import type { KV } from '@nats-io/kv';
import { nuid } from '@nats-io/transport-node';
import { pause } from '../core/abort.js';
import { RufusConfigError } from '../core/errors.js';
import type { FollowBatch, FollowCursor } from '../types.js';
import { partsOf, type StoredBatch } from './batches.js';
import { type Kept, KeptCursor } from './cursors.js';
import { encoded } from './names.js';
import { isIntact, type Recovery } from './recovery.js';
import type { Found, Mark, Store } from './store.js';
import { CODES, codeOf } from './trouble.js';

/** Another has written behind the message that this reader stands at: read again where the device stands. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** Where a device stands: behind which message the next one belongs, and how to go on following. */
interface Position {
  /** Sequence of the last message of its subject; 0 where there is none. */
  readonly seq: number;
  /** That message, or the one that the limits of the stream have taken; undefined before the first. */
  readonly mark: Mark | undefined;
  readonly cursor: FollowCursor | undefined;
  /** Of the connection over which this was learned. */
  readonly epoch: number;
}

/**
 * The batches of one device in the stream, each written behind the one that this reader has read or written itself. Whoever
 * else writes, now or late, is told apart by that: no clock and no lease decides.
 */
export class DeviceLog {
  readonly #store: Store;
  readonly #recovery: Recovery;
  readonly #kept: KeptCursor;
  readonly #deviceid: string;
  readonly #subject: string;
  #position: Position = { seq: 0, mark: undefined, cursor: undefined, epoch: -1 };
  #lastPassingAt: string | null = null;

  constructor(store: Store, recovery: Recovery, cursors: KV, deviceid: string) {
    this.#store = store;
    this.#recovery = recovery;
    this.#kept = new KeptCursor(cursors, deviceid);
    this.#deviceid = deviceid;
    this.#subject = store.names.batches(deviceid);
  }

  /** Reads where the device stands. Returns the cursor to follow it from. */
  async open(): Promise<FollowCursor | undefined> {
    await this.#recovery.checked;
    const { epoch } = this.#recovery;
    const [last, kept] = await Promise.all([this.#store.last(this.#subject), this.#kept.read()]);
    this.#lastPassingAt = kept?.lastPassingAt ?? null;
    const position = last === undefined ? await this.#beyondTheStream(kept) : await this.#behind(last);
    this.#position = { ...position, epoch };
    if (last !== undefined && last.id !== kept?.id) this.#keep();
    return position.cursor;
  }

  /** @throws Superseded */
  async append(batch: FollowBatch, signal: AbortSignal): Promise<void> {
    const wrapped = (part: FollowBatch): StoredBatch => ({ v: 1, deviceid: this.#deviceid, ...part });
    const fits = (part: FollowBatch): boolean =>
      Buffer.byteLength(JSON.stringify(wrapped(part))) <= this.#store.largest;
    for (const part of partsOf(batch, fits)) {
      const stored = wrapped(part);
      const { mark: before, epoch } = this.#position;
      const mark = await this.#place(JSON.stringify(stored), signal);
      this.#position = { seq: mark.seq, mark, cursor: part.cursor, epoch: this.#recovery.epoch };
      // A restore needs a restart, and a restart breaks the connection. Only then may the place that was met be another's with
      // the same number: whoever opens the log anew finds out.
      if (
        epoch !== this.#recovery.epoch &&
        before !== undefined &&
        !(await this.#untilAnswered(() => isIntact(this.#store, before), signal))
      ) {
        throw new Superseded();
      }
      if (!part.late) this.#lastPassingAt = part.passings.at(-1)?.timestamp ?? this.#lastPassingAt;
      this.#keep();
    }
  }

  /** Writes the kept cursor anew: where some are years old and others change all the time, the bucket grows holes. */
  refresh(): void {
    this.#keep();
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#kept.settled();
  }

  /** One message, behind the one where we stand. */
  async #place(payload: string, signal: AbortSignal): Promise<Mark> {
    const { seq: expected, mark: after } = this.#position;
    const id = nuid.next();
    let fence = after === undefined ? `first ${encoded(this.#deviceid)}` : `after ${after.id}`;
    for (;;) {
      await this.#recovery.checked;
      try {
        const { seq, duplicate } = await this.#store.append(this.#subject, { id, after, fence, expected }, payload);
        if (!duplicate) return { seq, id };
        // The place is taken: by this very message, whose answer was lost, or by another's.
        const there = await this.#untilAnswered(() => this.#store.at(seq), signal);
        if (there?.id === id) return { seq, id };
        if (there !== undefined) throw new Superseded();
        // It is gone already, its name is not.
        fence = `${fence} ${seq}`;
      } catch (error) {
        if (error instanceof Superseded) throw error;
        // No answer is no answer: look what became of it before anything else is done.
        const last = await this.#untilAnswered(() => this.#store.last(this.#subject), signal);
        if (last?.id === id) return { seq: last.seq, id };
        if (codeOf(error) === CODES.wrongLastSequence || (last?.seq ?? 0) !== expected) throw new Superseded();
        if (isFinal(error)) throw error;
        await pauseOrThrow(100, signal, error);
      }
    }
  }

  async #untilAnswered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (isFinal(error)) throw error;
        await pauseOrThrow(200, signal, error);
      }
    }
  }

  /** Where the newest message stands on firm ground, its cursor; otherwise that of the message which lies there in truth. */
  async #behind(last: Found): Promise<Omit<Position, 'epoch'>> {
    const { seq, id, after } = last;
    const mark = { seq, id };
    const before = after === undefined ? undefined : await this.#store.at(after.seq);
    if (before === undefined || before.id === after?.id) return { seq, mark, cursor: this.#read(last).cursor };
    return { seq, mark, cursor: before.subject === this.#subject ? this.#read(before).cursor : undefined };
  }

  /**
   * No message of the device is in the stream. The kept cursor counts where the stream's limits have taken what was there; where
   * the stream itself went back, its passings have to be read again.
   */
  async #beyondTheStream(kept: Kept | undefined): Promise<Omit<Position, 'epoch'>> {
    const nothing = { seq: 0, mark: undefined, cursor: undefined };
    if (kept === undefined) return nothing;
    const { first } = await this.#store.extent();
    return first > kept.seq ? { seq: 0, mark: { seq: kept.seq, id: kept.id }, cursor: kept.cursor } : nothing;
  }

  #read(found: Found): StoredBatch {
    const batch = found.batch();
    if (batch.v === 1) return batch;
    throw new RufusConfigError('The stream holds batches of a newer version of rufus-client: update this worker.');
  }

  #keep(): void {
    const { mark, cursor } = this.#position;
    if (mark === undefined || cursor === undefined) return;
    this.#kept.write({ ...mark, deviceid: this.#deviceid, cursor, lastPassingAt: this.#lastPassingAt });
  }
}

/** What no repeat would change: anything but silence, and what a server says while it elects or catches up (503). */
function isFinal(error: unknown): boolean {
  if (error instanceof RufusConfigError) return true;
  const { name, status } = error as { name?: string; status?: number };
  if (codeOf(error) !== undefined) return status !== 503 && codeOf(error) !== CODES.streamNotFound;
  return name === 'ClosedConnectionError' || name === 'DrainingConnectionError' || name === 'InvalidArgumentError';
}

async function pauseOrThrow(ms: number, signal: AbortSignal, error: unknown): Promise<void> {
  if (!(await pause(ms, signal))) throw error;
}
