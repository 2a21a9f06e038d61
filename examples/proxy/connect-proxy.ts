import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface Tunnel {
  /** `CONNECT host:port` */
  readonly asked: string;
  /** What went through it, both ways. */
  bytes: number;
}

export interface ConnectProxy {
  /** With the user and the password in it. */
  readonly url: string;
  readonly tunnels: readonly Tunnel[];
  close(): Promise<void>;
}

/** A forward proxy on loopback that does what a company's does: checks the password, opens a tunnel, and sees bytes only. */
export async function startProxy({ user, password }: { user: string; password: string }): Promise<ConnectProxy> {
  const tunnels: Tunnel[] = [];
  const sockets = new Set<Socket>();
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const server = createServer((_, response) => response.writeHead(405).end('CONNECT only'));
  server.on('connection', (socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));

  server.on('connect', (request, client: Socket, head) => {
    const tunnel = { asked: `CONNECT ${request.url}`, bytes: 0 };
    tunnels.push(tunnel);
    client.on('error', () => client.destroy());
    if (request.headers['proxy-authorization'] !== expected) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port || 80), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(client).pipe(onward);
    });
    onward.on('error', () => client.destroy());
    client.on('close', () => onward.destroy());
    for (const socket of [client, onward]) {
      socket.on('data', (chunk) => {
        tunnel.bytes += chunk.length;
      });
    }
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${user}:${password}@127.0.0.1:${port}`,
    tunnels,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
