// What an earlier, ambiguous attempt of the same call does to the meaning of a later answer; and what counts as "none".
import { describe, expect, it } from 'vitest';
import {
  BadRequestError,
  ConflictError,
  NotFoundError,
  RateLimitError,
  RufusConnectionError,
} from '../../src/index.js';
import { enveloped, halfJson, hang, html, json, reset, truncated } from '../support/behaviours.js';
import { answerOf, clientAt, clientOf, failure, fakeDispatcher, rejection } from '../support/client.js';
import { DEVICE, TOKEN } from '../support/operations.js';
import { startServer } from '../support/server.js';

const bound = { type: 'READER', model: 'RTL', serial_number: 'SN-1' };
const goneSession = enveloped(404, { description: 'Session not found' });
const goneDevice = json(404, { description: 'Device not found' });
const done = { description: 'Session closed succesfully', token_session: TOKEN };

const AMBIGUOUS = [
  { name: '500', behaviour: enveloped(500, null) },
  { name: '504', behaviour: html(504) },
  { name: 'reset', behaviour: reset() },
  { name: 'truncated', behaviour: truncated(done) },
  { name: 'timeout', behaviour: hang() },
];

describe('a 404 on the repeat of an ending call', () => {
  it.each(AMBIGUOUS)('after $name, close is done', async ({ name, behaviour }) => {
    const server = await startServer();
    server.replies(behaviour, goneSession);
    const options = name === 'timeout' ? { timeoutMs: 400 } : {};
    const { data, response } = await clientOf(server).sessions.close(TOKEN, options).withResponse();
    expect(data.token_session).toBe(TOKEN);
    expect(typeof data.description).toBe('string');
    expect(response.attempts).toBe(2);
  });

  it.each(AMBIGUOUS)('after $name, unbind is done', async ({ name, behaviour }) => {
    const server = await startServer();
    server.replies(behaviour, goneDevice);
    const options = name === 'timeout' ? { timeoutMs: 400 } : {};
    const result = await clientOf(server).devices.unbind(DEVICE, options);
    expect(result.deviceid).toBe(DEVICE);
    expect(typeof result.description).toBe('string');
  });

  it('the ambiguous attempt may lie further back', async () => {
    const server = await startServer();
    server.replies(reset(), json(429, {}), goneSession);
    await expect(clientOf(server).sessions.close(TOKEN)).resolves.toMatchObject({ token_session: TOKEN });
  });

  it('after a 429 or a 503 with Retry-After it is a 404 as any other', async () => {
    const server = await startServer();
    const client = clientOf(server);
    server.replies(json(429, {}), goneSession);
    await rejection(NotFoundError, client.sessions.close(TOKEN));
    server.replies(html(503, { 'retry-after': '0' }), goneDevice);
    await rejection(NotFoundError, client.devices.unbind(DEVICE));
    expect(server.requests).toHaveLength(4);
  });

  it('after a refused connection too', async () => {
    const gone = { description: 'Session not found' };
    const { dispatcher, calls } = fakeDispatcher(failure('ECONNREFUSED'), answerOf(404, gone));
    const client = clientAt('https://api.example.test/v0', { dispatcher });
    await rejection(NotFoundError, client.sessions.close(TOKEN));
    expect(calls).toHaveLength(2);
  });

  it('a first 404 throws', async () => {
    const server = await startServer();
    server.replies(goneSession);
    await rejection(NotFoundError, clientOf(server).sessions.close(TOKEN));
    expect(server.requests).toHaveLength(1);
  });

  it('is nothing special for a read', async () => {
    const server = await startServer();
    server.replies(html(502), goneDevice);
    await rejection(NotFoundError, clientOf(server).devices.get(DEVICE));
  });
});

describe('bind and ensureBound', () => {
  const conflict = enveloped(409, { description: 'Device already binded', deviceid: DEVICE });

  it('a 409 throws with the deviceid', async () => {
    const server = await startServer();
    server.replies(conflict);
    const thrown = await rejection(ConflictError, clientOf(server).devices.bind(bound));
    expect(thrown).toMatchObject({
      deviceid: DEVICE,
      status: 409,
      code: 'conflict',
      description: 'Device already binded',
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each(AMBIGUOUS)('a 409 after $name of its own throws all the same', async ({ name, behaviour }) => {
    const server = await startServer();
    server.replies(behaviour, conflict);
    const options = name === 'timeout' ? { timeoutMs: 400 } : {};
    const thrown = await rejection(ConflictError, clientOf(server).devices.bind(bound, options));
    expect(thrown).toMatchObject({ deviceid: DEVICE, attempts: 2 });
  });

  it('ensureBound tells a new binding from one that was there', async () => {
    const server = await startServer();
    const client = clientOf(server);
    server.replies(enveloped(201, { description: 'Device binded succesfully', deviceid: DEVICE }));
    await expect(client.devices.ensureBound(bound)).resolves.toEqual({ deviceid: DEVICE, created: true });
    server.replies(json(409, { description: 'Device already binded', deviceid: DEVICE }));
    await expect(client.devices.ensureBound(bound)).resolves.toEqual({ deviceid: DEVICE, created: false });
    server.replies(reset(), conflict);
    await expect(client.devices.ensureBound(bound)).resolves.toEqual({ deviceid: DEVICE, created: false });
    expect(server.requests.map((seen) => seen.json())).toEqual(Array(4).fill(bound));
  });

  it('ensureBound throws where the 409 names no device, or an empty one', async () => {
    const server = await startServer();
    const client = clientOf(server);
    for (const body of [{}, { deviceid: '' }, { deviceid: 7 }]) {
      server.replies(json(409, body));
      const thrown = await rejection(ConflictError, client.devices.ensureBound(bound));
      expect(thrown.deviceid).toBeUndefined();
    }
    server.replies(html(409));
    await rejection(ConflictError, client.devices.ensureBound(bound));
  });
});

describe('"none" of getActive and listByDevice', () => {
  const OWN = [
    { name: 'flat', behaviour: json(404, { description: 'Sessions not found', deviceid: DEVICE }) },
    { name: 'enveloped', behaviour: enveloped(404, { description: 'Sessions not found', deviceid: DEVICE }) },
    { name: 'of the device', behaviour: enveloped(404, { description: 'Device not found' }) },
  ];
  const FOREIGN = [
    { name: 'HTML', behaviour: html(404) },
    { name: "a gateway's JSON", behaviour: json(404, { message: 'no Route matched with those values' }) },
    { name: "a gateway's JSON that says not found", behaviour: json(404, { message: 'Not Found' }) },
    { name: 'a text', behaviour: json(404, 'Sessions not found') },
    { name: 'an absent body', behaviour: json(404, {}) },
    { name: 'a null body', behaviour: enveloped(404, null) },
    { name: 'half a JSON', behaviour: halfJson({ description: 'Sessions not found', deviceid: DEVICE }, 404) },
  ];

  it.each(OWN)("the API's own 404, $name", async ({ behaviour }) => {
    const server = await startServer();
    server.always(behaviour);
    const client = clientOf(server);
    await expect(client.sessions.getActive(DEVICE)).resolves.toBeNull();
    await expect(client.sessions.listByDevice(DEVICE)).resolves.toEqual([]);
    expect((await client.sessions.getActive(DEVICE).withResponse()).response.status).toBe(404);
    expect(server.requests).toHaveLength(3);
  });

  it.each(FOREIGN)('a 404 that is $name throws', async ({ behaviour }) => {
    const server = await startServer();
    server.always(behaviour);
    const client = clientOf(server);
    await rejection(NotFoundError, client.sessions.getActive(DEVICE));
    await rejection(NotFoundError, client.sessions.listByDevice(DEVICE));
  });

  it('no other read takes a 404 for an answer', async () => {
    const server = await startServer();
    server.always(json(404, { description: 'Sessions not found' }));
    await rejection(NotFoundError, clientOf(server).sessions.get(TOKEN));
    await rejection(NotFoundError, Promise.resolve(clientOf(server).passings.listBySession(TOKEN)));
  });
});

describe('requestMaybeProcessed', () => {
  it('stays true when a later attempt failed without doubt', async () => {
    const server = await startServer();
    const client = clientOf(server);
    server.replies(reset(), json(429, {}), json(429, {}));
    expect(await rejection(RateLimitError, client.devices.bind(bound))).toMatchObject({
      attempts: 3,
      requestMaybeProcessed: true,
    });
    server.replies(html(502), json(400, {}));
    expect((await rejection(BadRequestError, client.devices.bind(bound))).requestMaybeProcessed).toBe(true);
  });

  it('of a session that is created: false before the ambiguous attempt, true after it', async () => {
    const server = await startServer();
    server.replies(json(429, {}), reset());
    const thrown = await rejection(RufusConnectionError, clientOf(server).sessions.create({ deviceid: DEVICE }));
    expect(thrown).toMatchObject({ attempts: 2, requestMaybeProcessed: true });
    expect(server.requests).toHaveLength(2);
  });
});
