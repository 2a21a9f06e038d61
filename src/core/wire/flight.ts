import type { RawResponse } from '../../types.js';
import { onAbort } from '../abort.js';

/**
 * An attempt without a complete answer:
 * - `network`: the connection failed. `timeout`, `budget`: out of time, of the attempt or of the call.
 * - `abort`: the caller's signal. `too-large`: more than maxResponseBytes.
 * - `key`: the `apiKey` function failed. `thrown`: a middleware threw an error of its own; `no-answer`: it gave none.
 */
export class TransportFailure {
  readonly why: 'network' | 'timeout' | 'budget' | 'abort' | 'too-large' | 'key' | 'thrown' | 'no-answer';
  /** The request may have left this machine. */
  readonly sent: boolean;
  readonly cause: unknown;
  /** Where the answer had begun: its status. */
  readonly status: number;
  constructor(why: TransportFailure['why'], sent: boolean, cause?: unknown, status = 0) {
    this.why = why;
    this.sent = sent;
    this.cause = cause;
    this.status = status;
  }
}

/** What goes over the wire in one attempt. */
export interface WireRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly maxBytes: number;
}

/** Sends requests. Settles the flight with a RawResponse or a {@link TransportFailure}, never throws. */
export interface Wire {
  send(request: WireRequest, flight: Flight): void;
}

/**
 * One attempt under its clock: connect, headers and the whole body. Whatever ends it first (the answer, the time limit,
 * the caller's signal) settles it, once; what comes later is ignored. No timer and no listener is left.
 */
export class Flight {
  readonly result: Promise<RawResponse | TransportFailure>;
  settled = false;
  /** By performance.now(); Infinity where there is no limit. */
  readonly endsAt: number;
  /** Set by whoever works for this flight: drops that work when the flight is interrupted. */
  cancel: ((reason: Error) => void) | undefined;
  #sent = false;
  #resolve!: (result: RawResponse | TransportFailure) => void;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stopWatching: (() => void) | undefined;
  readonly #outer: Flight | undefined;

  /** `outer`: the flight that this one is a part of, which has sent what this one has. */
  constructor(timeoutMs: number, why: 'timeout' | 'budget', signal: AbortSignal | undefined, outer?: Flight) {
    this.#outer = outer;
    this.endsAt = Math.min(performance.now() + timeoutMs, outer?.endsAt ?? Number.POSITIVE_INFINITY);
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#interrupt(why), timeoutMs);
    }
    if (signal !== undefined) this.#stopWatching = onAbort(signal, () => this.#interrupt('abort'));
  }

  /** The request may have left this machine. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Called by the wire, at the last moment before that. */
  markSent(): void {
    this.#sent = true;
    this.#outer?.markSent();
  }

  settle(result: RawResponse | TransportFailure): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#stopWatching?.();
    this.#resolve(result);
  }

  #interrupt(why: 'timeout' | 'budget' | 'abort'): void {
    if (this.settled) return;
    this.settle(new TransportFailure(why, this.sent));
    this.cancel?.(new Error(why === 'abort' ? 'aborted by the caller' : 'out of time'));
  }
}
