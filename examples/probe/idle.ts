import { connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import type { Observed } from './ground.js';
import type { Target } from './target.js';

export const IDLE_QUESTION = 'How long does an idle connection live?';

/**
 * Asks once, leaves the connection open, and waits for the server to close it, but no longer than `maxSeconds`.
 * On a bare socket: an HTTP client would close it by itself when the server's hint says so.
 */
export async function idleLife(
  { baseUrl, apiKey }: Pick<Target, 'baseUrl' | 'apiKey'>,
  maxSeconds: number,
): Promise<Observed> {
  if (maxSeconds === 0) return { answer: 'not watched' };
  const url = new URL(`${baseUrl}/devices?page=1&limit=1`);
  const isSecure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (isSecure ? 443 : 80);
  const socket = isSecure
    ? connectSecurely({ host, port, servername: host, ALPNProtocols: ['http/1.1'] })
    : connect({ host, port });
  const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`, 'accept: application/json'];
  socket.write([...lines, `x-api-key: ${apiKey}`, 'connection: keep-alive', '', ''].join('\r\n'));
  try {
    return await new Promise<Observed>((resolve, reject) => {
      let answered = '';
      let since = performance.now();
      const tell = (answer: string) => {
        const hint = /^keep-alive: *(.*)$/im.exec(answered)?.[1];
        resolve({ answer, details: `announced: ${hint === undefined ? 'nothing' : `\`keep-alive: ${hint.trim()}\``}` });
      };
      const timer = setTimeout(() => tell(`longer than the ${maxSeconds} s it was watched`), maxSeconds * 1_000);
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        since = performance.now();
        timer.refresh();
        if (answered.length < 16_384) answered += chunk;
      });
      socket.on('close', () => {
        clearTimeout(timer);
        if (answered === '') reject(new Error('the connection was closed without an answer'));
        else tell(`about ${((performance.now() - since) / 1_000).toFixed(1)} s`);
      });
    });
  } finally {
    socket.destroy();
  }
}
