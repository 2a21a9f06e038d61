import { Agent, Client, type Dispatcher, Pool } from 'undici';
import type { OpenedWire, ProxyChoice, ProxyServer, Route } from '../connections.js';
import { type Answer, BodyReader, type WireHeaders } from './answer.js';
import { type Connect, directly, throughProxy } from './connect.js';
import { type Flight, TransportFailure, type Wire } from './flight.js';
import { requestWire } from './request.js';

/** Over the user's dispatcher, or over an agent of our own. */
export function openWire(route: Route): OpenedWire {
  if ('dispatcher' in route) return { wire: requestWire(route.dispatcher), close: () => Promise.resolve() };
  const agent = agentFor(route.connections, route.proxy);
  return { wire: dispatchWire(agent), close: () => agent.close() };
}

/** For TCP and TLS to the server or the proxy, in milliseconds. */
const CONNECT_MS = 5_000;

function agentFor(connections: number, proxyFor: ProxyChoice): Agent {
  const settings = {
    connections,
    pipelining: 1,
    allowH2: false,
    // Below the idle time-outs of common gateways: a socket that the server has closed meanwhile costs an attempt.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 25_000,
  };
  return new Agent({
    ...settings,
    factory: (origin, options) => pool(origin, options, proxyFor(String(origin))),
  });
}

function pool(origin: string | URL, options: object, proxy: ProxyServer | undefined): Pool {
  const connect = proxy === undefined ? directly(CONNECT_MS) : throughProxy(proxy, CONNECT_MS);
  return new Pool(origin, { ...options, factory: (url, inner) => new Connection(url, inner, connect) });
}

/** As dispatch() gets it from us: with the attempt that the request is made for. */
export type Request = Dispatcher.DispatchOptions & { readonly flight?: Flight };

/**
 * A connection of the pool, made for the attempt that waits for it: where that ends (its time limit, the caller's signal),
 * connecting ends with it. undici would go on, and keep the place in the pool, until the other side answers.
 */
class Connection extends Client {
  readonly #waiting: { flight?: WeakRef<Flight> };

  constructor(origin: string | URL, options: Client.Options, connect: Connect) {
    const waiting: { flight?: WeakRef<Flight> } = {};
    super(origin, {
      ...options,
      connect(place, done) {
        const flight = waiting.flight?.deref();
        // After an abort undici connects anew, for the request that was aborted. It expects to be told later, not within this call.
        if (flight?.settled) return queueMicrotask(() => done(new Error('nobody waits for this connection'), null));
        const giveUp = connect(place, done);
        if (flight !== undefined) flight.cancel = giveUp;
      },
    });
    this.#waiting = waiting;
  }

  override dispatch(request: Request, handler: Dispatcher.DispatchHandler): boolean {
    const { flight } = request;
    if (flight !== undefined) {
      // It ended while it waited in the pool's queue: nobody wants to hear of it, and nothing is opened for it.
      if (flight.settled) return true;
      // Without pipelining there is one request at a time. Held weakly: it keeps its answer, which may be a page of megabytes.
      this.#waiting.flight = new WeakRef(flight);
    }
    return super.dispatch(request, handler);
  }
}

/**
 * The fast path, for our own agent only: undici's handler interface without the stream, the AbortSignal and the promise
 * that `request()` makes for each call.
 */
function dispatchWire(agent: Dispatcher): Wire {
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
