import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import { ProxyAgent } from 'undici';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RufusClient, type RufusClientOptions, RufusConfigError, RufusConnectionError } from '../../src/index.js';
import { enveloped, html } from '../support/behaviours.js';
import { clientAt, clientOf, KEY, refusedPort, rejection } from '../support/client.js';
import { startTls } from '../support/fronts.js';
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
  vi.restoreAllMocks();
});

describe('proxy', () => {
  it.each([
    ['text', (port: number) => `http://127.0.0.1:${port}`],
    ['a URL', (port: number) => new URL(`http://127.0.0.1:${port}/`)],
    ['text without a scheme', (port: number) => `127.0.0.1:${port}`],
    ['a name without a scheme', (port: number) => `localhost:${port}`],
  ])('by %s', async (_, given) => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.replies(html(502), found);
    const client = clientOf(server, { proxy: given(proxy.port) });
    await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
    expect(proxy.asked.length).toBeGreaterThan(0);
    for (const asked of proxy.asked) expect(asked).toBe(`CONNECT 127.0.0.1:${server.port}`);
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    ['timer:p%40ss', 'timer:p@ss'],
    ['timer', 'timer:'],
    ['%C3%91and%C3%BA:', 'Ñandú:'],
  ])('credentials of its URL go to it, and not to the server: %s', async (given, sent) => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    await clientOf(server, { proxy: `${given}@127.0.0.1:${proxy.port}` }).devices.get(DEVICE);
    expect(proxy.authorizations[0]).toBe(`Basic ${Buffer.from(sent).toString('base64')}`);
    expect(server.requests[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('an API with TLS is asked for by its name and port, and TLS goes through', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    vi.spyOn(process, 'emitWarning').mockReturnValue();
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    const tls = await startTls(server.port);
    const client = clientAt(`https://localhost:${tls.port}/v0`, { proxy: proxy.url, connections: 2 });
    await Promise.all([client.devices.get(DEVICE), client.devices.get(DEVICE)]);
    await client.devices.get(DEVICE);
    expect(proxy.asked).toEqual(Array(2).fill(`CONNECT localhost:${tls.port}`));
  });

  it('the default port is named to it', async () => {
    const proxy = await startProxy({ status: 502 });
    for (const baseUrl of ['https://api.example.test/v0', 'http://[::1]/v0', 'http://127.0.0.1/v0']) {
      await rejection(RufusConnectionError, clientAt(baseUrl, { proxy: proxy.url, retry: false }).devices.get(DEVICE));
    }
    expect(proxy.asked).toEqual(['CONNECT api.example.test:443', 'CONNECT [::1]:80', 'CONNECT 127.0.0.1:80']);
  });

  it('sockets are as many as `connections` says, and are used again', async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    const client = clientOf(server, { proxy: proxy.url, connections: 3 });
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 9 }, () => client.devices.get(DEVICE)));
    }
    expect(proxy.asked).toHaveLength(3);
    expect(server.requests).toHaveLength(27);
  });

  it('close ends its sockets too', async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    const client = clientOf(server, { proxy: proxy.url });
    await client.devices.get(DEVICE);
    await client.close();
    await expect(client.devices.get(DEVICE)).rejects.toMatchObject({ code: 'closed' });
    await vi.waitFor(() => expect(server.open).toBe(0));
  });
});

describe("'env'", () => {
  const throughOf = async (baseUrl: string): Promise<string[]> => {
    const [plain, secure] = [await startProxy({ status: 403 }), await startProxy({ status: 403 })];
    if (process.env.HTTP_PROXY === 'here') vi.stubEnv('HTTP_PROXY', plain.url);
    if (process.env.http_proxy === 'here') vi.stubEnv('http_proxy', plain.url);
    if (process.env.HTTPS_PROXY === 'here') vi.stubEnv('HTTPS_PROXY', secure.url);
    if (process.env.https_proxy === 'here') vi.stubEnv('https_proxy', `127.0.0.1:${secure.port}`);
    const client = clientAt(baseUrl, { proxy: 'env', retry: false, allowInsecure: true, timeoutMs: 500 });
    await client.devices.get(DEVICE).catch(() => {});
    return [...plain.asked.map(() => 'http'), ...secure.asked.map(() => 'https')];
  };
  const HTTP = `http://127.0.0.1:9/v0`;
  const HTTPS = `https://127.0.0.1:9/v0`;

  it.each([
    { variables: ['HTTP_PROXY'], baseUrl: HTTP, through: ['http'] },
    { variables: ['http_proxy'], baseUrl: HTTP, through: ['http'] },
    { variables: ['HTTPS_PROXY'], baseUrl: HTTPS, through: ['https'] },
    { variables: ['https_proxy'], baseUrl: HTTPS, through: ['https'] },
    { variables: ['HTTP_PROXY', 'HTTPS_PROXY'], baseUrl: HTTPS, through: ['https'] },
    { variables: ['HTTP_PROXY', 'HTTPS_PROXY'], baseUrl: HTTP, through: ['http'] },
    { variables: ['HTTP_PROXY'], baseUrl: HTTPS, through: ['http'] },
    { variables: ['HTTPS_PROXY'], baseUrl: HTTP, through: [] },
    { variables: [], baseUrl: HTTPS, through: [] },
  ])('$variables for $baseUrl', async ({ variables, baseUrl, through }) => {
    for (const variable of variables) vi.stubEnv(variable, 'here');
    expect(await throughOf(baseUrl)).toEqual(through);
  });

  it.each([
    { list: '127.0.0.1', isDirect: true },
    { list: '*', isDirect: true },
    { list: 'a.test, 127.0.0.1:9', isDirect: true },
    { list: 'a.test 127.0.0.1', isDirect: true },
    { list: '127.0.0.1:10', isDirect: false },
    { list: '27.0.0.1', isDirect: false },
    { list: '', isDirect: false },
    { list: 'LOCALHOST', baseUrl: 'http://localhost:9/v0', isDirect: true },
    { list: 'example.test', baseUrl: 'http://api.example.test:9/v0', isDirect: true },
    { list: '.example.test', baseUrl: 'http://api.example.test:9/v0', isDirect: true },
    { list: '*.example.test', baseUrl: 'http://api.example.test:9/v0', isDirect: true },
    { list: 'ample.test', baseUrl: 'http://api.example.test:9/v0', isDirect: false },
    { list: 'api.example.test:80', baseUrl: 'http://api.example.test/v0', isDirect: true },
    { list: 'api.example.test:443', baseUrl: 'http://api.example.test/v0', isDirect: false },
    { list: '::1', baseUrl: 'http://[::1]:9/v0', isDirect: true },
    { list: '[::1]:9', baseUrl: 'http://[::1]:9/v0', isDirect: true },
    { list: '[::1]:10', baseUrl: 'http://[::1]:9/v0', isDirect: false },
  ])('NO_PROXY=$list', async ({ list, isDirect, baseUrl = HTTP }) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      vi.stubEnv('HTTP_PROXY', 'here');
      vi.stubEnv(name, list);
      expect(await throughOf(baseUrl)).toEqual(isDirect ? [] : ['http']);
      vi.stubEnv(name, undefined);
    }
  });

  it('without the option the environment is no matter', async () => {
    const [server, proxy] = [await startServer(), await startProxy()];
    server.always(found);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    vi.stubEnv('HTTPS_PROXY', 'no URL at all');
    await clientOf(server).devices.get(DEVICE);
    expect(proxy.asked).toHaveLength(0);
  });
});

describe('an address that is none', () => {
  const SECRET = 'Secret42';
  const BAD = [
    `http://user:${SECRET}@127.0.0.1:99999`,
    `user:${SECRET}@127.0.0.1:99999`,
    `http://user:${SECRET}/with-a-slash@127.0.0.1:3128`,
    `http://user:${SECRET}%@127.0.0.1:3128`,
    `http://user:${SECRET}@`,
    `http:/user:${SECRET}@127.0.0.1:3128`,
    `socks5://user:${SECRET}@127.0.0.1:1080`,
    `http://127.0.0.1:3128/?key=${SECRET}`,
    '//',
  ];
  const expectRefused = (options: RufusClientOptions, name: string) => {
    let thrown: unknown;
    try {
      new RufusClient({ apiKey: KEY, ...options });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RufusConfigError);
    const shown = inspect(thrown, { depth: Infinity, showHidden: true });
    expect(shown).toContain(`\`${name}\``);
    expect(shown).not.toContain(SECRET);
    expect((thrown as Error).cause).toBeUndefined();
  };

  it.each(BAD)('is refused without a word of it: %s', (bad) => {
    expectRefused({ proxy: bad }, 'proxy');
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) {
      vi.stubEnv(name, bad);
      expectRefused({ proxy: 'env' }, name.toUpperCase());
      vi.stubEnv(name, undefined);
    }
  });

  it.each([null, 5, {}, ''])('is refused: %j', (bad) => expectRefused({ proxy: bad as never }, 'proxy'));
});

describe('one that does not let through', () => {
  const refusedBy = async (proxy: string, retry: RufusClientOptions['retry'] = { maxRetries: 1 }) => {
    const server = await startServer();
    const client = clientOf(server, { proxy, retry });
    const thrown = await rejection(RufusConnectionError, client.sessions.create({ deviceid: DEVICE }));
    expect(server.requests).toHaveLength(0);
    expect(thrown).toMatchObject({ code: 'connection', requestMaybeProcessed: false });
    expect(inspect(thrown, { depth: Infinity, showHidden: true })).not.toContain('pa55');
    expect(thrown.message).not.toContain('base URL');
    return thrown;
  };

  it('because it is not there: the base URL is not blamed', async () => {
    const port = await refusedPort();
    const thrown = await refusedBy(`http://user:pa55@127.0.0.1:${port}`);
    expect(thrown.attempts).toBe(2);
    expect(thrown.message).toContain(
      `was not sent: the proxy http://127.0.0.1:${port} cannot be reached: ECONNREFUSED (after 2 attempts). Nothing listens there: check the proxy, and its address in \`proxy\`.`,
    );
  });

  it('because it hangs up', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const thrown = await refusedBy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(thrown).toMatchObject({ attempts: 2, message: expect.stringContaining('It closed the connection') });
  });

  it('because its certificate is not to be trusted', async () => {
    const tls = await startTls((await startProxy()).port);
    const thrown = await refusedBy(`https://127.0.0.1:${tls.port}`);
    expect(thrown).toMatchObject({
      attempts: 1,
      message: expect.stringContaining('cannot be reached: DEPTH_ZERO_SELF'),
    });
  });

  it('because it wants a password, or another one (407): told, and not repeated', async () => {
    const proxy = await startProxy({ status: 407 });
    const without = await refusedBy(proxy.url);
    expect(without.attempts).toBe(1);
    expect(without.message).toContain(`the proxy ${proxy.url} answered 407. It wants a user and a password: put them`);
    const wrong = await refusedBy(`http://user:pa55@127.0.0.1:${proxy.port}`);
    expect(wrong.message).toContain('answered 407. It does not take the user and the password in `proxy`');
    vi.stubEnv('HTTP_PROXY', proxy.url);
    expect((await refusedBy('env')).message).toContain('`HTTP_PROXY`');
  });

  it.each([
    [403, 1],
    [302, 1],
    [429, 2],
    [502, 2],
    [504, 2],
  ])('because of %i: %i attempts', async (status, attempts) => {
    const proxy = await startProxy({ status });
    const thrown = await refusedBy(proxy.url);
    expect(thrown).toMatchObject({ attempts, message: expect.stringContaining(`answered ${status}`) });
  });

  it("because a dispatcher of the caller's goes through one that is not there: the base URL is not blamed", async () => {
    const agent = new ProxyAgent(`http://127.0.0.1:${await refusedPort()}`);
    onTestFinished(() => agent.destroy());
    const server = await startServer();
    const client = clientOf(server, { dispatcher: agent as never, retry: false });
    const thrown = await rejection(RufusConnectionError, client.sessions.create({ deviceid: DEVICE }));
    expect(thrown.requestMaybeProcessed).toBe(false);
    expect(thrown.message).not.toContain('base URL');
    expect(thrown.message).toContain('at a proxy perhaps');
  });
});
