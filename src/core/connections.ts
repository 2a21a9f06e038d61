import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from 'undici';
import type { DispatcherLike, RufusClientOptions } from '../types.js';
import { RufusConfigError } from './errors.js';
import { whole } from './options.js';
import { dispatchWire } from './wire/dispatch.js';
import type { Wire } from './wire/flight.js';
import { requestWire } from './wire/request.js';

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

function agentFactory(options: ConnectionOptions): () => Dispatcher {
  const settings = {
    connections: whole('connections', options.connections ?? 16, 1),
    pipelining: 1,
    allowH2: false,
    // Below the idle time-outs of common gateways: a socket that the server has closed meanwhile costs an attempt.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 25_000,
  };
  const connect = { timeout: 5_000 };
  const { proxy } = options;
  if (proxy === undefined) return () => new Agent({ ...settings, connect });
  // A tunnel for plain http too, as undici 7 has it: without one, undici 8 forgets `connections`.
  const proxied = { ...settings, proxyTunnel: true, requestTls: connect, proxyTls: connect };
  if (proxy === 'env') return () => new EnvHttpProxyAgent({ ...proxied, connect });
  const uri = proxyUrl(proxy);
  return () => new ProxyAgent({ ...proxied, uri });
}

function proxyUrl(proxy: string | URL): string {
  try {
    const url = new URL(proxy);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url.href;
  } catch {
    // Told below; the URL may hold a password and is not quoted.
  }
  throw new RufusConfigError("`proxy` must be an http:// or https:// URL, or 'env'.");
}
