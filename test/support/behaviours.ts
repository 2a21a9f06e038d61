// What a scripted server can do to a request.
import { gzipSync } from 'node:zlib';
import type { Behaviour } from './server.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The body as it stands: the flat form of the API's answers, and of everything else. */
export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour =>
  ({ response }) => {
    response.writeHead(status, { ...JSON_TYPE, ...headers }).end(JSON.stringify(body));
  };

/** `{"body": …}`, as the newer documentation has it. */
export const enveloped = (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour =>
  json(status, { body }, headers);

export const raw =
  (status: number, body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE): Behaviour =>
  ({ response }) => {
    response.writeHead(status, headers).end(body);
  };

/** A gateway's or a captive portal's page. */
export const html = (status = 200, headers: Record<string, string> = {}): Behaviour =>
  raw(status, '<!doctype html><title>Sign in</title><p>Welcome to the hotel', {
    'content-type': 'text/html',
    ...headers,
  });

export const empty = (status = 200): Behaviour => raw(status, '');

/** Well-formed HTTP around a JSON text that stops in its middle. */
export const halfJson = (body: unknown, status = 200): Behaviour => {
  const text = JSON.stringify(body);
  return raw(status, text.slice(0, Math.floor(text.length / 2)));
};

export const gzipped = (status: number, body: unknown): Behaviour => {
  return raw(status, gzipSync(JSON.stringify(body)), { ...JSON_TYPE, 'content-encoding': 'gzip' });
};

/** Each part in a chunk, and so in a read, of its own. */
export const chunks =
  (status: number, parts: readonly Uint8Array[]): Behaviour =>
  async ({ response }) => {
    response.writeHead(status, JSON_TYPE);
    for (const part of parts) {
      response.write(part);
      await sleep(5);
    }
    response.end();
  };

/** Takes the request and never answers. */
export const hang = (): Behaviour => () => {};

/** Complete headers, then a byte each `everyMs`. */
export const drip =
  (body: unknown, everyMs = 10, status = 200): Behaviour =>
  async ({ response }) => {
    response.writeHead(status, JSON_TYPE);
    for (const byte of Buffer.from(JSON.stringify(body))) {
      if (response.destroyed) return;
      response.write(Buffer.of(byte));
      await sleep(everyMs);
    }
    response.end();
  };

/** RST once the whole request has been read. */
export const reset =
  (): Behaviour =>
  ({ response }) => {
    response.socket?.resetAndDestroy();
  };

/** RST after the request's head, its body unread. */
export const resetEarly = (): Behaviour => Object.assign(reset(), { early: true });

/** Promises more bytes than come, or a chunk that never ends; then hangs up by FIN or RST. */
export const truncated =
  (body: unknown, how: 'fin' | 'rst' | 'chunked' = 'fin'): Behaviour =>
  async ({ response }) => {
    const text = JSON.stringify(body);
    const half = text.slice(0, Math.floor(text.length / 2));
    const length = how === 'chunked' ? {} : { 'content-length': String(Buffer.byteLength(text)) };
    response.writeHead(200, { ...JSON_TYPE, ...length });
    await new Promise<void>((resolve) => response.write(half, () => resolve()));
    await sleep(5);
    if (how === 'rst') response.socket?.resetAndDestroy();
    else response.socket?.destroy();
  };

/** Answers, then closes the connection without having said so. */
export const thenCloseIdle =
  (behaviour: Behaviour, afterMs = 0): Behaviour =>
  async (exchange) => {
    const { socket } = exchange.response;
    await behaviour(exchange);
    setTimeout(() => socket?.destroy(), afterMs);
  };

/** Answers once the gate opens. */
export const behind =
  (gate: Promise<unknown>, behaviour: Behaviour): Behaviour =>
  async (exchange) => {
    await gate;
    await behaviour(exchange);
  };

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}
export function gate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
