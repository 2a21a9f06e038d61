// Whoever is to be connected to takes the connection and is silent: a proxy before CONNECT, anyone in the TLS handshake.
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  RufusAbortError,
  RufusClient,
  type RufusClientOptions,
  RufusError,
  RufusTimeoutError,
} from '../../src/index.js';
import { behind, enveloped, gate, hang } from '../support/behaviours.js';
import { clientOf, KEY, rejection } from '../support/client.js';
import { type Gate, startGate, startTls } from '../support/fronts.js';
import { DEVICE, device } from '../support/operations.js';
import { startProxy } from '../support/proxy.js';
import { type ScriptedServer, startServer } from '../support/server.js';

const found = enveloped(200, { description: 'Device found', result: device() });

interface Road {
  readonly server: ScriptedServer;
  readonly gate: Gate;
  readonly options: RufusClientOptions;
}
const ROADS: readonly { readonly silent: string; readonly build: () => Promise<Road> }[] = [
  {
    silent: 'a proxy, before the CONNECT of a plain API',
    async build() {
      const [server, proxy] = [await startServer(), await startProxy()];
      const gate = await startGate(proxy.port);
      return { server, gate, options: { baseUrl: server.url, proxy: `http://127.0.0.1:${gate.port}` } };
    },
  },
  {
    silent: 'a proxy, before the CONNECT of an API with TLS',
    async build() {
      const [server, proxy] = [await startServer(), await startProxy()];
      const tls = await startTls(server.port);
      const gate = await startGate(proxy.port);
      const baseUrl = `https://localhost:${tls.port}/v0`;
      return { server, gate, options: { baseUrl, proxy: `127.0.0.1:${gate.port}` } };
    },
  },
  {
    silent: 'a proxy with TLS, in its handshake',
    async build() {
      const [server, proxy] = [await startServer(), await startProxy()];
      const gate = await startGate((await startTls(proxy.port)).port);
      return { server, gate, options: { baseUrl: server.url, proxy: `https://localhost:${gate.port}` } };
    },
  },
  {
    silent: 'the API behind a proxy, in its TLS handshake',
    async build() {
      const [server, proxy] = [await startServer(), await startProxy()];
      const gate = await startGate((await startTls(server.port)).port);
      return { server, gate, options: { baseUrl: `https://localhost:${gate.port}/v0`, proxy: proxy.url } };
    },
  },
  {
    silent: 'the API itself, in its TLS handshake',
    async build() {
      const server = await startServer();
      const gate = await startGate((await startTls(server.port)).port);
      return { server, gate, options: { baseUrl: `https://localhost:${gate.port}/v0` } };
    },
  },
];

beforeEach(() => {
  // The certificates are our own.
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  vi.spyOn(process, 'emitWarning').mockReturnValue();
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** A client on that road, and six calls of it that hang: more than it has sockets. */
async function sixCalls(build: () => Promise<Road>, callOptions: () => object, connections: number) {
  const { server, gate, options } = await build();
  server.always(found);
  const client = new RufusClient({ apiKey: KEY, logLevel: 'off', retry: false, connections, ...options });
  onTestFinished(() => client.close());
  const calls = Array.from({ length: 6 }, () => client.devices.get(DEVICE, callOptions()));
  return { server, gate, client, failed: Promise.all(calls.map((call) => rejection(RufusError, call))) };
}

describe.each(ROADS)('$silent', ({ build }) => {
  it.each([
    { limit: 'timeoutMs', errorClass: RufusTimeoutError, callOptions: () => ({ timeoutMs: 150 }) },
    { limit: 'totalTimeoutMs', errorClass: RufusTimeoutError, callOptions: () => ({ totalTimeoutMs: 150 }) },
    { limit: 'signal', errorClass: RufusAbortError, callOptions: () => ({ signal: AbortSignal.timeout(150) }) },
  ])('$limit ends the wait, nothing stays, and the next call is served', async ({ errorClass, callOptions }) => {
    for (const connections of [1, 16]) {
      const { server, gate, client, failed } = await sixCalls(build, callOptions, connections);
      const startedAt = performance.now();
      for (const error of await failed) {
        expect(error).toBeInstanceOf(errorClass);
        expect(error).toMatchObject({ attempts: 1, requestMaybeProcessed: false });
      }
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      await vi.waitFor(() => expect(gate.open).toBe(0));
      gate.shut = false;
      await expect(client.devices.get(DEVICE, { timeoutMs: 2_000 })).resolves.toMatchObject({ deviceid: DEVICE });
      expect(server.requests).toHaveLength(1);
      expect(gate.connections).toBeGreaterThan(0);
    }
  });

  it('does not hold up close', async () => {
    const { client, gate, failed } = await sixCalls(build, () => ({ timeoutMs: 150 }), 2);
    const startedAt = performance.now();
    await client.close();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await failed;
    await vi.waitFor(() => expect(gate.open).toBe(0));
  });

  it('a call that is never repeated was not sent, and is repeated', async () => {
    const { server, gate, options } = await build();
    server.always(enveloped(201, { description: 'Session inserted succesfully', token_session: 'T' }));
    const retry = { maxRetries: 1, baseDelayMs: 0 };
    const client = new RufusClient({ apiKey: KEY, logLevel: 'off', timeoutMs: 1_000, retry, ...options });
    onTestFinished(() => client.close());
    const call = client.sessions.create({ deviceid: DEVICE });
    await vi.waitFor(() => expect(gate.connections).toBe(1));
    gate.shut = false;
    await expect(call).resolves.toMatchObject({ token_session: 'T' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('an attempt that has ended', () => {
  it('in the queue costs those after it no socket', async () => {
    const server = await startServer();
    const held = gate();
    server.replies(behind(held.opened, found)).always(found);
    const client = clientOf(server, { connections: 1, retry: false });
    const first = client.devices.get(DEVICE);
    await server.arrival(1);
    await rejection(RufusTimeoutError, client.devices.get(DEVICE, { timeoutMs: 50 }));
    held.open();
    await first;
    await client.devices.get(DEVICE);
    expect(server).toMatchObject({ connections: 1, requests: { length: 2 } });
  });

  it('under way is not connected for anew', async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(hang());
    const front = await startGate(proxy.port);
    front.shut = false;
    const client = clientOf(server, { proxy: `127.0.0.1:${front.port}`, retry: false });
    const call = client.devices.get(DEVICE, { timeoutMs: 300 });
    await server.arrival(1);
    front.shut = true;
    await rejection(RufusTimeoutError, call);
    const startedAt = performance.now();
    await client.close();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(front).toMatchObject({ connections: 1, open: 0 });
  });
});
