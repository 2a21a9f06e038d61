import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { type ProxyServer, portOf } from '../connections.js';
import { codeOf, isDeclined } from '../retry.js';

/** Where to connect to. */
export type Place = buildConnector.Options;
/** Begins to connect. The function that comes back gives it up. */
export type Connect = (place: Place, done: buildConnector.Callback) => (reason: Error) => void;

/** undici's own connector, to TLS if the place wants it. That it gives the socket back is not in its types. */
function connector(timeoutMs: number): (...args: Parameters<Connect>) => Socket {
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

/** A proxy that cannot be reached, or does not let through. Nothing was sent to the API. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError';
  /** Of the network, or `PROXY_REFUSED`, which a repeat would not change, or `PROXY_FAILED`. */
  readonly code: string;
  readonly #advice: string;

  constructor(message: string, code: string, advice: string, cause?: Error) {
    super(message, { cause });
    this.code = code;
    this.#advice = advice;
  }

  /** What to do. */
  get advice(): string {
    return this.#advice;
  }
}

/**
 * Through the proxy: `CONNECT host:port`, and TLS behind it where the origin wants it. Plain http is tunnelled, too: what the key is
 * does not concern the proxy. `timeoutMs` is for each of the two connections; an answer to CONNECT may take as long as the attempt.
 */
export function throughProxy(proxy: ProxyServer, timeoutMs: number): Connect {
  const reach = connector(timeoutMs);
  const secure = connector(timeoutMs);
  return (place, done) => {
    const asked = request({
      method: 'CONNECT',
      path: authorityOf(place),
      headers: headersOf(proxy, place),
      createConnection: () => reach(placeOf(proxy), () => {}),
    });
    let giveUp = (reason: Error): unknown => asked.destroy(reason);
    asked.on('error', (cause) => done(unreachable(proxy, cause), null));
    asked.on('connect', (answer, socket: Socket) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        done(refused(proxy, answer), null);
      } else if (place.protocol !== 'https:') {
        done(null, socket);
      } else {
        const secured = secure({ ...place, httpSocket: socket }, done);
        giveUp = (reason) => secured.destroy(reason);
      }
    });
    asked.end();
    return (reason) => giveUp(reason);
  };
}

function placeOf({ url }: ProxyServer): Place {
  const { protocol, host, port } = url;
  return { protocol, host, hostname: url.hostname.replace(/^\[(.+)\]$/, '$1'), port };
}

/** With the port, also where it is the default one. */
const authorityOf = ({ host = '', ...place }: Place): string => (place.port !== '' ? host : `${host}:${portOf(place)}`);

function headersOf({ authorization }: ProxyServer, place: Place): Record<string, string> {
  const headers = { host: authorityOf(place), connection: 'keep-alive', 'proxy-connection': 'keep-alive' };
  return authorization === undefined ? headers : { ...headers, 'proxy-authorization': authorization };
}

function unreachable({ name, url }: ProxyServer, cause: Error): TunnelError {
  const code = codeOf(cause);
  const advice = ADVICE[code] ?? 'It did not take the connection';
  return new TunnelError(
    `the proxy ${url.origin} cannot be reached: ${code === '' ? cause.message : code}`,
    code,
    `${advice}: check the proxy, and its address in \`${name}\`.`,
    cause,
  );
}

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there',
  ENOTFOUND: 'Its name does not resolve',
  EAI_AGAIN: 'The name server did not answer',
  ECONNRESET: 'It closed the connection',
  UND_ERR_CONNECT_TIMEOUT: 'It did not answer in time',
};

function refused({ name, url, authorization }: ProxyServer, { statusCode: status = 0 }: IncomingMessage): TunnelError {
  const isFinal = status < 500 && !isDeclined(status);
  return new TunnelError(
    `the proxy ${url.origin} answered ${status}`,
    isFinal ? 'PROXY_REFUSED' : 'PROXY_FAILED',
    status === 407 ? credentials(name, authorization) : `Ask who runs the proxy, or go round it (NO_PROXY).`,
  );
}

const credentials = (name: string, authorization: string | undefined): string =>
  authorization === undefined
    ? `It wants a user and a password: put them into \`${name}\`, http://user:password@host:port, percent-encoded.`
    : `It does not take the user and the password in \`${name}\`: check them.`;
