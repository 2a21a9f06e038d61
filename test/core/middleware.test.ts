import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  type AttemptContext,
  type Middleware,
  type RawResponse,
  RufusConfigError,
  RufusResponseValidationError,
  RufusTimeoutError,
} from '../../src/index.js';
import { drip, enveloped, hang, html, json } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { DEVICE, device } from '../support/operations.js';
import { startServer } from '../support/server.js';

const body = { description: 'Device found', result: device() };
const found = enveloped(200, body);

const answer = (status: number, text: string): RawResponse => ({
  status,
  headers: new Headers(),
  requestId: undefined,
  text,
  json: () => JSON.parse(text),
});

describe('middleware', () => {
  it('wraps from the outside in, the first outermost', async () => {
    const server = await startServer();
    server.always(found);
    const order: string[] = [];
    const named =
      (name: string): Middleware =>
      async (context, next) => {
        order.push(`${name} in`);
        const response = await next(context);
        order.push(`${name} out`);
        return response;
      };
    await clientOf(server, { middleware: [named('outer'), named('inner')] }).devices.get(DEVICE);
    expect(order).toEqual(['outer in', 'inner in', 'inner out', 'outer out']);
  });

  it('runs once an attempt, and is told which', async () => {
    const server = await startServer();
    server.replies(html(502), found);
    const contexts: AttemptContext[] = [];
    const statuses: number[] = [];
    const middleware: Middleware = async (context, next) => {
      contexts.push(context);
      const response = await next(context);
      statuses.push(response.status);
      return response;
    };
    await clientOf(server, { middleware: [middleware] }).devices.get(DEVICE);
    expect(contexts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(contexts[0]).toMatchObject({ operation: 'devices.get', method: 'GET' });
    expect(contexts[0]?.path).toContain(`/devices/${DEVICE}`);
    expect(contexts[0]?.signal).toBeInstanceOf(AbortSignal);
    expect(statuses).toEqual([502, 200]);
  });

  it('sees the whole raw answer', async () => {
    const server = await startServer();
    server.always(enveloped(200, body, { 'x-request-id': 'r-1', 'x-cache': 'miss' }));
    let seen: RawResponse | undefined;
    const middleware: Middleware = async (context, next) => {
      seen = await next(context);
      return seen;
    };
    await clientOf(server, { middleware: [middleware] }).devices.get(DEVICE);
    expect(seen).toMatchObject({ status: 200, requestId: 'r-1', text: JSON.stringify({ body }) });
    expect(seen?.headers.get('x-cache')).toBe('miss');
    expect(seen?.json()).toEqual({ body });
  });

  it('may change the headers that are sent', async () => {
    const server = await startServer();
    server.always(found);
    const middleware: Middleware = (context, next) =>
      next({ ...context, headers: { ...context.headers, 'x-signature': `${context.method} ${context.attempt}` } });
    await clientOf(server, { middleware: [middleware] }).devices.get(DEVICE);
    expect(server.requests[0]?.headers['x-signature']).toBe('GET 1');
    expect(server.requests[0]?.headers).toHaveProperty('x-api-key');
  });

  it('what it does to one attempt is forgotten by the next', async () => {
    const server = await startServer();
    server.replies(html(502), found);
    const middleware: Middleware = (context, next) => {
      const headers = context.attempt === 1 ? { ...context.headers, 'x-first': 'yes' } : context.headers;
      return next({ ...context, headers });
    };
    await clientOf(server, { middleware: [middleware] }).devices.get(DEVICE);
    expect(server.requests.map((seen) => seen.headers['x-first'])).toEqual(['yes', undefined]);
  });

  it('may answer by itself, and its answer is judged like any', async () => {
    const server = await startServer();
    const answers = [answer(503, ''), answer(200, JSON.stringify({ body }))];
    const client = clientOf(server, { middleware: [async () => answers.shift() ?? answer(200, '<html>')] });
    await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
    expect(answers).toHaveLength(0);
    await rejection(RufusResponseValidationError, client.devices.get(DEVICE));
    expect(server.connections).toBe(0);
  });

  it('may change the answer', async () => {
    const server = await startServer();
    server.always(json(200, { data: body.result }));
    const middleware: Middleware = async (context, next) => {
      const response = await next(context);
      const text = JSON.stringify({ result: (response.json() as { data: unknown }).data });
      return { ...response, text, json: () => JSON.parse(text) };
    };
    const client = clientOf(server, { middleware: [middleware] });
    await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
  });

  it('a copy of an answer is a whole answer', async () => {
    const server = await startServer();
    const headers = { 'x-request-id': 'r-1', 'retry-after': '7' };
    server.replies(json(403, {}, headers), enveloped(200, body, headers));
    const middleware: Middleware = async (context, next) => ({ ...(await next(context)) });
    const client = clientOf(server, { middleware: [middleware] });
    await expect(client.devices.get(DEVICE)).rejects.toMatchObject({
      status: 403,
      requestId: 'r-1',
      retryAfterMs: 7_000,
    });
    const { data, response } = await client.devices.get(DEVICE).withResponse();
    expect(data).toMatchObject({ deviceid: DEVICE });
    expect(response).toMatchObject({ status: 200, requestId: 'r-1' });
    expect(response.headers.get('retry-after')).toBe('7');
  });

  it('what it was given shows no content to a log', async () => {
    const server = await startServer();
    server.always(enveloped(200, body));
    const shown: string[] = [];
    const middleware: Middleware = async (context, next) => {
      const response = await next(context);
      shown.push(inspect(response, { depth: Infinity, showHidden: true }), JSON.stringify(response));
      return response;
    };
    await clientOf(server, { middleware: [middleware] }).devices.get(DEVICE);
    expect(shown).toHaveLength(2);
    for (const text of shown) {
      expect(text).toContain('200');
      expect(text).not.toContain(DEVICE);
    }
  });

  it('a copy with another text is another answer', async () => {
    const server = await startServer();
    server.always(json(200, { nothing: 'known' }));
    const text = JSON.stringify({ body });
    const client = clientOf(server, { middleware: [async (context, next) => ({ ...(await next(context)), text })] });
    await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
  });

  it('an answer without a status is none', async () => {
    const server = await startServer();
    const noStatus = { ...answer(200, JSON.stringify({ body })), status: undefined as never };
    const client = clientOf(server, { middleware: [async () => noStatus], retry: false });
    await expect(client.devices.get(DEVICE)).rejects.toThrow();
  });

  it('throwing ends the call with its error, or with one that has it as the cause', async () => {
    const server = await startServer();
    const bug = new TypeError('a bug of the middleware');
    const client = clientOf(server, {
      middleware: [
        async () => {
          throw bug;
        },
      ],
    });
    const thrown = await rejection(Error, client.devices.get(DEVICE));
    expect(thrown === bug || thrown.cause === bug || String((thrown.cause as Error).message) === bug.message).toBe(
      true,
    );
    expect(server.connections).toBe(0);
  });

  it.each([
    { name: 'the headers', behaviour: hang() },
    { name: 'the body', behaviour: drip({ ...body, padding: 'x'.repeat(5_000) }, 10) },
  ])("stands under the attempt's clock in $name", async ({ behaviour }) => {
    const server = await startServer();
    server.always(behaviour);
    let signal: AbortSignal | undefined;
    const middleware: Middleware = (context, next) => {
      signal = context.signal;
      return next(context);
    };
    const client = clientOf(server, { middleware: [middleware], timeoutMs: 300, retry: false });
    await rejection(RufusTimeoutError, client.devices.get(DEVICE));
    expect(signal?.aborted).toBe(true);
  });

  const NO_ANSWERS: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'ok'],
    ['an object without anything', {}],
    ['a status', { status: 404 }],
    ['a plain object as headers', { ...answer(200, '{}'), headers: {} }],
    ["fetch's Response, whose text is to be called", new Response('{}')],
  ];
  it.each(NO_ANSWERS)('that gives %s is told so', async (_, given) => {
    const server = await startServer();
    server.always(found);
    for (const isSent of [false, true]) {
      const middleware: Middleware = async (context, next) => {
        if (isSent) await next(context);
        return given as RawResponse;
      };
      const client = clientOf(server, { middleware: [(context, next) => next(context), middleware] });
      const thrown = await rejection(RufusConfigError, client.sessions.create({ deviceid: DEVICE }));
      expect(thrown).toMatchObject({ code: 'config', attempts: 1, requestMaybeProcessed: isSent });
      expect(thrown.message).toContain('sessions.create: POST /sessions has no answer: a middleware gave none.');
    }
    expect(server.requests).toHaveLength(1);
  });

  it('one that never returns is under the clock as well', async () => {
    const server = await startServer();
    const client = clientOf(server, { middleware: [() => new Promise(() => {})], timeoutMs: 200, retry: false });
    await rejection(RufusTimeoutError, client.devices.get(DEVICE));
  });

  it('each attempt has a signal of its own, aborted by no earlier one', async () => {
    const server = await startServer();
    server.replies(hang(), found);
    const signals: AbortSignal[] = [];
    const middleware: Middleware = (context, next) => {
      signals.push(context.signal);
      return next(context);
    };
    const client = clientOf(server, { middleware: [middleware], timeoutMs: 400 });
    await expect(client.devices.get(DEVICE)).resolves.toBeDefined();
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    expect(signals[0]).not.toBe(signals[1]);
  });
});
