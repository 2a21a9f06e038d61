import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

/** The one file that a browser loads. */
export class Page {
  readonly #html: Buffer;
  readonly #gzip: Buffer;
  readonly #policy: string;

  constructor(html: string) {
    this.#html = Buffer.from(html);
    this.#gzip = gzipSync(this.#html, { level: 9 });
    this.#policy = policyOf(html);
  }

  send(request: IncomingMessage, response: ServerResponse): void {
    const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding']));
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': this.#policy,
      vary: 'accept-encoding',
      ...(zipped && { 'content-encoding': 'gzip' }),
    });
    response.end(zipped ? this.#gzip : this.#html);
  }
}

/** Nothing but what stands in the file itself, and requests to where it came from. */
function policyOf(html: string): string {
  const hashes = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, 'gs'))]
      .map(([, content]) => `'sha256-${createHash('sha256').update(content!).digest('base64')}'`)
      .join(' ');
  return [
    "default-src 'none'",
    `script-src ${hashes('script')}`,
    `style-src ${hashes('style')}`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}
