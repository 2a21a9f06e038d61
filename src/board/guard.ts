import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** What keeps strangers out: other web pages in the crew's browsers, and whoever lacks the token. */
export class Guard {
  readonly #names: ReadonlySet<string>;
  readonly #tokenHash: Buffer | undefined;

  /** @param host Where the server listens, as it was given. */
  constructor(host: string, token: string | undefined) {
    const own = hostname().toLowerCase();
    this.#names = new Set(['localhost', host.toLowerCase(), ...(isLoopback(host) ? [] : [own, `${own}.local`])]);
    this.#tokenHash = token === undefined ? undefined : hashOf(token);
  }

  /**
   * Against rebinding: a page whose own name suddenly leads here still says that name. An address cannot be rebound, nor
   * can names of this machine. A page of another origin says so in `Origin`, or where it sends none, in `Sec-Fetch-Site`.
   */
  isOurs({ headers }: IncomingMessage): boolean {
    const { host, origin } = headers;
    const name = nameOf(host);
    if (name === undefined || !(isIP(name) > 0 || this.#names.has(name))) return false;
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return false;
    const site = headers['sec-fetch-site'];
    const isNavigation = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
    return site === undefined || site === 'same-origin' || site === 'none' || isNavigation;
  }

  /** By hashes of equal length, in constant time: how long it takes says nothing about the token. */
  isAllowed({ headers }: IncomingMessage): boolean {
    if (this.#tokenHash === undefined) return true;
    const [, given] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
    return given !== undefined && timingSafeEqual(hashOf(given), this.#tokenHash);
  }
}

export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|::1)$/i.test(host);

/** Of a Host header, without its port, in lower case. */
function nameOf(host: string | undefined): string | undefined {
  const [, address, name] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d+)?$/i.exec(host ?? '') ?? [];
  return (address ?? name)?.toLowerCase();
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
