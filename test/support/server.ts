// A scripted HTTP server on loopback: each request is answered by the next behaviour of a queue, and remembered.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Seen {
  readonly method: string;
  /** Path and query as they stood in the request line. */
  readonly target: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** Which of the server's connections carried it, counted from 1. */
  readonly socket: number;
  /** performance.now() at its arrival. */
  readonly at: number;
  /** Resolves when the client hangs up before the answer is complete. */
  readonly hungUp: Promise<void>;
  json(): unknown;
}
export interface Exchange {
  readonly seen: Seen;
  readonly response: ServerResponse;
}
export interface Behaviour {
  (exchange: Exchange): void | Promise<void>;
  /** Runs before the request's body is read. */
  early?: boolean;
}

export interface ScriptedServer {
  /** Ends in /v0, without a slash. */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  readonly requests: readonly Seen[];
  /** Connections made so far. */
  readonly connections: number;
  /** Connections that are open now. */
  readonly open: number;
  /** The most requests that were unanswered at once. */
  readonly peak: number;
  /** Queues one behaviour for each of the next requests. */
  replies(...behaviours: Behaviour[]): ScriptedServer;
  /** What answers when the queue is empty. Without it: 418, which nobody repeats. */
  always(behaviour: Behaviour): ScriptedServer;
  /** Resolves with the nth request (from 1), once it has arrived. */
  arrival(n: number): Promise<Seen>;
  /** Runs once the sockets are cut: a client whose call hangs can only be closed then. */
  afterClose(step: () => Promise<void>): void;
  close(): Promise<void>;
}

const unscripted: Behaviour = ({ response }) => {
  response.writeHead(418, { 'content-type': 'text/plain' }).end('no behaviour left');
};

/** Closed by itself at the end of the test. */
export async function startServer(): Promise<ScriptedServer> {
  const queue: Behaviour[] = [];
  const requests: Seen[] = [];
  const sockets = new Map<Socket, number>();
  const waiting = new Map<number, (seen: Seen) => void>();
  const cleanups: (() => Promise<void>)[] = [];
  let fallback = unscripted;
  let connections = 0;
  let unanswered = 0;
  let peak = 0;

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      if (!response.destroyed) response.destroy(error as Error);
    });
  });
  // The tests decide when a connection ends, not node's defaults.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.on('connection', (socket) => {
    sockets.set(socket, ++connections);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const socket = sockets.get(request.socket) ?? 0;
    const behaviour = queue.shift() ?? fallback;
    peak = Math.max(peak, ++unanswered);
    const hungUp = new Promise<void>((resolve) => {
      response.on('close', () => {
        unanswered--;
        if (!response.writableFinished) resolve();
      });
    });
    const chunks: Buffer[] = [];
    if (!behaviour.early) for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const target = request.url ?? '';
    const seen: Seen = {
      method: request.method ?? '',
      target,
      url: new URL(target, 'http://127.0.0.1'),
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body,
      socket,
      at,
      hungUp,
      json: () => JSON.parse(body),
    };
    requests.push(seen);
    waiting.get(requests.length)?.(seen);
    await behaviour({ seen, response });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const scripted: ScriptedServer = {
    url: `${origin}/v0`,
    origin,
    port,
    requests,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    get peak() {
      return peak;
    },
    replies(...behaviours) {
      queue.push(...behaviours);
      return scripted;
    },
    always(behaviour) {
      fallback = behaviour;
      return scripted;
    },
    arrival(n) {
      const there = requests[n - 1];
      return there ? Promise.resolve(there) : new Promise((resolve) => waiting.set(n, resolve));
    },
    afterClose(step) {
      cleanups.push(step);
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
      for (const step of cleanups.splice(0)) await step();
    },
  };
  onTestFinished(() => scripted.close());
  return scripted;
}
