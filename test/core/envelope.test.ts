import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { RufusAPIError, RufusError, RufusResponseValidationError, ServerError } from '../../src/index.js';
import { chunks, drip, empty, enveloped, gzipped, html, json, raw } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { DEVICE, device, OPERATIONS, session, TOKEN } from '../support/operations.js';
import { type Behaviour, startServer } from '../support/server.js';

const found = { description: 'Device found', result: device() };

describe('both envelopes', () => {
  it.each(OPERATIONS)('$name reads the same from either', async (operation) => {
    const server = await startServer();
    server.replies(json(operation.status, operation.body), enveloped(operation.status, operation.body));
    const client = clientOf(server);
    const plain = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (key, v) => (key === 'response' ? undefined : v)));
    const flat = plain(await operation.call(client));
    expect(plain(await operation.call(client))).toEqual(flat);
    expect(server.requests).toHaveLength(2);
  });

  const refusal = { description: 'Session not found', token_session: TOKEN };
  const REFUSALS: { name: string; behaviour: Behaviour; body: unknown; description: string | undefined }[] = [
    { name: 'flat', behaviour: json(404, refusal), body: refusal, description: 'Session not found' },
    { name: 'enveloped', behaviour: enveloped(404, refusal), body: refusal, description: 'Session not found' },
    { name: 'a text in the envelope', behaviour: enveloped(404, 'gone'), body: 'gone', description: undefined },
    { name: 'null in the envelope', behaviour: enveloped(500, null), body: null, description: undefined },
    ...[7, true, null, '', ['Session not found'], { text: 'Session not found' }].map((odd) => ({
      name: `${JSON.stringify(odd)} as description`,
      behaviour: json(400, { description: odd }),
      body: { description: odd },
      description: undefined,
    })),
    {
      name: "a gateway's message",
      behaviour: json(400, { message: 'Forbidden' }),
      body: { message: 'Forbidden' },
      description: 'Forbidden',
    },
    { name: 'HTML', behaviour: html(403), body: expect.stringContaining('<!doctype html>'), description: undefined },
  ];
  it.each(REFUSALS)('an error, $name', async ({ behaviour, body, description }) => {
    const server = await startServer();
    server.always(behaviour);
    const thrown = await rejection(RufusAPIError, clientOf(server, { retry: false }).sessions.get(TOKEN));
    expect(thrown.body).toEqual(body);
    expect(thrown.description).toBe(description);
  });

  it('an error without a body', async () => {
    const server = await startServer();
    server.always(empty(403));
    const thrown = await rejection(RufusAPIError, clientOf(server).sessions.get(TOKEN));
    expect(thrown.status).toBe(403);
    expect(thrown.description).toBeUndefined();
    expect(thrown.message).toContain('403');
  });
});

describe('bytes', () => {
  it('UTF-8 cut anywhere comes out whole', async () => {
    const server = await startServer();
    const alias = 'Zürich – 東京 🏁 Ñandú';
    const bytes = Buffer.from(JSON.stringify({ body: { description: 'ok', result: [session({ alias })] } }));
    const start = bytes.indexOf('Z');
    const parts = [
      bytes.subarray(0, start),
      ...[...bytes.subarray(start, start + 40)].map((byte) => Buffer.of(byte)),
      bytes.subarray(start + 40),
    ];
    server.replies(chunks(200, parts));
    expect((await clientOf(server).sessions.get(TOKEN)).alias).toBe(alias);
    server.replies(drip({ description: 'ok', result: [session({ alias })] }, 0));
    expect((await clientOf(server).sessions.get(TOKEN)).alias).toBe(alias);
  });

  it('a byte order mark is no part of the JSON', async () => {
    const server = await startServer();
    server.always(raw(200, `\uFEFF${JSON.stringify(found)}`));
    await expect(clientOf(server).devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
  });

  it('gzip, asked for or not', async () => {
    const server = await startServer();
    server.always(gzipped(200, found));
    await expect(clientOf(server).devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
  });

  it('the content type says nothing: JSON is what parses', async () => {
    const server = await startServer();
    server.replies(
      raw(200, JSON.stringify(found), { 'content-type': 'text/plain' }),
      raw(200, JSON.stringify(found), {}),
    );
    const client = clientOf(server);
    await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
    await expect(client.devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
  });

  it('Infinity, NaN and trailing garbage are no JSON', async () => {
    const server = await startServer();
    const client = clientOf(server, { retry: false });
    for (const text of [`${JSON.stringify(found)}<!-- served by -->`, '{"body": NaN}', ' ']) {
      server.replies(raw(200, text));
      await rejection(RufusResponseValidationError, client.devices.get(DEVICE));
    }
  });
});

describe('maxResponseBytes', () => {
  const big = { ...found, padding: 'x'.repeat(50_000) };

  it('refuses by content-length, before the body comes', async () => {
    const server = await startServer();
    server.always(({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000000' }).flushHeaders();
    });
    const thrown = await rejection(RufusError, clientOf(server, { maxResponseBytes: 10_000 }).devices.get(DEVICE));
    expect(thrown.message).toContain('maxResponseBytes');
    await server.requests[0]?.hungUp;
    expect(server.requests).toHaveLength(1);
  });

  it('refuses while reading, where no length was said', async () => {
    const server = await startServer();
    const text = Buffer.from(JSON.stringify(big));
    server.always(chunks(200, [text.subarray(0, 20_000), text.subarray(20_000)]));
    await rejection(RufusError, clientOf(server, { maxResponseBytes: 10_000 }).devices.get(DEVICE));
    expect(server.requests).toHaveLength(1);
  });

  it('counts what a gzip unfolds to', async () => {
    const server = await startServer();
    server.always(gzipped(200, big));
    await rejection(RufusError, clientOf(server, { maxResponseBytes: 10_000 }).devices.get(DEVICE));
    await expect(clientOf(server).devices.get(DEVICE)).resolves.toMatchObject({ deviceid: DEVICE });
  });

  it('lets through what fits to the byte', async () => {
    const server = await startServer();
    const size = Buffer.byteLength(JSON.stringify(big));
    server.always(json(200, big));
    await expect(clientOf(server, { maxResponseBytes: size }).devices.get(DEVICE)).resolves.toBeDefined();
    await rejection(RufusError, clientOf(server, { maxResponseBytes: size - 1 }).devices.get(DEVICE));
  });

  it('an oversized error keeps its status', async () => {
    const server = await startServer();
    server.always(raw(403, 'x'.repeat(100_000), { 'content-type': 'text/html' }));
    const thrown = await rejection(RufusAPIError, clientOf(server, { maxResponseBytes: 10_000 }).devices.get(DEVICE));
    expect(thrown.status).toBe(403);
  });
});

describe('a packed error page', () => {
  const bodyOf = async (packed: Uint8Array, encoding = 'gzip'): Promise<string> => {
    const server = await startServer();
    server.always(raw(502, packed, { 'content-type': 'text/html', 'content-encoding': encoding }));
    const thrown = await rejection(ServerError, clientOf(server, { retry: false }).devices.get(DEVICE));
    return String(thrown.body ?? '');
  };

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('by %s is kept to 64 KiB, whatever it unfolds to', async (encoding, pack) => {
    const body = await bodyOf(pack(Buffer.alloc(40 * 1024 * 1024, 'x')), encoding);
    expect(body.length).toBeGreaterThanOrEqual(64 * 1024);
    expect(body.length).toBeLessThan(256 * 1024);
  });

  it('that was cut is kept as far as it came', async () => {
    const packed = gzipSync(`it begins${randomBytes(200).toString('hex')}`);
    expect(await bodyOf(packed.subarray(0, -30))).toMatch(/^it begins/);
    expect(await bodyOf(Buffer.from('no gzip at all'))).toBe('');
  });

  it('of megabytes is not read to its end', async () => {
    const packed = gzipSync(Buffer.concat([Buffer.from('it begins'), randomBytes(3 * 1024 * 1024)]));
    expect(await bodyOf(packed)).toMatch(/^it begins/);
  });
});
