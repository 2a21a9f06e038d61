// The roads a request can take (our own agent, a dispatcher of the caller's, a proxy, middleware around it) end alike.
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  NotFoundError,
  RufusAbortError,
  RufusAPIError,
  type RufusClient,
  type RufusClientOptions,
  RufusConnectionError,
  RufusError,
  RufusResponseValidationError,
  RufusTimeoutError,
  ServerError,
} from '../../src/index.js';
import {
  behind,
  drip,
  empty,
  enveloped,
  gate,
  gzipped,
  hang,
  html,
  json,
  raw,
  reset,
  resetEarly,
  truncated,
} from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { DEVICE, device } from '../support/operations.js';
import { startProxy } from '../support/proxy.js';
import { type Behaviour, startServer } from '../support/server.js';

const body = { description: 'Device found', result: device() };
const found = enveloped(200, body);

const ROADS: { road: string; options: () => RufusClientOptions | Promise<RufusClientOptions> }[] = [
  { road: 'our own agent', options: () => ({}) },
  {
    road: "the caller's agent",
    options: () => {
      const agent = new Agent();
      onTestFinished(() => agent.destroy());
      return { dispatcher: agent as never };
    },
  },
  { road: 'a proxy', options: async () => ({ proxy: (await startProxy()).url }) },
  { road: 'middleware', options: () => ({ middleware: [(context, next) => next(context)] }) },
  { road: 'a key function', options: () => ({ apiKey: async () => 'ror-0123456789abcdef0123' }) },
];

type ErrorClass = abstract new (...args: never[]) => RufusError;
interface Failing {
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly error: ErrorClass;
  readonly readRepeated: boolean;
  readonly options?: RufusClientOptions;
}
const padded = { ...body, padding: 'x'.repeat(20_000) };
const FAILURES: readonly Failing[] = [
  { name: '404', behaviour: json(404, {}), error: NotFoundError, readRepeated: false },
  { name: '502', behaviour: html(502), error: ServerError, readRepeated: true },
  { name: 'a redirect', behaviour: html(302, { location: '/v0/elsewhere' }), error: RufusError, readRepeated: false },
  { name: '200 with HTML', behaviour: html(200), error: RufusResponseValidationError, readRepeated: true },
  { name: '200 without a body', behaviour: empty(200), error: RufusResponseValidationError, readRepeated: true },
  { name: 'an early reset', behaviour: resetEarly(), error: RufusConnectionError, readRepeated: true },
  { name: 'a reset', behaviour: reset(), error: RufusConnectionError, readRepeated: true },
  { name: 'FIN in the body', behaviour: truncated(padded, 'fin'), error: RufusConnectionError, readRepeated: true },
  { name: 'RST in the body', behaviour: truncated(padded, 'rst'), error: RufusConnectionError, readRepeated: true },
  { name: 'FIN in a chunk', behaviour: truncated(padded, 'chunked'), error: RufusConnectionError, readRepeated: true },
  { name: 'silence', behaviour: hang(), error: RufusTimeoutError, readRepeated: true, options: { timeoutMs: 300 } },
  {
    name: 'a drip',
    behaviour: drip(padded, 10),
    error: RufusTimeoutError,
    readRepeated: true,
    options: { timeoutMs: 300 },
  },
  {
    name: 'too much',
    behaviour: json(200, padded),
    error: RufusError,
    readRepeated: false,
    options: { maxResponseBytes: 9_000 },
  },
];

describe.each(ROADS)('over $road', ({ options }) => {
  it.each(FAILURES)('$name', async ({ behaviour, error, readRepeated, options: more }) => {
    async function failing(call: (client: RufusClient) => PromiseLike<unknown>) {
      const server = await startServer();
      server.always(behaviour);
      const client = clientOf(server, { ...(await options()), ...more, retry: { maxRetries: 1 } });
      const thrown = await rejection(error, call(client));
      return { thrown, requests: server.requests.length };
    }
    const [read, create] = await Promise.all([
      failing((client) => client.devices.get(DEVICE)),
      failing((client) => client.sessions.create({ deviceid: DEVICE })),
    ]);
    const attempts = readRepeated ? 2 : 1;
    expect(read.thrown).toMatchObject({ attempts, requestMaybeProcessed: false });
    expect(read.requests).toBe(attempts);
    const refused = create.thrown instanceof RufusAPIError && create.thrown.status < 500;
    expect(create.thrown).toMatchObject({ attempts: 1, requestMaybeProcessed: !refused });
    expect(create.requests).toBe(1);
  });

  it('an answer, plain and compressed, to a body that is sent again as it was', async () => {
    const server = await startServer();
    server.replies(html(503), found, gzipped(200, body));
    const client = clientOf(server, await options());
    await client.request('POST', '/echo', { body: { name: 'Ñandú' }, repeatable: true });
    expect(await client.devices.get(DEVICE)).toMatchObject({ deviceid: DEVICE });
    expect(server.requests.map((seen) => seen.body)).toEqual(['{"name":"Ñandú"}', '{"name":"Ñandú"}', '']);
  });

  it('an abort, in the wait and in the body, hangs up', async () => {
    const server = await startServer();
    const client = clientOf(server, await options());
    for (const [i, behaviour] of [hang(), drip(padded, 5)].entries()) {
      const controller = new AbortController();
      server.replies(behaviour);
      const failed = rejection(RufusAbortError, client.devices.get(DEVICE, { signal: controller.signal }));
      const seen = await server.arrival(i + 1);
      setTimeout(() => controller.abort(), 30);
      await failed;
      await seen.hungUp;
    }
  });

  it('after an error page of any size the next call is served', async () => {
    const server = await startServer();
    const client = clientOf(server, await options());
    for (const size of [0, 1_000, 200_000, 3_000_000]) {
      server.replies(raw(400, 'x'.repeat(size), { 'content-type': 'text/html' }), found);
      await expect(client.devices.get(DEVICE)).rejects.toMatchObject({ status: 400 });
      await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
    }
  });
});

describe.each(ROADS)('over $road, a call that waits for a free socket', ({ road, options }) => {
  /** One socket, and that taken until the gate opens. */
  async function crowded() {
    const server = await startServer();
    const held = gate();
    server.replies(behind(held.opened, found)).always(found);
    const agent = new Agent({ connections: 1 });
    onTestFinished(() => agent.destroy());
    const one: RufusClientOptions = road.includes('caller') ? { dispatcher: agent as never } : { connections: 1 };
    const client = clientOf(server, { ...(await options()), ...one });
    const holding = client.devices.get('holding');
    await server.arrival(1);
    const thatWasAll = async () => {
      held.open();
      await holding;
      await client.devices.get(DEVICE);
      expect(server.requests.map((seen) => seen.method)).toEqual(['GET', 'GET']);
    };
    return { client, thatWasAll };
  }

  it('is not sent once its time has run out', async () => {
    const { client, thatWasAll } = await crowded();
    const queued = client.sessions.create({ deviceid: DEVICE }, { timeoutMs: 200, retry: false });
    const thrown = await rejection(RufusTimeoutError, queued);
    // Only our own agent tells us that it had not begun; of another we assume the worst.
    if (!road.includes('caller')) expect(thrown.requestMaybeProcessed).toBe(false);
    await thatWasAll();
  });

  it('is not sent once it is aborted', async () => {
    const { client, thatWasAll } = await crowded();
    const controller = new AbortController();
    const { signal } = controller;
    const queued = rejection(RufusAbortError, client.sessions.create({ deviceid: DEVICE }, { signal }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort();
    const thrown = await queued;
    if (!road.includes('caller')) expect(thrown.requestMaybeProcessed).toBe(false);
    await thatWasAll();
  });
});
