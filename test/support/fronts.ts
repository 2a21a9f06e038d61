// What stands in front of a server on loopback: TLS, and a gate that takes connections and keeps them waiting.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';

/** Of localhost and 127.0.0.1, signed by itself, for tests only. */
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXgjlDioIJRpc4kwE
eV3Dd5JoVs02kN7qwpKUY6iJSLOhRANCAARhPTQdOKrdj3tSz081oJERvJK80HlO
mvLYOBqLc7O8jRKrE/DK5BjsxuipE1A/k5Pk0p5G6NogGe4a/4/a0JLv
-----END PRIVATE KEY-----`;
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUOs9TVktvkG7kqBJEPEELpPZQ2hQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzEyMjc1OFoYDzIxMjYxMTAz
MTIyNzU4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARhPTQdOKrdj3tSz081oJERvJK80HlOmvLYOBqLc7O8jRKrE/DK5Bjs
xuipE1A/k5Pk0p5G6NogGe4a/4/a0JLvo28wbTAdBgNVHQ4EFgQUpy+NUB08MkMk
aLqBHl+60sAsT+IwHwYDVR0jBBgwFoAUpy+NUB08MkMkaLqBHl+60sAsT+IwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgaGjpfUpFlz31YcximjVNy2tucGVCUAj6wi4IcoClGJsCIFWC
i2/rEqKil/rlL8CTEHQhq4YGjTNHEsjSIHobK/2u
-----END CERTIFICATE-----`;

export interface Front {
  readonly port: number;
  /** Connections to it that are open now. */
  readonly open: number;
  /** Those ever made. */
  readonly connections: number;
}
export interface Gate extends Front {
  /** Whether new connections wait: taken, and never answered. */
  shut: boolean;
}

/** TLS towards the client, plain bytes towards `port`. */
export function startTls(port: number): Promise<Front> {
  return start(createTlsServer({ key: KEY, cert: CERTIFICATE }), 'secureConnection', (socket) => pipe(socket, port));
}

export async function startGate(port: number): Promise<Gate> {
  const front = await start(createServer(), 'connection', (socket) => {
    if (!gate.shut) pipe(socket, port);
    // Read, and thrown away: it would not be seen to end otherwise.
    else socket.resume();
  });
  const gate: Gate = Object.defineProperties({ shut: true } as Gate, Object.getOwnPropertyDescriptors(front));
  return gate;
}

async function start(server: Server, event: string, serve: (socket: Socket) => void): Promise<Front> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  server.on(event, serve).on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return sockets.size;
    },
    get connections() {
      return connections;
    },
  };
}

function pipe(socket: Socket, port: number): void {
  const onward = connect(port, '127.0.0.1');
  socket.on('error', () => onward.destroy()).on('close', () => onward.destroy());
  onward.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  socket.pipe(onward).pipe(socket);
}
