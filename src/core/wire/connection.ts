import type { Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher } from 'undici';
import type { Flight } from './flight.js';

/** Where to connect to. */
export type Place = buildConnector.Options;
/** Begins to connect. The function that comes back gives it up. */
export type Connect = (place: Place, done: buildConnector.Callback) => (reason: Error) => void;

/** undici's own connector, to TLS if the place wants it. That it gives the socket back is not in its types. */
export function connector(timeoutMs: number): (...args: Parameters<Connect>) => Socket {
  return buildConnector({ timeout: timeoutMs, allowH2: false }) as ReturnType<typeof connector>;
}

/** Straight to the server. */
export function directly(timeoutMs: number): Connect {
  const connect = connector(timeoutMs);
  return (place, done) => {
    const socket = connect(place, done);
    return (reason) => socket.destroy(reason);
  };
}

/** As dispatch() gets it from us: with the attempt that the request is made for. */
export type Request = Dispatcher.DispatchOptions & { readonly flight?: Flight };

/**
 * A connection of the pool, made for the attempt that waits for it: where that ends (its time limit, the caller's signal),
 * connecting ends with it. undici would go on, and keep the place in the pool, until the other side answers.
 */
export class Connection extends Client {
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
