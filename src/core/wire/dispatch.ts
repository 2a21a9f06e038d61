import type { Dispatcher } from 'undici';
import type { Answer, WireHeaders } from './answer.js';
import { BodyReader } from './body.js';
import type { Request } from './connection.js';
import { type Flight, TransportFailure, type Wire } from './flight.js';

/**
 * The fast path, for our own agent only: undici's handler interface without the stream, the AbortSignal and the promise
 * that `request()` makes for each call.
 */
export function dispatchWire(agent: Dispatcher): Wire {
  return {
    send({ origin, path, method, headers, body, maxBytes }, flight) {
      const request: Request = {
        origin,
        path,
        method: method as Dispatcher.HttpMethod,
        headers,
        body,
        headersTimeout: 0,
        bodyTimeout: 0,
        flight,
      };
      try {
        agent.dispatch(request, new Receiver(flight, maxBytes));
      } catch (cause) {
        flight.settle(new TransportFailure('network', false, cause));
      }
    },
  };
}

class Receiver implements Dispatcher.DispatchHandler {
  readonly #flight: Flight;
  readonly #maxBytes: number;
  #body: BodyReader | undefined;
  /** The answer is there, though it may have to be unpacked yet. */
  #isComplete = false;

  constructor(flight: Flight, maxBytes: number) {
    this.#flight = flight;
    this.#maxBytes = maxBytes;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#flight.settled) {
      controller.abort(new Error('interrupted while waiting for a socket'));
      return;
    }
    this.#flight.markSent();
    this.#flight.cancel = (reason) => controller.abort(reason);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: WireHeaders): void {
    if (status < 200) return;
    this.#body = new BodyReader(status, headers, this.#maxBytes);
    if (this.#body.announcedTooLarge) this.#cut(controller, this.#body);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#body === undefined || this.#isComplete || this.#flight.settled) return;
    if (!this.#body.take(chunk)) this.#cut(controller, this.#body);
  }

  onResponseEnd(): void {
    if (this.#body !== undefined && !this.#flight.settled) this.#settle(this.#body.finish());
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (!this.#isComplete) this.#flight.settle(new TransportFailure('network', this.#flight.sent, cause));
  }

  #cut(controller: Dispatcher.DispatchController, body: BodyReader): void {
    this.#settle(body.overflow());
    controller.abort(new Error('response larger than maxResponseBytes'));
  }

  #settle(result: Answer | TransportFailure | Promise<Answer | TransportFailure>): void {
    this.#isComplete = true;
    if (result instanceof Promise) void result.then((decoded) => this.#flight.settle(decoded));
    else this.#flight.settle(result);
  }
}
