import type { JsMsg } from '@nats-io/jetstream';
import { onAbort, pause } from '../core/abort.js';
import { RufusAbortError, RufusConfigError } from '../core/errors.js';
import { safeCause } from '../core/redact.js';
import type { StoredBatch } from './batches.js';
import { FleetUnavailableError } from './errors.js';
import { Lanes } from './lanes.js';
import type { Recovery, Witness } from './recovery.js';
import { type Mark, markOf, type Store } from './store.js';
import { codeOf } from './trouble.js';
import type { FleetBatch } from './types.js';

const ACK = '+ACK';
const ACK_ANSWER_MS = 2_000;
/** Meanwhile the batch has gone to another process of the consumer, or will. */
const MOST_UNANSWERED = 10;

interface Parts {
  readonly store: Store;
  readonly recovery: Recovery;
  readonly leaseMs: number;
  /** The fleet is closed. */
  readonly ended: AbortSignal;
}

interface Received {
  readonly message: JsMsg;
  readonly at: number;
}

/** One process of a consumer: hands out batches one after the other, and keeps those that it holds from going to another. */
export class PassingsIterator implements AsyncIterableIterator<FleetBatch, undefined, void>, Witness {
  newest: Mark | undefined;
  /** Resolves when it has ended. */
  readonly done: Promise<void>;
  readonly #parts: Parts;
  readonly #signal: AbortSignal | undefined;
  readonly #lanes: Lanes;
  readonly #over = new AbortController();
  readonly #endings: (() => void)[] = [];
  /** What came and nobody asked for yet, by lane. */
  readonly #ready = new Map<string, Received>();
  /** Of each lane the newest that was acknowledged: a copy of it may have been on its way. */
  readonly #acked = new Map<string, string>();
  #inHand: JsMsg | undefined;
  #wake: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #isDone!: () => void;

  constructor(
    parts: Parts,
    options: { consumer: string; deviceid: string | undefined; signal: AbortSignal | undefined },
  ) {
    const { store, recovery, leaseMs, ended } = parts;
    this.#parts = parts;
    this.#signal = options.signal;
    this.done = new Promise((resolve) => {
      this.#isDone = resolve;
    });
    this.#lanes = new Lanes(store, { ...options, ackMs: leaseMs }, (message) => this.#receive(message));
    const working = setInterval(() => this.#stillWorking(), leaseMs / 3);
    this.#endings.push(
      () => clearInterval(working),
      recovery.ask(this),
      onAbort(ended, () => void this.return()),
    );
    if (options.signal !== undefined) this.#endings.push(onAbort(options.signal, () => void this.return()));
    void store.nats.closed().then(() => this.return());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<FleetBatch, undefined>> {
    // Who asks for the next one without having acknowledged the last gets that again, when its time is up.
    this.#inHand = undefined;
    for (;;) {
      if (this.#signal?.aborted) throw abortError(this.#signal);
      if (this.#closing !== undefined) {
        await this.#closing;
        if (this.#parts.store.nats.isClosed()) throw closedError();
        return { done: true, value: undefined };
      }
      const [lane, received] = [...this.#ready].find(() => true) ?? [];
      if (lane !== undefined && received !== undefined) {
        this.#ready.delete(lane);
        const batch = this.#batchOf(received.message);
        if (batch === undefined) continue;
        this.#inHand = received.message;
        return { done: false, value: batch };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends it. What was received and not handed out goes to another process at once. */
  async return(): Promise<IteratorResult<FleetBatch, undefined>> {
    this.#closing ??= this.#close();
    await this.#closing;
    return { done: true, value: undefined };
  }

  async wentBack(): Promise<void> {
    await this.#lanes.startOver();
  }

  async #close(): Promise<void> {
    this.#over.abort();
    for (const end of this.#endings) end();
    this.#wake?.();
    for (const { message } of this.#ready.values()) message.nak();
    this.#ready.clear();
    await this.#lanes.stop();
    this.#isDone();
  }

  #receive(message: JsMsg): void {
    if (this.#closing !== undefined) {
      message.nak();
      return;
    }
    const { id, seq } = markOf(message.seq, message.headers);
    const lane = message.info.consumer;
    if (this.#acked.get(lane) === id) {
      message.ack();
      return;
    }
    if (this.newest === undefined || seq > this.newest.seq) this.newest = { seq, id };
    this.#ready.set(lane, { message, at: performance.now() });
    this.#wake?.();
  }

  /** Batches that are being worked on, or wait for it, do not go to another process. But one that is busy for long lets the waiting ones go. */
  #stillWorking(): void {
    this.#inHand?.working();
    for (const [lane, { message, at }] of this.#ready) {
      if (performance.now() - at < this.#parts.leaseMs) message.working();
      else {
        this.#ready.delete(lane);
        message.nak();
      }
    }
  }

  #batchOf(message: JsMsg): FleetBatch | undefined {
    let stored: StoredBatch;
    try {
      stored = message.json<StoredBatch>();
    } catch {
      // Not of the fleet: somebody else has written there.
      message.term();
      return undefined;
    }
    if (stored.v !== 1) {
      throw new RufusConfigError('The stream holds batches of a newer version of rufus-client: update this consumer.');
    }
    const { deviceid, passings, token_session, session_alias, late } = stored;
    const { redelivered } = message;
    return {
      deviceid,
      passings,
      token_session,
      session_alias,
      late,
      redelivered,
      ack: () => this.#ack(message),
    };
  }

  /**
   * Asked until it is confirmed: an acknowledgement may be lost like anything else, and a second one does no harm.
   *
   * A server from 2.10 on that came back with an earlier copy of its files does not answer for a delivery that it knows nothing of. It
   * delivers the batch once more, and answers for that; or another of the lane, which says that it waits for this one no more.
   */
  async #ack(message: JsMsg): Promise<void> {
    const { nats } = this.#parts.store;
    const lane = message.info.consumer;
    let delivery = message;
    for (let unanswered = 0; ; ) {
      const newest = this.#ready.get(lane)?.message;
      if (newest !== undefined && idOf(newest) !== idOf(message)) return this.#wasAcked(message);
      delivery = newest ?? delivery;
      // It is there, if only the types do not say so; `ackAck()` asks once and never again.
      const { reply } = delivery as unknown as { readonly reply: string };
      try {
        await nats.request(reply, ACK, { timeout: ACK_ANSWER_MS });
        return this.#wasAcked(message);
      } catch (cause) {
        const isFinal = nats.isClosed() || this.#over.signal.aborted || codeOf(cause) !== undefined;
        if (!isFinal) unanswered = (await this.#isThere(lane)) ? unanswered + 1 : 0;
        if (isFinal || unanswered === MOST_UNANSWERED) {
          throw new FleetUnavailableError(
            'The batch was not acknowledged in time, and comes again: NATS gave no answer.',
            { cause },
          );
        }
        await pause(100, this.#over.signal);
      }
    }
  }

  /** The server is there, and so is the consumer: its silence means something. */
  async #isThere(lane: string): Promise<boolean> {
    const { jsm, names } = this.#parts.store;
    return jsm.consumers.info(names.stream, lane).then(
      () => true,
      () => false,
    );
  }

  #wasAcked(message: JsMsg): void {
    const lane = message.info.consumer;
    const id = idOf(message);
    if (this.#inHand === message) this.#inHand = undefined;
    this.#acked.set(lane, id);
    const waiting = this.#ready.get(lane)?.message;
    if (waiting !== undefined && idOf(waiting) === id) this.#ready.delete(lane);
  }
}

const idOf = ({ seq, headers }: JsMsg): string => markOf(seq, headers).id;

function closedError(): FleetUnavailableError {
  return new FleetUnavailableError('fleet.passings: the NATS connection was closed.');
}

function abortError({ reason }: AbortSignal): RufusAbortError {
  return new RufusAbortError("fleet.passings: aborted by the caller's signal.", { cause: safeCause(reason, []) });
}
