// Real sockets, and bytes that no well-meaning server would send.
import { once } from 'node:events';
import { brotliCompressSync, deflateSync, gzipSync, constants as zlib } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuthenticationError, RufusClient, RufusError, RufusResponseValidationError } from '../../src/index.js';
import { chunks, raw } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { session } from '../support/operations.js';
import { startServer } from '../support/server.js';
import { jsonText, status, text } from './arbitraries.js';
import { expectAllowed } from './calls.js';
import { always, TEST_MS } from './cases.js';
import { expectTyped, KEY, outcomeOf, TOKEN } from './outcome.js';
import { startRawServer } from './raw-server.js';

const MIB = 1024 * 1024;
const good = (more: object = {}) => JSON.stringify({ description: 'ok', result: [session(more)] });
const client = (url: string) => ({ baseUrl: url, timeoutMs: 5_000 });

describe('on the socket', () => {
  const line = fc.oneof(
    { weight: 5, arbitrary: status.map((code) => `HTTP/1.1 ${code} Whatever`) },
    fc.constantFrom(
      'HTTP/1.0 200 OK',
      'HTTP/1.1 200',
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK',
      'HTTP/1.1 99 No',
      'HTTP/1.1 101 Switching',
      'HTTP/2 200',
      'ICY 200 OK',
      'HTTP/1.1 2e2 OK',
      '',
    ),
    text,
  );
  const header = fc.oneof(
    fc.constantFrom(
      'Content-Type: text/html',
      'Content-Type: application/json',
      'Content-Encoding: gzip',
      'Transfer-Encoding: chunked',
      'Connection: close',
      'Connection: keep-alive',
      ' folded',
      'No colon',
      ': no name',
      'Retry-After: 0',
      'Retry-After: soon',
      'Content-Length: 0',
      'Content-Length: -1',
      'Content-Length: 10',
      'Content-Length: 99999999999999999999',
      'Content-Length: 3, 3',
    ),
    text.map((value) => `X-Request-Id: ${value}`),
    text.map((value) => `X-Any: ${value}`),
    text,
    fc.nat({ max: 40_000 }).map((length) => `X-Long: ${'l'.repeat(length)}`),
    fc.nat({ max: 3_000 }).map((count) => Array.from({ length: count }, (_, n) => `X-${n}: ${n}`).join('\r\n')),
  );
  const body = fc.oneof(
    fc.constant(good()),
    fc.constant(`\uFEFF${good()}`),
    fc.constant(`${good().length.toString(16)}\r\n${good()}\r\n0\r\n\r\n`),
    fc.constant(`ffffffffffffffff\r\n${good()}`),
    jsonText,
    fc.uint8Array({ maxLength: 64 }),
  );
  const length = fc.constantFrom('exact', 'none', 'more', 'less');

  it('any answer, in any pieces, with any end', { timeout: TEST_MS }, async () => {
    const server = await startRawServer();
    const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 4 });
    const given = fc.tuple(
      line,
      fc.array(header, { maxLength: 4 }),
      body,
      length,
      cuts,
      fc.constantFrom('fin' as const, 'rst' as const),
    );
    await always(0.02, given, async ([first, headers, content, announced, at, end]) => {
      const bytes = Buffer.from(content);
      const sizes = {
        exact: bytes.length,
        more: bytes.length + 7,
        less: Math.max(0, bytes.length - 7),
        none: undefined,
      };
      const size = sizes[announced as keyof typeof sizes];
      const head = [first, ...headers, ...(size === undefined ? [] : [`Content-Length: ${size}`])].join('\r\n');
      const whole = Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), bytes]);
      const ends = [...at.sort((a, b) => a - b), whole.length].map((cut) => Math.min(cut, whole.length));
      const pieces = ends.map((until, index) => whole.subarray(ends[index - 1] ?? 0, until));
      server.answer = { pieces: pieces.filter((piece) => piece.length > 0), end };
      const { value, drift } = await outcomeOf(client(server.url), (of) => of.sessions.get(TOKEN));
      if (value !== undefined) expectAllowed('sessions.get', value, 'tolerant', drift);
    });
  });

  it('headers of the caller that contradict the request', { timeout: TEST_MS }, async () => {
    const server = await startServer();
    server.always(raw(200, good()));
    const name = fc.constantFrom(
      'host',
      'connection',
      'content-length',
      'transfer-encoding',
      'expect',
      'upgrade',
      'keep-alive',
      'accept-encoding',
      'x-api-key',
      'X-Any',
    );
    const value = fc.oneof(
      fc.constantFrom('0', '5', 'chunked', 'close', 'upgrade', '100-continue', 'identity', null),
      text,
    );
    await always(0.01, fc.dictionary(name, value), async (headers) => {
      await outcomeOf(client(server.url), (of) => of.sessions.get(TOKEN, { headers }));
    });
  });

  it('ten thousand early hints before the answer', async () => {
    const server = await startRawServer();
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(10_000);
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${good().length}\r\n\r\n${good()}`;
    server.answer = { pieces: [hints, answer], end: 'fin' };
    const { value } = await outcomeOf(client(server.url), (of) => of.sessions.get(TOKEN));
    expect(value).toMatchObject({ token_session: TOKEN });
  });
});

describe('compressed', () => {
  const CODERS = {
    gzip: (bytes: Uint8Array | string) => gzipSync(bytes),
    'x-gzip': (bytes: Uint8Array | string) => gzipSync(bytes),
    deflate: (bytes: Uint8Array | string) => deflateSync(bytes),
    br: (bytes: Uint8Array | string) => brotliCompressSync(bytes, { params: { [zlib.BROTLI_PARAM_QUALITY]: 1 } }),
  };
  const coding = fc.constantFrom(...(Object.keys(CODERS) as (keyof typeof CODERS)[]));

  it('whole, cut or flipped: the answer, or a typed error', { timeout: TEST_MS }, async () => {
    const server = await startServer();
    const damage = fc.record({
      cut: fc.option(fc.nat(), { nil: undefined }),
      flip: fc.option(fc.nat(), { nil: undefined }),
    });
    await always(
      0.02,
      fc.tuple(coding, damage, fc.constantFrom(200, 200, 401)),
      async ([name, { cut, flip }, code]) => {
        const whole = Buffer.from(CODERS[name](good({ alias: 'Zürich 🏁'.repeat(20) })));
        if (flip !== undefined)
          whole.writeUInt8(whole.readUInt8(flip % whole.length) ^ (1 << (flip % 8)), flip % whole.length);
        const sent = cut === undefined ? whole : whole.subarray(0, cut % whole.length);
        server.always(raw(code, sent, { 'content-encoding': name }));
        const { value, error, drift } = await outcomeOf(client(server.url), (of) => of.sessions.get(TOKEN));
        if (value !== undefined) expectAllowed('sessions.get', value, 'tolerant', drift);
        if (code === 401) expect(error).toBeInstanceOf(AuthenticationError);
        else if (cut === undefined && flip === undefined) expect(value).toMatchObject({ token_session: TOKEN });
      },
    );
  });

  it.each(['gzip', 'deflate', 'br'] as const)('a bomb in %s stops at maxResponseBytes', async (name) => {
    const server = await startServer();
    const bomb = CODERS[name](Buffer.alloc(32 * MIB, ' '));
    expect(bomb.length).toBeLessThan(MIB);
    server.always(raw(200, bomb, { 'content-encoding': name }));
    const before = process.memoryUsage().arrayBuffers;
    const thrown = await rejection(RufusError, clientOf(server, { maxResponseBytes: MIB }).sessions.get(TOKEN));
    expect(thrown).toBeInstanceOf(RufusResponseValidationError);
    expect(thrown.message).toContain('maxResponseBytes');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
    expect(server.requests).toHaveLength(1);
  });

  it.each(['identity', 'zstd', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'gzip, br'])(
    'a coding named %s is none that we know',
    async (name) => {
      const server = await startServer();
      server.always(raw(200, good(), { 'content-encoding': name }));
      expect(await clientOf(server).sessions.get(TOKEN)).toMatchObject({ token_session: TOKEN });
    },
  );

  it('a bomb around a refusal leaves the status', async () => {
    const server = await startServer();
    server.always(raw(401, CODERS.gzip(Buffer.alloc(8 * MIB, ' ')), { 'content-encoding': 'gzip' }));
    const call = clientOf(server, { maxResponseBytes: MIB }).sessions.get(TOKEN);
    expect(await rejection(AuthenticationError, call)).toMatchObject({ attempts: 1, status: 401 });
  });
});

describe('of a great size', () => {
  /** An object of exactly `size` bytes. */
  const sized = (size: number) => {
    const [before, behind] = good({ padding: '#' }).split('#') as [string, string];
    return [Buffer.from(before), Buffer.alloc(size - before.length - behind.length, 'p'), Buffer.from(behind)];
  };

  it('64 MiB are read, and not a byte more', { timeout: 120_000 }, async () => {
    const server = await startServer();
    const of = clientOf(server);
    server.replies(chunks(200, sized(64 * MIB)));
    expect(await of.sessions.get(TOKEN)).toMatchObject({ token_session: TOKEN });
    server.replies(chunks(200, sized(64 * MIB + 1)));
    const thrown = await rejection(RufusResponseValidationError, of.sessions.get(TOKEN));
    expect(thrown.message).toContain('maxResponseBytes');
    expect(server.requests).toHaveLength(2);
  });

  it('an endless answer is hung up on', async () => {
    const server = await startServer();
    const block = Buffer.alloc(64 * 1024, ' ');
    let written = 0;
    server.always(async ({ response, seen }) => {
      response.writeHead(200);
      while (!response.destroyed) {
        written += block.length;
        if (!response.write(block)) await Promise.race([once(response, 'drain'), seen.hungUp]);
      }
    });
    await rejection(RufusResponseValidationError, clientOf(server, { maxResponseBytes: MIB }).sessions.get(TOKEN));
    await server.requests[0]?.hungUp;
    expect(written).toBeLessThan(64 * MIB);
  });

  it('a body of single bytes costs little more than its bytes', async () => {
    const server = await startRawServer();
    const size = 2_000_000;
    const chunk = '1\r\n \r\n';
    const pieces = Array.from({ length: 200 }, () => chunk.repeat(size / 200));
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    server.answer = { pieces: [head, ...pieces, `1\r\n{\r\n`], end: 'rst' };
    const of = new RufusClient({ apiKey: KEY, baseUrl: server.url, logLevel: 'off', retry: false });
    let peak = 0;
    const before = process.memoryUsage();
    const watch = setInterval(() => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      peak = Math.max(peak, heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers);
    }, 5);
    expectTyped(await rejection(RufusError, of.sessions.get(TOKEN)));
    clearInterval(watch);
    await of.close();
    expect(peak / MIB).toBeLessThan(100);
  });
});

describe('nested a hundred thousand deep', () => {
  const DEEP = '['.repeat(100_000) + ']'.repeat(100_000);
  const DEEP_OBJECT = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;

  it.each([
    ['the whole body', DEEP],
    ['its envelope', `{"body":${DEEP_OBJECT}}`],
    ['its rows', `{"description":"ok","result":${DEEP}}`],
    ['the description', `{"description":${DEEP},"result":[]}`],
    ['unclosed', '['.repeat(100_000)],
  ])('%s', async (_, body) => {
    const server = await startServer();
    for (const code of [200, 400]) {
      server.always(raw(code, body));
      for (const validation of ['strict', 'tolerant'] as const) {
        const { error } = await outcomeOf({ ...client(server.url), validation }, (of) => of.sessions.get(TOKEN));
        expect(error).toBeInstanceOf(RufusError);
      }
    }
  });

  it('a field that we do not know is handed on, and pages that hold it are told apart', async () => {
    const server = await startServer();
    const rows = (num: number) => `{"num_passing":${num},"bib":"","timestamp":"","more":${DEEP}}`;
    const pages = (first: number, second: number) =>
      [first, second].map((num) =>
        raw(200, `{"description":"ok","result":[${rows(num)}],"pagination":{"has_more":true}}`),
      );
    server.replies(...pages(1, 2));
    const list = clientOf(server).passings.listBySession(TOKEN, { prefetch: 0 });
    expect(await list.toArray({ limit: 2 })).toMatchObject([{ num_passing: 1 }, { num_passing: 2 }]);
    server.replies(...pages(1, 1));
    await rejection(RufusResponseValidationError, list.toArray({ limit: 2 }));
  });
});
