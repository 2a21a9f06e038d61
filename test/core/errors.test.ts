import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import * as rufus from '../../src/index.js';
import { json } from '../support/behaviours.js';
import { clientOf, failure, rejection } from '../support/client.js';
import { DEVICE } from '../support/operations.js';
import { startServer } from '../support/server.js';

type AnyClass = abstract new (...args: never[]) => Error;

async function answered(status: number): Promise<rufus.RufusAPIError> {
  const server = await startServer();
  server.always(json(status, { description: 'as it is' }, { 'x-request-id': 'r-1' }));
  return rejection(rufus.RufusAPIError, clientOf(server, { retry: false }).devices.get(DEVICE));
}

const BY_STATUS: [number, AnyClass, string][] = [
  [400, rufus.BadRequestError, 'bad_request'],
  [401, rufus.AuthenticationError, 'unauthenticated'],
  [403, rufus.PermissionDeniedError, 'permission_denied'],
  [404, rufus.NotFoundError, 'not_found'],
  [409, rufus.ConflictError, 'conflict'],
  [413, rufus.PayloadTooLargeError, 'payload_too_large'],
  [429, rufus.RateLimitError, 'rate_limited'],
  [500, rufus.ServerError, 'server_error'],
  [501, rufus.ServerError, 'server_error'],
  [503, rufus.ServerError, 'server_error'],
  [304, rufus.RufusAPIError, 'unexpected_status'],
  [422, rufus.RufusAPIError, 'unexpected_status'],
];

describe('an answer outside 2xx', () => {
  it.each(BY_STATUS)('%i', async (status, errorClass, code) => {
    const thrown = await answered(status);
    expect(thrown).toBeInstanceOf(errorClass);
    expect(thrown.constructor).toBe(errorClass);
    expect(thrown).toMatchObject({ status, code, name: errorClass.name, requestId: 'r-1', operation: 'devices.get' });
    for (const [, other] of BY_STATUS) {
      if (other !== errorClass && other !== rufus.RufusAPIError) expect(thrown).not.toBeInstanceOf(other);
    }
    expect(thrown.headers.get('x-request-id')).toBe('r-1');
    expect(thrown.message).toContain(String(status));
    expect(thrown.message).toContain('devices.get');
    expect(thrown.message).toContain('r-1');
  });

  it('logs as what it says, without body and headers', async () => {
    const thrown = await answered(400);
    const logged = JSON.parse(JSON.stringify({ error: thrown })).error;
    expect(logged).toMatchObject({
      name: 'BadRequestError',
      code: 'bad_request',
      status: 400,
      attempts: 1,
      requestId: 'r-1',
    });
    expect(logged.message).toBe(thrown.message);
    expect(logged).not.toHaveProperty('body');
    expect(logged).not.toHaveProperty('headers');
    expect(inspect(thrown)).toContain('BadRequestError: devices.get');
    expect({ ...thrown }).not.toHaveProperty('body');
  });
});

describe('what to do', () => {
  const DEVICE_IN = { type: 't', model: 'm', serial_number: 's' };
  type Call = (client: rufus.RufusClient) => PromiseLike<unknown>;
  const refusal = async (status: number, body: unknown, call: Call): Promise<string> => {
    const server = await startServer();
    server.always(json(status, body));
    return (await rejection(rufus.RufusAPIError, call(clientOf(server, { retry: false })))).message;
  };
  const get: Call = (client) => client.devices.get(DEVICE);

  it.each([
    [401, {}],
    [401, { description: 'Unauthorized' }],
    [403, { description: 'The api key is unknown' }],
    [403, { description: 'Invalid API key' }],
    [403, { description: 'The api key is missing' }],
  ])('%i %j: the key is not known, whatever access the call needs', async (status, body) => {
    const message = await refusal(status, body, get);
    expect(message).toContain('The API does not know the key: check `apiKey`, or RUFUS_API_KEY.');
    expect(message).not.toContain('READ');
  });

  it.each([
    [{}, get, 'READ or READ_WRITE access'],
    [{ message: 'Forbidden' }, get, 'READ or READ_WRITE access'],
    [
      { description: 'No permission' },
      ((c) => c.devices.unbind(DEVICE)) satisfies Call,
      'the "unbind device" permission',
    ],
    [{}, ((c) => c.sessions.close('T')) satisfies Call, 'WRITE or READ_WRITE access'],
  ])('403 %j: it may be either', async (body, call, access) => {
    const message = await refusal(403, body, call);
    expect(message).toContain(`The API does not know the key, or the key may not do this: it takes ${access}.`);
  });

  it('409: which device it is, and how to go on', async () => {
    const named = await refusal(409, { deviceid: DEVICE }, (client) => client.devices.bind(DEVICE_IN));
    expect(named).toContain(`The device is bound already, as ${DEVICE}: use devices.ensureBound,`);
    for (const call of ['bind', 'ensureBound'] as const) {
      const bare = await refusal(409, {}, (client) => client.devices[call](DEVICE_IN));
      expect(bare).toContain('does not name it: look for its serial_number in devices.list.');
      expect(bare).not.toContain('use devices.ensureBound');
    }
    expect(await refusal(409, {}, (client) => client.sessions.create({ deviceid: DEVICE }))).not.toContain('bound');
  });
});

describe('the family', () => {
  it('a timeout is a connection error, and both are none of the server', async () => {
    const server = await startServer();
    server.always(() => {});
    const thrown = await rejection(
      rufus.RufusTimeoutError,
      clientOf(server, { timeoutMs: 200, retry: false }).devices.get(DEVICE),
    );
    expect(thrown).toBeInstanceOf(rufus.RufusConnectionError);
    expect(thrown).toBeInstanceOf(rufus.RufusError);
    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).not.toBeInstanceOf(rufus.RufusAPIError);
  });

  it('every class is exported, is a RufusError, and knows neither foreign errors nor look-alikes', () => {
    const classes = Object.entries(rufus).filter(([name]) => name.endsWith('Error'));
    expect(classes).toHaveLength(16);
    for (const [name, errorClass] of classes) {
      expect((errorClass as AnyClass).name).toBe(name);
      expect((errorClass as AnyClass).prototype).toBeInstanceOf(Error);
      for (const foreign of [failure('ECONNRESET'), { name, code: 'timeout' }, null, undefined, name]) {
        expect(foreign instanceof (errorClass as AnyClass)).toBe(false);
      }
    }
  });

  it('instanceof holds across two copies of the library in one process', async () => {
    vi.resetModules();
    const copy = await import('../../src/index.js');
    expect(copy.NotFoundError).not.toBe(rufus.NotFoundError);
    const thrown = await answered(404);
    expect(thrown).toBeInstanceOf(copy.NotFoundError);
    expect(thrown).toBeInstanceOf(copy.RufusAPIError);
    expect(thrown).toBeInstanceOf(copy.RufusError);
    expect(thrown).not.toBeInstanceOf(copy.ConflictError);
    expect(thrown).not.toBeInstanceOf(copy.RufusConnectionError);
  });

  it('a subclass of yours is its own', async () => {
    class MyNotFound extends rufus.NotFoundError {}
    const thrown = await answered(404);
    expect(thrown).not.toBeInstanceOf(MyNotFound);
    const mine: unknown = Object.create(MyNotFound.prototype);
    expect(mine).toBeInstanceOf(MyNotFound);
    expect(mine).toBeInstanceOf(rufus.NotFoundError);
  });
});

describe('the cause', () => {
  it('is the network’s own error', async () => {
    const server = await startServer();
    server.always(({ response }) => void response.socket?.resetAndDestroy());
    const thrown = await rejection(rufus.RufusConnectionError, clientOf(server, { retry: false }).devices.get(DEVICE));
    expect(thrown.cause).toBeInstanceOf(Error);
    expect((thrown.cause as { code?: unknown }).code).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/);
    expect(thrown.message).toContain('127.0.0.1');
  });
});
