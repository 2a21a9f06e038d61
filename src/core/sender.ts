import { inspect } from 'node:util';
import type { AttemptContext, Middleware, RawResponse } from '../types.js';
import { type CallState, failureOf } from './failure.js';
import { checkedKey, type Settings } from './options.js';
import { copyable } from './wire/answer.js';
import { Flight, TransportFailure, type Wire } from './wire/flight.js';

/** What a call sends, the same at each attempt. */
export interface Outgoing {
  readonly path: string;
  readonly body: string | null;
}

/** Makes single attempts: the key, the headers, the middleware, the wire. */
export class Sender {
  readonly #settings: Settings;
  readonly #wire: Wire;
  // Almost every call sends the same headers: they are put together once.
  readonly #readHeaders: Record<string, string> | undefined;
  readonly #writeHeaders: Record<string, string> | undefined;

  constructor(settings: Settings, wire: Wire) {
    this.#settings = settings;
    this.#wire = wire;
    const { apiKey } = settings;
    if (typeof apiKey === 'function') return;
    this.#readHeaders = this.#headers(settings.call.headers, false, apiKey);
    this.#writeHeaders = this.#headers(settings.call.headers, true, apiKey);
  }

  /** One attempt. Never rejects. `addSecret` is told each key used, so that no error shows it. */
  attempt(
    call: CallState,
    outgoing: Outgoing,
    limit: { ms: number; why: 'timeout' | 'budget' },
    addSecret: (key: string) => void,
  ): Promise<RawResponse | TransportFailure> {
    const flight = new Flight(limit.ms, limit.why, call.signal);
    const cached = outgoing.body === null ? this.#readHeaders : this.#writeHeaders;
    if (
      cached !== undefined &&
      call.settings.headers === this.#settings.call.headers &&
      this.#settings.middleware.length === 0
    ) {
      this.#send(call.operation.method, outgoing.path, outgoing.body, cached, flight);
    } else {
      this.#attemptSlowly(call, outgoing, flight, addSecret).then(
        (answer) => flight.settle(answer),
        (error: unknown) =>
          flight.settle(error instanceof TransportFailure ? error : new TransportFailure('thrown', flight.sent, error)),
      );
    }
    return flight.result;
  }

  async #attemptSlowly(
    call: CallState,
    outgoing: Outgoing,
    flight: Flight,
    addSecret: (key: string) => void,
  ): Promise<RawResponse> {
    const controller = new AbortController();
    const inFlight = new Set<Flight>();
    flight.cancel = (reason) => {
      controller.abort(reason);
      for (const inner of inFlight) {
        // Settled first: one that still waits for a socket is not sent when it gets it.
        inner.settle(new TransportFailure('network', inner.sent, reason));
        inner.cancel?.(reason);
      }
    };
    const key = await this.#key(addSecret);
    const lostBy = new WeakMap<object, TransportFailure>();

    const send = async (context: AttemptContext): Promise<RawResponse> => {
      if (flight.settled) throw new TransportFailure('thrown', flight.sent, controller.signal.reason);
      const inner = new Flight(Number.POSITIVE_INFINITY, 'timeout', undefined, flight);
      inFlight.add(inner);
      this.#send(context.method, context.path, outgoing.body, this.#withKey(context.headers, call, key), inner);
      const result = await inner.result;
      inFlight.delete(inner);
      if (!(result instanceof TransportFailure))
        return this.#settings.middleware.length === 0 ? result : copyable(result);
      // Middleware sees the error that a caller would; the loop is told what really happened.
      const { error } = failureOf(result, call);
      if (typeof error === 'object' && error !== null) lostBy.set(error, result);
      throw error;
    };
    const { method, name: operation } = call.operation;
    const headers = this.#headers(call.settings.headers, outgoing.body !== null, undefined);
    const context = new Context(
      operation,
      method,
      outgoing.path,
      call.shownPath,
      call.attempt,
      headers,
      controller.signal,
    );
    try {
      const answer: unknown = await compose(this.#settings.middleware, send)(context);
      if (!isAnswer(answer)) throw new TransportFailure('no-answer', flight.sent);
      return answer;
    } catch (error) {
      throw (typeof error === 'object' && error !== null && lostBy.get(error)) || error;
    }
  }

  #send(method: string, path: string, body: string | null, headers: Record<string, string>, flight: Flight): void {
    const { origin, maxResponseBytes } = this.#settings;
    this.#wire.send({ origin, path, method, headers, body, maxBytes: maxResponseBytes }, flight);
  }

  async #key(addSecret: (key: string) => void): Promise<string> {
    const { apiKey } = this.#settings;
    if (typeof apiKey === 'string') return apiKey;
    try {
      const key = await apiKey();
      if (typeof key === 'string') addSecret(key);
      return checkedKey(key);
    } catch (cause) {
      throw new TransportFailure('key', false, cause);
    }
  }

  #headers(
    extra: Readonly<Record<string, string | null>>,
    hasBody: boolean,
    key: string | undefined,
  ): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': this.#settings.userAgent };
    if (hasBody) headers['content-type'] = 'application/json';
    if (key !== undefined) headers[this.#settings.authHeader] = key;
    for (const [name, value] of Object.entries(extra)) {
      if (value === null) delete headers[name];
      else headers[name] = value;
    }
    return headers;
  }

  /** The key joins last, so that the context a middleware may log does not hold it. */
  #withKey(headers: Readonly<Record<string, string>>, call: CallState, key: string): Record<string, string> {
    const { authHeader } = this.#settings;
    if (authHeader in headers || call.settings.headers[authHeader] === null) return { ...headers };
    return { ...headers, [authHeader]: key };
  }
}

function compose(
  middleware: readonly Middleware[],
  send: (context: AttemptContext) => Promise<RawResponse>,
): (context: AttemptContext) => Promise<RawResponse> {
  return middleware.reduceRight<typeof send>((next, wrap) => async (context) => wrap(context, next), send);
}

/** A middleware may have forgotten to return it, or made one up. */
function isAnswer(answer: unknown): answer is RawResponse {
  if (typeof answer !== 'object' || answer === null) return false;
  const { status, headers, text, json } = answer as Partial<RawResponse>;
  return (
    Number.isInteger(status) &&
    typeof headers?.get === 'function' &&
    typeof text === 'string' &&
    typeof json === 'function'
  );
}

/** Shown without its path's token and its header values, which may be secret. */
class Context implements AttemptContext {
  readonly #shownPath: string;
  constructor(
    readonly operation: string,
    readonly method: string,
    readonly path: string,
    shownPath: string,
    readonly attempt: number,
    readonly headers: Record<string, string>,
    readonly signal: AbortSignal,
  ) {
    this.#shownPath = shownPath;
  }

  toJSON(): object {
    const { operation, method, attempt } = this;
    return { operation, method, path: this.#shownPath, attempt, headers: Object.keys(this.headers) };
  }

  [inspect.custom](): object {
    return this.toJSON();
  }
}
