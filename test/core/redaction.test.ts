// The key and whole tokens must show nowhere: whatever we make is inspected as deeply as node can, and searched.
import { inspect } from 'node:util';
import { MockAgent } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RufusClient, type RufusClientOptions, RufusError } from '../../src/index.js';
import { enveloped, hang, html, json, raw, reset } from '../support/behaviours.js';
import { clientAt, clientOf, fakeDispatcher } from '../support/client.js';
import { DEVICE, device, input, OPERATIONS, passing, TOKEN } from '../support/operations.js';
import { type Behaviour, startServer } from '../support/server.js';

const SECRET = 'ror-feedfacecafebeef0042';
const LEAKS = [SECRET, SECRET.slice(4), TOKEN, TOKEN.toLowerCase(), encodeURIComponent(SECRET)];

/** Every text that a log, a console or an error tracker could make of it. */
function textsOf(value: unknown): string[] {
  const texts = [
    inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    inspect(value, { depth: Infinity, getters: true }),
    inspect(value, { depth: Infinity, getters: true, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    JSON.stringify(value) ?? '',
    String(value),
  ];
  for (let error = value; error instanceof Error; error = error.cause) {
    texts.push(error.message, error.stack ?? '', JSON.stringify(Object.entries(error)));
  }
  return texts;
}

function expectClean(value: unknown): void {
  for (const text of textsOf(value)) for (const leak of LEAKS) expect(text).not.toContain(leak);
}

/** A client at level debug whose every log line is kept. */
function listening(options: RufusClientOptions = {}) {
  const lines: unknown[] = [];
  const note = (message: string, fields?: object) => {
    lines.push(message, fields);
  };
  const logger = { error: note, warn: note, info: note, debug: note };
  return { lines, options: { apiKey: SECRET, logger, logLevel: 'debug', ...options } satisfies RufusClientOptions };
}

async function thrownBy(call: PromiseLike<unknown>): Promise<RufusError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RufusError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

describe('errors and log lines', () => {
  const gossip = { description: `no session ${TOKEN} for key ${SECRET}`, token_session: TOKEN, key: SECRET };
  const echo = { 'x-echo': `${SECRET} ${TOKEN}`, 'x-request-id': 'req-7' };
  const FAILURES: { name: string; behaviour: Behaviour }[] = [
    ...[400, 401, 403, 404, 409, 413, 418, 429, 500, 502, 503].map((status) => ({
      name: String(status),
      behaviour: json(status, gossip, echo),
    })),
    { name: 'an enveloped 404', behaviour: enveloped(404, gossip, echo) },
    { name: 'a 502 as HTML', behaviour: raw(502, `<p>${SECRET} ${TOKEN}`, { 'content-type': 'text/html', ...echo }) },
    { name: 'a redirect', behaviour: raw(302, '', { location: `/v0/login?key=${SECRET}&token=${TOKEN}` }) },
    { name: '200 with HTML', behaviour: raw(200, `<p>${SECRET} ${TOKEN}`, { 'content-type': 'text/html' }) },
    { name: '200 with half a JSON', behaviour: raw(200, `{"body":{"token_session":"${TOKEN}","key":"${SECRET}`) },
    { name: 'another shape', behaviour: json(200, { [SECRET]: TOKEN, [TOKEN]: SECRET, result: [{ key: SECRET }] }) },
    { name: 'a reset', behaviour: reset() },
    { name: 'a timeout', behaviour: hang() },
  ];

  it.each(FAILURES)('$name', async ({ name, behaviour }) => {
    const server = await startServer();
    server.always(behaviour);
    const { lines, options } = listening({ retry: { maxRetries: 1 } });
    const client = clientOf(server, options);
    const timeoutMs = name === 'a timeout' ? 200 : 30_000;
    for (const operation of OPERATIONS) {
      // An unbind and a 404 are one matter to the table; here every operation only has to fail or be silent.
      const [outcome] = await Promise.allSettled([operation.call(client, { timeoutMs, retry: { maxRetries: 0 } })]);
      if (outcome?.status === 'rejected') expectClean(outcome.reason);
      else expect(['sessions.getActive', 'sessions.listByDevice']).toContain(operation.name);
    }
    const many = await thrownBy(client.passings.insertMany(TOKEN, [input(1)], { timeoutMs }));
    expectClean(many);
    expect(lines.length).toBeGreaterThan(0);
    expectClean(lines);
    expectClean(client);
  });

  it('what the server said is still there for those who ask', async () => {
    const server = await startServer();
    server.always(json(400, gossip, echo));
    const thrown = await thrownBy(clientOf(server, listening().options).sessions.get(TOKEN));
    expect(thrown).toMatchObject({ body: gossip, status: 400, requestId: 'req-7' });
    expect((thrown as unknown as { headers: Headers }).headers.get('x-echo')).toBe(`${SECRET} ${TOKEN}`);
    expect((thrown as unknown as { description: string }).description).toMatch(/^no session 5F1D/);
  });

  it("a cause of the caller's dispatcher", async () => {
    const inner = Object.assign(new Error(`socket for ${TOKEN}`), { headers: { 'x-api-key': SECRET } });
    const cause = Object.assign(new Error(`sending x-api-key: ${SECRET} to /v0/sessions/${TOKEN}`, { cause: inner }), {
      code: 'ECONNRESET',
      request: { headers: { 'x-api-key': SECRET }, path: `/v0/sessions/${TOKEN}` },
    });
    const { dispatcher } = fakeDispatcher(cause);
    const { lines, options } = listening({ dispatcher });
    const client = clientAt('https://api.example.test/v0', options);
    const thrown = await thrownBy(client.sessions.get(TOKEN));
    expectClean(thrown);
    expect((thrown.cause as { code?: string }).code).toBe('ECONNRESET');
    expectClean(lines);
  });

  it("undici's MockAgent, whose complaint quotes the headers", async () => {
    const agent = new MockAgent();
    onTestFinished(() => agent.close());
    agent.disableNetConnect();
    agent
      .get('https://api.example.test')
      .intercept({ path: `/v0/sessions/${TOKEN}`, method: 'GET', headers: { 'x-api-key': 'ror-00000000000000000000' } })
      .reply(200, {});
    const { lines, options } = listening({ dispatcher: agent as never });
    const thrown = await thrownBy(clientAt('https://api.example.test/v0', options).sessions.get(TOKEN));
    expectClean(thrown);
    expectClean(lines);
  });

  it('what the apiKey function returns, and what it throws', async () => {
    const server = await startServer();
    server.always(html(400));
    const { lines, options } = listening({ apiKey: async () => SECRET });
    expectClean(await thrownBy(clientOf(server, options).sessions.get(TOKEN)));
    const bad = listening({ apiKey: () => `${SECRET}\n` });
    const client = clientOf(server, bad.options);
    expectClean(await thrownBy(client.sessions.get(TOKEN)));
    expectClean(lines);
    expectClean(bad.lines);
  });

  it('bad input that holds a token', async () => {
    const server = await startServer();
    const { lines, options } = listening();
    const client = clientOf(server, options);
    expectClean(
      await thrownBy(client.passings.insert(TOKEN, [passing(1, { chips: SECRET, bib: 7, chip: [TOKEN] }) as never])),
    );
    expectClean(await thrownBy(client.passings.insert(TOKEN, [{ ...input(1), timestamp: TOKEN }])));
    expectClean(lines);
    expect(server.requests).toHaveLength(0);
  });

  it('a refused key is not quoted', () => {
    for (const apiKey of [`${SECRET}\n`, `${SECRET} x`, `${SECRET}\u0007`]) {
      try {
        new RufusClient({ apiKey });
        expect.unreachable();
      } catch (error) {
        expectClean(error);
      }
    }
  });
});

describe('objects', () => {
  it('a client, fresh and used, derived and closed', async () => {
    const server = await startServer();
    server.always(enveloped(200, { description: 'Device found', result: device() }));
    const client = clientOf(server, { apiKey: SECRET, headers: { 'x-shared': SECRET } });
    expectClean(client);
    await client.devices.get(DEVICE);
    const derived = client.withOptions({ timeoutMs: 9_000 });
    for (const value of [client, client.devices, client.sessions, client.passings, client.events, derived])
      expectClean(value);
    await client.close();
    expectClean(client);
  });

  it('the proxy and its password', async () => {
    const client = clientAt('https://api.example.test/v0', {
      apiKey: SECRET,
      proxy: `http://timer:${SECRET}@127.0.0.1:1`,
    });
    expectClean(client);
    expectClean(await thrownBy(client.devices.get(DEVICE, { retry: false })));
    expectClean(client);
  });

  it('promises and pages', async () => {
    const server = await startServer();
    server.always(enveloped(200, { description: 'Passings found', result: [passing(1)] }));
    const { lines, options } = listening();
    const client = clientOf(server, options);
    const list = client.passings.listBySession(TOKEN);
    const poll = client.passings.poll(DEVICE, { token_session: TOKEN, last: 3 });
    poll.then(undefined, () => {});
    expectClean(list);
    expectClean(poll);
    expectClean(list.pages());
    expectClean(list[Symbol.asyncIterator]());
    const page = await list;
    expectClean(list);
    expectClean(page);
    expectClean(page.response);
    const { response } = await client.devices
      .unbind(DEVICE)
      .withResponse()
      .catch(() => ({ response: {} }));
    expectClean(response);
    expectClean(lines);
  });
});
