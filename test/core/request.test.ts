// The two ways to more than a method's result: request() for endpoints that are not wrapped, withResponse() for the answer's frame.
import { describe, expect, it } from 'vitest';
import {
  NotFoundError,
  RufusAbortError,
  RufusConnectionError,
  RufusError,
  RufusResponseValidationError,
  ServerError,
} from '../../src/index.js';
import { enveloped, hang, html, json, raw, reset } from '../support/behaviours.js';
import { clientOf, KEY, rejection } from '../support/client.js';
import { DEVICE, device, OPERATIONS } from '../support/operations.js';
import { startServer } from '../support/server.js';

describe('request', () => {
  it('sends method, path, query and body, with the key', async () => {
    const server = await startServer();
    server.always(enveloped(200, { description: 'ok', anything: [1, { goes: true }] }));
    const client = clientOf(server);
    const query = { race: 'Zürich & co', page: 2, none: undefined };
    const body = { name: 'Ñandú', list: [1, null] };
    await expect(client.request('GET', '/participants', { query })).resolves.toEqual({
      description: 'ok',
      anything: [1, { goes: true }],
    });
    await client.request('POST', '/participants', { body });
    const [get, post] = server.requests;
    expect([get?.method, get?.url.pathname]).toEqual(['GET', '/v0/participants']);
    expect(Object.fromEntries(get?.url.searchParams ?? [])).toEqual({ race: 'Zürich & co', page: '2' });
    expect(get?.headers).toMatchObject({ 'x-api-key': KEY });
    expect(get?.body).toBe('');
    expect([post?.method, post?.target]).toEqual(['POST', '/v0/participants']);
    expect(post?.json()).toEqual(body);
    expect(post?.headers['content-type']).toMatch(/^application\/json/);
  });

  it('reads either envelope, and any JSON', async () => {
    const server = await startServer();
    const client = clientOf(server);
    server.replies(json(200, { rows: [1] }), enveloped(200, [1, 2]), enveloped(200, null), json(200, [3]));
    await expect(client.request('GET', '/a')).resolves.toEqual({ rows: [1] });
    await expect(client.request('GET', '/a')).resolves.toEqual([1, 2]);
    await expect(client.request('GET', '/a')).resolves.toBeNull();
    await expect(client.request('GET', '/a')).resolves.toEqual([3]);
  });

  it('throws the same errors', async () => {
    const server = await startServer();
    const client = clientOf(server);
    server.replies(
      json(404, { description: 'no such thing' }),
      raw(200, '<html>'),
      raw(200, '<html>'),
      raw(200, '<html>'),
    );
    expect(await rejection(NotFoundError, client.request('GET', '/a'))).toMatchObject({ description: 'no such thing' });
    await rejection(RufusResponseValidationError, client.request('GET', '/a'));
    server.always(hang());
    const controller = new AbortController();
    const failed = rejection(RufusAbortError, client.request('GET', '/a', { signal: controller.signal }));
    await server.arrival(server.requests.length + 1);
    controller.abort();
    await failed;
  });

  it('a GET is repeated, anything else only when told that it may be', async () => {
    const server = await startServer();
    const client = clientOf(server, { retry: { maxRetries: 1 } });
    server.always(html(502));
    expect((await rejection(ServerError, client.request('GET', '/a'))).attempts).toBe(2);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const thrown = await rejection(ServerError, client.request(method, '/a'));
      expect(thrown).toMatchObject({ attempts: 1, requestMaybeProcessed: true });
      expect((await rejection(ServerError, client.request(method, '/a', { repeatable: true }))).attempts).toBe(2);
    }
    expect((await rejection(ServerError, client.request('GET', '/a', { repeatable: false }))).attempts).toBe(1);
    server.always(reset());
    expect(await rejection(RufusConnectionError, client.request('POST', '/a'))).toMatchObject({
      attempts: 1,
      requestMaybeProcessed: true,
    });
    server.always(json(429, {}));
    await expect(client.request('POST', '/a')).rejects.toMatchObject({ attempts: 2, requestMaybeProcessed: false });
  });

  it('never carries the key to another host', async () => {
    const [server, other] = [await startServer(), await startServer()];
    server.always(json(200, {}));
    other.always(json(200, {}));
    const client = clientOf(server, { retry: false });
    const host = `127.0.0.1:${other.port}`;
    for (const path of [`http://${host}/x`, `//${host}/x`, `\\\\${host}\\x`, `@${host}/x`, `/../../x`, `x`]) {
      await Promise.allSettled([(async () => client.request('GET', path))()]);
    }
    expect(other.connections).toBe(0);
    for (const seen of server.requests) expect(seen.url.pathname).toMatch(/^\/v0\//);
  });

  it('a path without its slash means the same, or is refused', async () => {
    const server = await startServer();
    server.always(json(200, { ok: true }));
    const [outcome] = await Promise.allSettled([(async () => clientOf(server).request('GET', 'participants'))()]);
    if (outcome?.status === 'fulfilled') expect(server.requests[0]?.target).toBe('/v0/participants');
    else expect(outcome?.reason).toBeInstanceOf(RufusError);
  });
});

describe('withResponse', () => {
  it('gives the data and the frame of the last answer', async () => {
    const server = await startServer();
    server.replies(
      html(502),
      enveloped(200, { description: 'Device found', result: device() }, { 'x-request-id': 'r-9' }),
    );
    const { data, response } = await clientOf(server).devices.get(DEVICE).withResponse();
    expect(data).toMatchObject({ deviceid: DEVICE });
    expect(response).toMatchObject({ status: 200, requestId: 'r-9', attempts: 2, description: 'Device found' });
    expect(response.headers.get('X-Request-Id')).toBe('r-9');
    expect(response.durationMs).toBeGreaterThan(0);
    expect(response.durationMs).toBeLessThan(60_000);
  });

  it('and the promise itself are one request', async () => {
    const server = await startServer();
    server.always(enveloped(200, { description: 'Device found', result: device() }));
    const promise = clientOf(server).devices.get(DEVICE);
    const [first, second, { data }] = [await promise, await promise, await promise.withResponse()];
    expect(first).toBe(second);
    expect(data).toBe(first);
    expect(server.requests).toHaveLength(1);
  });

  it.each(OPERATIONS)('$name has one, of a promise or of a page', async (operation) => {
    const server = await startServer();
    server.always(enveloped(operation.status, operation.body));
    const promise = operation.call(clientOf(server)) as Promise<unknown> & {
      withResponse?: () => Promise<{ response: unknown }>;
    };
    const response = promise.withResponse
      ? (await promise.withResponse()).response
      : ((await promise) as { response: unknown }).response;
    expect(response).toMatchObject({ status: operation.status, attempts: 1 });
    expect((response as { description: string }).description).toBe(
      (operation.body as { description: string }).description,
    );
  });

  it('rejects as the promise does, and nothing is left unhandled', async () => {
    const server = await startServer();
    server.always(json(404, {}));
    const client = clientOf(server);
    await rejection(NotFoundError, client.devices.get(DEVICE).withResponse());
    const promise = client.devices.get(DEVICE);
    const both = await Promise.allSettled([promise, promise.withResponse()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('is a promise to the platform', async () => {
    const server = await startServer();
    server.always(enveloped(200, { description: 'Device found', result: device() }));
    const client = clientOf(server);
    expect(client.devices.get(DEVICE)).toBeInstanceOf(Promise);
    const names = await Promise.all([
      client.devices.get(DEVICE).then(({ model }) => model),
      client.devices.get(DEVICE),
    ]);
    expect(names[0]).toBe('RTL');
    let settled = 0;
    await client.devices.get(DEVICE).finally(() => settled++);
    await client.devices.get(DEVICE).catch(() => {});
    expect(settled).toBe(1);
  });
});
