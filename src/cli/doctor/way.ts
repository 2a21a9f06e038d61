// The way to the server: proxy and TLS.
import { connect } from 'node:tls';
import { EXIT } from '../exit-codes.js';
import { ok, type Verdict, warning, wrong } from './finding.js';

const PATIENCE_MS = 10_000;
const DAY_MS = 86_400_000;
const RENEWAL_DAYS = 14;

export function judgeProxy(proxy: string | undefined, environment: NodeJS.ProcessEnv): Verdict {
  if (proxy === 'env') return ok('proxy', 'as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say');
  if (proxy !== undefined) return ok('proxy', withoutPassword(proxy));
  const set = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find((name) => environment[name]);
  if (set === undefined) return ok('proxy', 'none');
  return warning('proxy', `none, though ${set} is set`, 'If there is no way out without it: --proxy env');
}

/** Of a handshake of its own. */
export async function judgeTls({ protocol, hostname, port }: URL, hasProxy: boolean): Promise<Verdict> {
  if (protocol === 'http:') return ok('TLS', 'none: plain http, to this machine');
  if (hasProxy) return ok('TLS', 'through the proxy');
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 443), servername: hostname, timeout: PATIENCE_MS });
    const end = (verdict: Verdict) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate();
      const days = Math.floor((Date.parse(certificate.valid_to) - Date.now()) / DAY_MS);
      const found = `${socket.getProtocol()}, certificate of ${certificate.issuer?.O ?? 'an unnamed issuer'}, valid for ${days} days`;
      if (days >= RENEWAL_DAYS) return end(ok('TLS', found));
      end(warning('TLS', found, 'If it is not renewed, nothing will get through: tell whoever runs the server.'));
    });
    socket.once('timeout', () => end(wrong('TLS', 'no handshake within 10 s', 'Look at the network.', EXIT.unusable)));
    socket.once('error', ({ message }) =>
      end(wrong('TLS', message, 'Look at the network, at the clock, and for a proxy that opens TLS.', EXIT.unusable)),
    );
  });
}

function withoutPassword(proxy: string): string {
  if (!URL.canParse(proxy)) return 'no URL';
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}
