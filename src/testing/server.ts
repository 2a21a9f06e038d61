import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { SandboxServer } from './types.js';

export interface Served extends SandboxServer {
  /** Where it listens, as the system says. */
  readonly address: string;
}

/** Serves a function from fetch's Request to fetch's Response, network errors and all. */
export async function serve(
  respond: (request: Request) => Promise<Response>,
  { port, host = '127.0.0.1', maxBodyBytes }: { port: number; host?: string | undefined; maxBodyBytes: number },
): Promise<Served> {
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new TypeError(`A port is a number from 0 to 65535, not ${JSON.stringify(port)}`);
  }
  const server = createServer((message, answer) => {
    exchange(message, answer, respond, maxBodyBytes).catch(() => {
      if (answer.headersSent) message.socket.destroy();
      else answer.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${reachable(address)}:${taken}/v0`,
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** All addresses of the machine are no address to call. */
function reachable(address: string): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return isIPv6(address) ? `[${address}]` : address;
}

async function exchange(
  message: IncomingMessage,
  answer: ServerResponse,
  respond: (request: Request) => Promise<Response>,
  maxBodyBytes: number,
): Promise<void> {
  const gone = new AbortController();
  answer.once('close', () => gone.abort());
  const body = await readBody(message, maxBodyBytes + 1);
  const { method = 'GET', url = '/' } = message;
  const request = new Request(`http://127.0.0.1${url}`, {
    method,
    headers: message.headers as Record<string, string>,
    body: method === 'GET' || method === 'HEAD' ? null : body,
    signal: gone.signal,
  });
  const response = await respond(request);
  if (gone.signal.aborted) return;
  if (response.type === 'error') {
    message.socket.resetAndDestroy();
    return;
  }
  answer.writeHead(response.status, Object.fromEntries(response.headers));
  try {
    for await (const chunk of response.body ?? []) answer.write(chunk);
    answer.end();
  } catch {
    message.socket.destroySoon();
  }
}

/** The first `limit` bytes: enough to see that a body is too long. The rest is read, as the client is still sending it. */
async function readBody(message: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    if (length < limit) chunks.push(chunk);
    length += chunk.byteLength;
  }
  return Buffer.concat(chunks);
}
