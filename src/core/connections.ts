import './undici-check.js';
import { Agent, type Dispatcher, Pool } from 'undici';
import type { DispatcherLike, RufusClientOptions } from '../types.js';
import { RufusConfigError } from './errors.js';
import { asInteger } from './options.js';
import { type ProxyServer, proxyChoice } from './proxy.js';
import { isUndiciUsable } from './undici-check.js';
import { Connection, directly } from './wire/connection.js';
import { dispatchWire } from './wire/dispatch.js';
import type { Wire } from './wire/flight.js';
import { requestWire } from './wire/request.js';
import { throughProxy } from './wire/tunnel.js';

// Used, not merely imported: only so the bundler, too, loads the check before undici.
if (!isUndiciUsable) throw new Error('undici is not usable');

/** The options that decide which sockets are used. A client derived without any of them shares its parent's. */
export type ConnectionOptions = Pick<RufusClientOptions, 'dispatcher' | 'proxy' | 'connections'>;

/** The way to the server: the user's dispatcher, or an agent of our own, made on first use. */
export class Connections {
  readonly wire: Wire;
  /** It leads to another place than the API: what concerns the key, the address and the sockets is not for the client to choose. */
  readonly isForeign: boolean;
  #agent: Dispatcher | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionOptions, wire?: Wire) {
    const { dispatcher } = options;
    this.isForeign = wire !== undefined;
    if (wire !== undefined) {
      this.wire = wire;
      return;
    }
    if (dispatcher !== undefined) {
      if (options.proxy !== undefined || options.connections !== undefined) {
        throw new RufusConfigError('`dispatcher` decides about sockets itself: leave out `proxy` and `connections`.');
      }
      this.wire = requestWire(checkedDispatcher(dispatcher));
      return;
    }
    const make = agentFactory(options);
    this.wire = dispatchWire(() => {
      this.#agent ??= make();
      return this.#agent;
    });
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Ends our own agent once its requests are done; a user's dispatcher is left alone. */
  close(): Promise<void> {
    this.#closing ??= this.#agent?.close() ?? Promise.resolve();
    return this.#closing;
  }
}

function checkedDispatcher(dispatcher: DispatcherLike): DispatcherLike {
  if (typeof dispatcher?.request !== 'function') {
    throw new RufusConfigError('`dispatcher` must have a `request` method, as undici agents do.');
  }
  return dispatcher;
}

/** For TCP and TLS to the server or the proxy, in milliseconds. */
const CONNECT_MS = 5_000;

/** The proxy is chosen now, and errors in its URL are told; sockets come later. */
function agentFactory({ connections, proxy }: ConnectionOptions): () => Dispatcher {
  const settings = {
    connections: asInteger('connections', connections ?? 16, 1),
    pipelining: 1,
    allowH2: false,
    // Below the idle time-outs of common gateways: a socket that the server has closed meanwhile costs an attempt.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 25_000,
  };
  const choose = proxyChoice(proxy);
  return () => new Agent({ ...settings, factory: (origin, options) => pool(origin, options, choose(String(origin))) });
}

function pool(origin: string | URL, options: object, proxy: ProxyServer | undefined): Pool {
  const connect = proxy === undefined ? directly(CONNECT_MS) : throughProxy(proxy, CONNECT_MS);
  return new Pool(origin, { ...options, factory: (url, inner) => new Connection(url, inner, connect) });
}
