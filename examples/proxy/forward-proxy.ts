import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface Passage {
  /** `CONNECT host:port`, or a method and an address: undici 8 asks for plain http without a tunnel. */
  readonly asked: string;
  /** What went through towards the server. */
  bytes: number;
}

export interface ForwardProxy {
  /** With the user and the password in it. */
  readonly url: string;
  readonly passages: readonly Passage[];
  close(): Promise<void>;
}

/** A proxy on loopback that does what a company's does: checks the password, then opens a tunnel or passes the request on. */
export async function startProxy({ user, password }: { user: string; password: string }): Promise<ForwardProxy> {
  const passages: Passage[] = [];
  const sockets = new Set<Socket>();
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

  const server = createServer((incoming, answer) => {
    const passage = { asked: `${incoming.method} ${incoming.url}`, bytes: 0 };
    passages.push(passage);
    const { 'proxy-authorization': given, 'proxy-connection': _, ...headers } = incoming.headers;
    if (given !== expected) return void answer.writeHead(407, { 'proxy-authenticate': 'Basic' }).end();
    const onward = request(incoming.url ?? '', { method: incoming.method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    onward.on('close', () => {
      passage.bytes = onward.socket?.bytesWritten ?? 0;
    });
    incoming.pipe(onward);
  });
  server.on('connection', (socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));

  server.on('connect', (incoming, client: Socket, head) => {
    const passage = { asked: `CONNECT ${incoming.url}`, bytes: 0 };
    passages.push(passage);
    client.on('error', () => client.destroy());
    if (incoming.headers['proxy-authorization'] !== expected) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${incoming.url}`);
    const onward = connect(Number(port || 80), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(client).pipe(onward);
    });
    onward.on('error', () => client.destroy());
    client.on('close', () => onward.destroy());
    client.on('data', (chunk) => {
      passage.bytes += chunk.length;
    });
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${user}:${password}@127.0.0.1:${port}`,
    passages,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
