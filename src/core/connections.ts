import type { DispatcherLike, RufusClientOptions } from '../types.js';
import { RufusConfigError } from './errors.js';
import { asInteger } from './options.js';
import { type ProxyChoice, proxyChoice } from './proxy.js';
import { isUndiciUsable } from './undici-check.js';
import type { Wire } from './wire/flight.js';

// Used, not merely imported: bundlers drop a module of which nothing is used. undici itself comes with the first call.
if (!isUndiciUsable) throw new Error('undici is not usable');

/** The options that decide which sockets are used. A client derived without any of them shares its parent's. */
export type ConnectionOptions = Pick<RufusClientOptions, 'dispatcher' | 'proxy' | 'connections'>;

/** What leads to the server: the user's dispatcher, or an agent of our own. */
export type Route =
  | { readonly dispatcher: DispatcherLike }
  | { readonly connections: number; readonly proxy: ProxyChoice };

export interface OpenedWire {
  readonly wire: Wire;
  /** Ends our own agent once its requests are done; a user's dispatcher is left alone. */
  close(): Promise<void>;
}

/** The wire to the server, which the first call opens. */
export class Connections {
  /** It leads to another place than the API: what concerns the key, the address and the sockets is not for the client to choose. */
  readonly isForeign: boolean;
  readonly #route: Route;
  #opened: OpenedWire | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionOptions, wire?: Wire) {
    this.isForeign = wire !== undefined;
    this.#route = routeOf(options);
    if (wire !== undefined) this.#opened = { wire, close: () => Promise.resolve() };
  }

  wire(open: (route: Route) => OpenedWire): Wire {
    this.#opened ??= open(this.#route);
    return this.#opened.wire;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#opened?.close() ?? Promise.resolve();
    return this.#closing;
  }
}

/** The proxy is chosen now, and errors in its URL are told; sockets come later. */
function routeOf({ dispatcher, connections, proxy }: ConnectionOptions): Route {
  if (dispatcher === undefined) {
    return { connections: asInteger('connections', connections ?? 16, 1), proxy: proxyChoice(proxy) };
  }
  if (proxy !== undefined || connections !== undefined) {
    throw new RufusConfigError('`dispatcher` decides about sockets itself: leave out `proxy` and `connections`.');
  }
  if (typeof dispatcher?.request !== 'function') {
    throw new RufusConfigError('`dispatcher` must have a `request` method, as undici agents do.');
  }
  return { dispatcher };
}
