import { createServer, type Socket } from 'node:net';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}
export interface Answer {
  readonly status: 200 | 201 | 404;
  readonly json: Buffer;
}

const REASONS = { 200: 'OK', 201: 'Created', 404: 'Not Found' };
const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * As much of an HTTP/1.1 server as the benchmarks need. `node:http` would be the bottleneck on two cores, and make every
 * client look alike.
 */
export function serve(answer: (request: Request) => Answer, latencyMs: number): Promise<number> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    let held: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      for (let parsed = parse(held); parsed !== undefined; parsed = parse(held)) {
        held = held.subarray(parsed.length);
        const { request } = parsed;
        if (latencyMs === 0) respond(socket, answer(request));
        else setTimeout(() => respond(socket, answer(request)), latencyMs);
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

/** The first request in the bytes, and how many of them it takes; undefined until it is complete. */
function parse(bytes: Buffer): { request: Request; length: number } | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  if (/^transfer-encoding:/im.test(head)) throw new Error('the benchmark server takes no chunked requests');
  const bodyStart = headEnd + HEAD_END.length;
  const length = bodyStart + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  if (bytes.length < length) return undefined;
  const [method = '', target = ''] = head.slice(0, head.indexOf('\r\n')).split(' ');
  const [path = '', query] = target.split('?');
  return {
    request: { method, path, query: new URLSearchParams(query), body: bytes.subarray(bodyStart, length) },
    length,
  };
}

let requests = 0;

function respond(socket: Socket, { status, json }: Answer): void {
  if (socket.destroyed) return;
  requests++;
  const head =
    `HTTP/1.1 ${status} ${REASONS[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
    `content-length: ${json.length}\r\ndate: ${new Date().toUTCString()}\r\nconnection: keep-alive\r\n` +
    `keep-alive: timeout=60\r\nx-amzn-requestid: 7f3c1a52-0000-4000-8000-${String(requests).padStart(12, '0')}\r\n\r\n`;
  if (json.length > 16_384) {
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(json);
    socket.uncork();
  } else {
    socket.write(head + json.toString('latin1'), 'latin1');
  }
}
