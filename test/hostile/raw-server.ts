// A server that writes what it is told, byte for byte, whether or not it is HTTP, and then hangs up.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RawAnswer {
  /** Written one after another, each in a packet of its own where the network feels like it. */
  readonly pieces: readonly (string | Uint8Array)[];
  readonly end: 'fin' | 'rst';
}

export interface RawServer {
  readonly url: string;
  answer: RawAnswer;
}

/** One connection a request. Closed by itself at the end of the test. */
export async function startRawServer(): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const raw = { url: '', answer: { pieces: [], end: 'fin' } as RawAnswer };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => void write(socket, raw.answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  raw.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v0`;
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return raw;
}

async function write(socket: Socket, { pieces, end }: RawAnswer): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    await new Promise((resolve) => socket.write(piece, resolve));
  }
  if (end === 'rst') socket.resetAndDestroy();
  else socket.end();
}
