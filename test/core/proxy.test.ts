import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RufusConnectionError } from '../../src/index.js';
import { enveloped, html } from '../support/behaviours.js';
import { clientOf, refusedPort, rejection } from '../support/client.js';
import { DEVICE, device } from '../support/operations.js';
import { startProxy } from '../support/proxy.js';
import { startServer } from '../support/server.js';

const found = enveloped(200, { description: 'Device found', result: device() });

beforeEach(() => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']) {
    vi.stubEnv(name, undefined);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('proxy', () => {
  it.each(['string', 'URL'])('by %s', async (form) => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.replies(html(502), found);
    const client = clientOf(server, { proxy: form === 'URL' ? new URL(proxy.url) : proxy.url });
    await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
    expect(proxy.asked.length).toBeGreaterThan(0);
    for (const asked of proxy.asked) expect(asked).toContain(`127.0.0.1:${server.port}`);
    expect(server.requests).toHaveLength(2);
  });

  it('credentials of its URL go to it, and not to the server', async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    await clientOf(server, { proxy: `http://timer:p%40ss@127.0.0.1:${proxy.port}` }).devices.get(DEVICE);
    expect(proxy.authorizations[0]).toBe(`Basic ${Buffer.from('timer:p@ss').toString('base64')}`);
    expect(server.requests[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it("'env' reads HTTP_PROXY, and NO_PROXY goes round it", async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    await clientOf(server, { proxy: 'env' }).devices.get(DEVICE);
    expect(proxy.asked).toHaveLength(1);
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    await clientOf(server, { proxy: 'env' }).devices.get(DEVICE);
    expect(proxy.asked).toHaveLength(1);
    expect(server.requests).toHaveLength(2);
  });

  it('without the option the environment is no matter', async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    await clientOf(server).devices.get(DEVICE);
    expect(proxy.asked).toHaveLength(0);
  });

  it('one that is not there is a connection never made', async () => {
    const server = await startServer();
    const client = clientOf(server, { proxy: `http://127.0.0.1:${await refusedPort()}`, retry: { maxRetries: 1 } });
    const thrown = await rejection(RufusConnectionError, client.sessions.create({ deviceid: DEVICE }));
    expect(thrown).toMatchObject({ attempts: 2, requestMaybeProcessed: false });
  });

  it('close ends its sockets too', async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    const client = clientOf(server, { proxy: proxy.url });
    await client.devices.get(DEVICE);
    await client.close();
    await expect(client.devices.get(DEVICE)).rejects.toMatchObject({ code: 'closed' });
  });
});
