import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Sandbox } from 'rufus-client/testing';
import { onTestFinished } from 'vitest';

/** The way to a sandbox, over HTTP, which may be in any state. */
export class Link {
  /** `cut`: each connection is reset; `silent`: nothing is answered; a number: this status, with the API's words. */
  state: 'up' | 'cut' | 'silent' | number = 'up';
  /** How many have come. */
  requests = 0;
  readonly #sandbox: Sandbox;
  #url = '';

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  get url(): string {
    return this.#url;
  }

  async open(): Promise<this> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v0`;
    return this;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.state === 'silent') return;
    if (this.state === 'cut') return void response.socket?.resetAndDestroy();
    if (typeof this.state === 'number') {
      response.writeHead(this.state, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ description: 'Not now' }));
    }
    const { statusCode, body } = await this.#sandbox.dispatcher.request({
      origin: 'http://127.0.0.1',
      path: request.url!,
      method: request.method!,
      headers: { 'x-api-key': String(request.headers['x-api-key']), 'content-type': 'application/json' },
      body: chunks.length === 0 ? null : Buffer.concat(chunks),
    });
    response.writeHead(statusCode, { 'content-type': 'application/json' }).end(await body.text());
  }
}
