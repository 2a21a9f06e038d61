import type { DispatcherLike, RufusClientOptions } from '../types.js';
import { RufusConfigError } from './errors.js';
import { asInteger, environment } from './options.js';
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

/** A proxy to go through. */
export interface ProxyServer {
  /** The option or the variable that names it. */
  readonly name: string;
  /** Without user, password and path. */
  readonly url: URL;
  /** Of the header `proxy-authorization`. */
  readonly authorization: string | undefined;
}

/** Which proxy leads to an origin; undefined where the way is direct. */
export type ProxyChoice = (origin: string) => ProxyServer | undefined;

/** Reads the option, and the environment where it says so. */
function proxyChoice(option: RufusClientOptions['proxy']): ProxyChoice {
  if (option === undefined) return () => undefined;
  if (option !== 'env') {
    const proxy = proxyServer('proxy', option);
    return () => proxy;
  }
  const http = proxyOfEnvironment('HTTP_PROXY');
  const https = proxyOfEnvironment('HTTPS_PROXY') ?? http;
  const isExempt = exemptions(fromEnvironment('NO_PROXY') ?? '');
  return (origin) => {
    const url = new URL(origin);
    if (isExempt(url)) return undefined;
    return url.protocol === 'https:' ? https : http;
  };
}

/** The port, also where it is the default one. */
export const portOf = ({ port, protocol }: Pick<URL, 'port' | 'protocol'>): string =>
  port !== '' ? port : protocol === 'https:' ? '443' : '80';
/** IPv6 addresses come with and without brackets. */
const plainHost = (host: string): string => host.replace(/^\[(.+)\]$/, '$1').toLowerCase();

/** As curl and others read NO_PROXY: hosts with all that is below them, a port if one is named, `*` for all. */
function exemptions(list: string): (url: URL) => boolean {
  const entries = list
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .map((entry) => {
      // Of `::1` the last part is no port.
      const [, host = entry, port] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
      return { host: plainHost(host.replace(/^\*?\./, '')), port };
    });
  return (url) => {
    const name = plainHost(url.hostname);
    return entries.some(
      ({ host, port }) =>
        (port === undefined || port === portOf(url)) && (host === '*' || name === host || name.endsWith(`.${host}`)),
    );
  };
}

function fromEnvironment(name: string): string | undefined {
  return environment(name.toLowerCase()) ?? environment(name);
}

function proxyOfEnvironment(name: string): ProxyServer | undefined {
  const value = fromEnvironment(name);
  return value === undefined ? undefined : proxyServer(name, value);
}

/** `name`: what it was given by. The value may hold a password: it is not quoted, and no error that does is a `cause`. */
function proxyServer(name: string, given: unknown): ProxyServer {
  const url = asUrl(given);
  if (url === undefined) {
    throw new RufusConfigError(
      `\`${name}\` is no URL of a proxy. It looks like http://127.0.0.1:3128, or http://user:password@127.0.0.1:3128 with percent-encoded user and password.`,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new RufusConfigError(`\`${name}\` must begin with http:// or https://; without either it means http://.`);
  }
  return { name, url: new URL(url.origin), authorization: authorizationOf(name, url) };
}

function asUrl(given: unknown): URL | undefined {
  const text = given instanceof URL ? given.href : given;
  if (typeof text !== 'string') return undefined;
  try {
    const url = new URL(/^[a-z][\w+.-]*:\/\//i.test(text) ? text : `http://${text}`);
    // More than that is a slip, such as an `/` in the password.
    return url.pathname.length > 1 || url.search !== '' || url.hash !== '' ? undefined : url;
  } catch {
    return undefined;
  }
}

function authorizationOf(name: string, { username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair).toString('base64')}`;
  } catch {
    throw new RufusConfigError(`The user or the password in \`${name}\` is not percent-encoded.`);
  }
}
