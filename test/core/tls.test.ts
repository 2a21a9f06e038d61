// A request that fails in the TLS handshake was never sent, whoever made the connection.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type RufusClientOptions, RufusConnectionError } from '../../src/index.js';
import { clientAt, rejection } from '../support/client.js';
import { CERTIFICATE, startTls } from '../support/fronts.js';
import { DEVICE } from '../support/operations.js';
import { startServer } from '../support/server.js';

async function portOf(onHello: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => onHello(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const agentOf = (connect: object = {}): RufusClientOptions => {
  const agent = new Agent({ connect });
  onTestFinished(() => agent.destroy());
  return { dispatcher: agent as never };
};
const ROADS: [string, () => RufusClientOptions][] = [
  ['our own agent', () => ({})],
  ["the caller's agent", () => agentOf()],
];
const tlsPort = async () => (await startTls((await startServer()).port)).port;

describe.each(ROADS)('over %s', (_, options) => {
  it.each([
    ['a certificate that nobody signed', tlsPort, 1, /SELF_SIGNED/],
    ['a server without TLS', () => portOf((socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n')), 1, /ERR_SSL_|EPROTO/],
    ['a server that hangs up', () => portOf((socket) => socket.end()), 2, /ECONNRESET/],
  ])('%s', async (__, start, attempts, code) => {
    const client = clientAt(`https://127.0.0.1:${await start()}/v0`, { ...options(), retry: { maxRetries: 1 } });
    const thrown = await rejection(RufusConnectionError, client.sessions.create({ deviceid: DEVICE }));
    expect(thrown).toMatchObject({ attempts, requestMaybeProcessed: false });
    expect(thrown.message).toMatch(code);
    expect(thrown.message).not.toContain('may have been processed');
  });
});

it('a certificate of somebody else', async () => {
  const options = agentOf({ ca: CERTIFICATE, servername: 'other.test' });
  const client = clientAt(`https://127.0.0.1:${await tlsPort()}/v0`, options);
  const thrown = await rejection(RufusConnectionError, client.sessions.create({ deviceid: DEVICE }));
  expect(thrown).toMatchObject({ attempts: 1, requestMaybeProcessed: false });
  expect(thrown.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
});
