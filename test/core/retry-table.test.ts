// Every row of the retry table in ARCHITECTURE.md against every column, over real sockets unless the failure is of the network's making.
import { describe, expect, it } from 'vitest';
import {
  AuthenticationError,
  BadRequestError,
  ConflictError,
  NotFoundError,
  PayloadTooLargeError,
  PermissionDeniedError,
  RateLimitError,
  RufusAbortError,
  RufusAPIError,
  RufusConnectionError,
  type RufusError,
  RufusResponseValidationError,
  RufusTimeoutError,
  ServerError,
} from '../../src/index.js';
import {
  drip,
  empty,
  enveloped,
  halfJson,
  hang,
  html,
  json,
  raw,
  reset,
  resetEarly,
  truncated,
} from '../support/behaviours.js';
import { clientAt, clientOf, failure, fakeDispatcher, refusedPort, rejection } from '../support/client.js';
import { COLUMNS, type Kind, OPERATIONS, type Operation } from '../support/operations.js';
import { type Behaviour, startServer } from '../support/server.js';

type ErrorClass = abstract new (...args: never[]) => RufusError;
type Failing = (operation: Operation) => Behaviour;

interface Row {
  readonly name: string;
  readonly failing: Failing;
  /** The columns that repeat it. */
  readonly repeated: readonly Kind[];
  /** The columns whose last error says that the request may have been processed. */
  readonly maybe: readonly Kind[];
  readonly error: ErrorClass;
  readonly timeoutMs: number;
}

const ALL: readonly Kind[] = ['read', 'insert', 'bind', 'end', 'create'];
const WRITES: readonly Kind[] = ['insert', 'bind', 'end', 'create'];

const rowOf = (repeated: readonly Kind[], maybe: readonly Kind[]) => {
  return (name: string, error: ErrorClass, failing: Failing, timeoutMs = 30_000): Row => {
    return { name, failing, repeated, maybe, error, timeoutMs };
  };
};
const refusedForNow = rowOf(ALL, []);
const ambiguous = rowOf(['read', 'insert', 'bind', 'end'], WRITES);
const final = rowOf([], []);
const noJson = rowOf(['read', 'insert'], WRITES);
const anotherShape = rowOf(['insert'], WRITES);

const ROWS: readonly Row[] = [
  refusedForNow('408', RufusAPIError, () => json(408, {})),
  refusedForNow('425', RufusAPIError, () => json(425, {})),
  refusedForNow('429', RateLimitError, () => json(429, {})),
  refusedForNow('429 with Retry-After', RateLimitError, () => json(429, {}, { 'retry-after': '0' })),
  refusedForNow('429 as HTML', RateLimitError, () => html(429)),
  refusedForNow('503 with Retry-After', ServerError, () => enveloped(503, null, { 'retry-after': '0' })),

  ambiguous('500', ServerError, () => enveloped(500, null)),
  ambiguous('502', ServerError, () => html(502)),
  ambiguous('502 with Retry-After', ServerError, () => html(502, { 'retry-after': '0' })),
  ambiguous('503', ServerError, () => empty(503)),
  ambiguous('504', ServerError, () => html(504)),

  ambiguous('reset before the body is read', RufusConnectionError, () => resetEarly()),
  ambiguous('reset', RufusConnectionError, () => reset()),
  ambiguous('body cut short by FIN', RufusConnectionError, ({ body }) => truncated(body, 'fin')),
  ambiguous('body cut short by RST', RufusConnectionError, ({ body }) => truncated(body, 'rst')),
  ambiguous('chunked body cut short', RufusConnectionError, ({ body }) => truncated(body, 'chunked')),
  ambiguous('attempt timeout before the headers', RufusTimeoutError, () => hang(), 400),
  ambiguous('attempt timeout in the body', RufusTimeoutError, ({ body }) => drip(body, 25), 400),

  final('400', BadRequestError, () => json(400, {})),
  final('401', AuthenticationError, () => json(401, {})),
  final('403', PermissionDeniedError, () => json(403, {})),
  final('404', NotFoundError, () => json(404, { description: 'Device not found' })),
  final('405', RufusAPIError, () => html(405)),
  final('409', ConflictError, () => json(409, {})),
  final('413', PayloadTooLargeError, () => html(413)),
  final('422 with Retry-After', RufusAPIError, () => json(422, {}, { 'retry-after': '0' })),

  noJson('2xx with HTML', RufusResponseValidationError, () => html(200)),
  noJson('2xx without a body', RufusResponseValidationError, () => empty(200)),
  noJson('2xx with half a JSON', RufusResponseValidationError, ({ status, body }) => halfJson({ body }, status)),
  anotherShape('2xx of another shape', RufusResponseValidationError, () => enveloped(200, { hello: 'world' })),
  anotherShape('2xx of another shape, flat', RufusResponseValidationError, () => json(201, { hello: 'world' })),
  anotherShape('2xx with a JSON text', RufusResponseValidationError, () => raw(200, '"ok"')),
  anotherShape('2xx with null', RufusResponseValidationError, () => enveloped(200, null)),
];

describe.each(ROWS)('$name', ({ failing, repeated, maybe, error, timeoutMs }) => {
  it.each(COLUMNS)('$name', async (operation) => {
    const server = await startServer();
    server.always(failing(operation));
    const client = clientOf(server, { retry: { maxRetries: 1 }, timeoutMs });
    const thrown = await rejection(error, operation.call(client));
    const attempts = repeated.includes(operation.kind) ? 2 : 1;
    expect(server.requests.map((seen) => `${seen.method} ${seen.target}`)).toEqual(
      Array(attempts).fill(`${operation.method} ${operation.target}`),
    );
    expect(thrown).toMatchObject({
      attempts,
      requestMaybeProcessed: maybe.includes(operation.kind),
      operation: operation.name,
    });
  });
});

describe('never sent', () => {
  const CODES = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'];
  const everyWay = CODES.flatMap((code) => COLUMNS.map((operation) => ({ code, name: operation.name, operation })));

  it.each(everyWay)('$code: $name is repeated', async ({ code, operation }) => {
    const { dispatcher, calls } = fakeDispatcher(failure(code));
    const client = clientAt('https://api.example.test/v0', { dispatcher, retry: { maxRetries: 1 } });
    const thrown = await rejection(RufusConnectionError, operation.call(client));
    expect(calls).toHaveLength(2);
    expect(thrown).toMatchObject({ attempts: 2, requestMaybeProcessed: false, operation: operation.name });
  });

  it.each(COLUMNS)('a port that nobody listens on: $name is repeated', async (operation) => {
    const client = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`, { retry: { maxRetries: 1 } });
    const thrown = await rejection(RufusConnectionError, operation.call(client));
    expect(thrown).toMatchObject({ attempts: 2, requestMaybeProcessed: false });
  });

  it('a name with several addresses, all of them refusing', async () => {
    const client = clientAt(`http://localhost:${await refusedPort()}/v0`, { retry: { maxRetries: 1 } });
    const thrown = await rejection(RufusConnectionError, client.sessions.create({ deviceid: 'D1' }));
    expect(thrown).toMatchObject({ attempts: 2, requestMaybeProcessed: false });
  });
});

describe("a dispatcher's own word for a reset", () => {
  const CODES = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];
  const everyWay = CODES.flatMap((code) => COLUMNS.map((operation) => ({ code, name: operation.name, operation })));

  it.each(everyWay)('$code: $name', async ({ code, operation }) => {
    const { dispatcher, calls } = fakeDispatcher(failure(code, 'other side closed'));
    const client = clientAt('https://api.example.test/v0', { dispatcher, retry: { maxRetries: 1 } });
    const thrown = await rejection(RufusConnectionError, operation.call(client));
    expect(calls).toHaveLength(operation.kind === 'create' ? 1 : 2);
    expect(thrown.requestMaybeProcessed).toBe(operation.kind !== 'read');
  });
});

describe('what ends a call for good', () => {
  it.each(COLUMNS)("the caller's abort: $name", async (operation) => {
    const server = await startServer();
    const controller = new AbortController();
    server.always(() => controller.abort());
    const thrown = await rejection(RufusAbortError, operation.call(clientOf(server), { signal: controller.signal }));
    expect(server.requests).toHaveLength(1);
    expect(thrown).toMatchObject({ attempts: 1, requestMaybeProcessed: operation.kind !== 'read' });
  });

  it.each(COLUMNS)('the total budget: $name', async (operation) => {
    const server = await startServer();
    server.always(hang());
    const thrown = await rejection(RufusTimeoutError, operation.call(clientOf(server), { totalTimeoutMs: 400 }));
    expect(server.requests).toHaveLength(1);
    expect(thrown).toMatchObject({ timeoutMs: 400, requestMaybeProcessed: operation.kind !== 'read' });
  });
});

describe('a failure that passes', () => {
  it.each(OPERATIONS)('429, then the answer: $name resolves', async (operation) => {
    const server = await startServer();
    server.replies(json(429, {}), enveloped(operation.status, operation.body));
    await expect(operation.call(clientOf(server))).resolves.toBeDefined();
    expect(server.requests.map((seen) => `${seen.method} ${seen.target}`)).toEqual(
      Array(2).fill(`${operation.method} ${operation.target}`),
    );
    expect(server.requests[1]?.body).toBe(server.requests[0]?.body);
  });

  it.each(OPERATIONS.filter(({ kind }) => kind !== 'create'))(
    '502, reset, then the answer: $name',
    async (operation) => {
      const server = await startServer();
      server.replies(html(502), reset(), enveloped(operation.status, operation.body));
      await expect(operation.call(clientOf(server))).resolves.toBeDefined();
      expect(server.requests).toHaveLength(3);
    },
  );
});

describe('an answer that is none, then the answer', () => {
  it.each(OPERATIONS.filter(({ kind }) => kind === 'read' || kind === 'insert'))('$name', async (operation) => {
    const server = await startServer();
    const { status, body } = operation;
    server.replies(html(200), halfJson({ body }, status), truncated(body), enveloped(status, body));
    await expect(operation.call(clientOf(server, { retry: { maxRetries: 3 } }))).resolves.toBeDefined();
    expect(server.requests).toHaveLength(4);
  });
});

describe('how often', () => {
  const fails = async (client: Parameters<Operation['call']>[0], options?: Parameters<Operation['call']>[1]) =>
    (await rejection(ServerError, client.devices.get('D1', options))).attempts;

  it('is two repeats by default', async () => {
    const server = await startServer();
    server.always(html(502));
    expect(await fails(clientOf(server))).toBe(3);
    expect(server.requests).toHaveLength(3);
  });

  it("the call's retry options are merged into the client's, field by field", async () => {
    const server = await startServer();
    server.always(html(502));
    const client = clientOf(server, { retry: { maxRetries: 3 } });
    expect(await fails(client)).toBe(4);
    expect(await fails(client, { retry: {} })).toBe(4);
    expect(await fails(client, { retry: { maxRetries: undefined } })).toBe(4);
    expect(await fails(client, { retry: { maxRetries: 1 } })).toBe(2);
    expect(await fails(client, { retry: false })).toBe(1);
    expect(await fails(clientOf(server, { retry: false }))).toBe(1);
  });
});
