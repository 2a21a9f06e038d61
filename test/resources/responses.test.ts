// What comes out of an answer that is good, nearly good, or only looks good.
import { describe, expect, it } from 'vitest';
import { type Logger, type Passing, RufusResponseValidationError, type ValidationMode } from '../../src/index.js';
import { empty, enveloped, halfJson, html, json, raw } from '../support/behaviours.js';
import { clientOf, rejection } from '../support/client.js';
import { DEVICE, device, OPERATIONS, passing, session, TOKEN } from '../support/operations.js';
import { type Behaviour, startServer } from '../support/server.js';

const once = { retry: false } as const;
const passings = (...result: unknown[]) => enveloped(200, { description: 'Passings found', result });

describe('bad output never passes as good', () => {
  const WRONG: { name: string; behaviour: (body: object) => Behaviour }[] = [
    { name: 'HTML', behaviour: () => html(200) },
    { name: 'an empty body', behaviour: () => empty(200) },
    { name: 'half a JSON', behaviour: (body) => halfJson({ body }) },
    { name: 'a JSON text', behaviour: () => raw(200, '"welcome"') },
    { name: 'null', behaviour: () => raw(200, 'null') },
    { name: 'an empty envelope', behaviour: () => json(200, { body: null }) },
    { name: 'a list', behaviour: () => json(200, []) },
    { name: 'an empty object', behaviour: () => json(200, {}) },
    { name: 'an object of somebody else', behaviour: () => enveloped(200, { status: 'ok', uptime: 3 }) },
    {
      name: 'a result that is a text',
      behaviour: () => enveloped(200, { description: 'ok', result: 'none', passings: 'none' }),
    },
    {
      name: 'a result of texts',
      behaviour: () => enveloped(200, { description: 'ok', result: ['a'], passings: ['a'] }),
    },
  ];
  const everyWay = WRONG.flatMap((wrong) =>
    OPERATIONS.map((operation) => ({ ...wrong, operation, of: operation.name })),
  );

  it.each(everyWay)('$of: $name', async ({ behaviour, operation }) => {
    const server = await startServer();
    server.always(behaviour(operation.body));
    const thrown = await rejection(RufusResponseValidationError, operation.call(clientOf(server, once)));
    expect(thrown).toMatchObject({ status: 200, code: 'invalid_response', operation: operation.name });
    expect(Array.isArray(thrown.issues)).toBe(true);
  });

  it('a session that comes as no session at all', async () => {
    const server = await startServer();
    const client = clientOf(server, once);
    for (const result of [[], [{}], [session({ token_session: null })], {}]) {
      server.replies(enveloped(200, { description: 'ok', result }));
      await rejection(RufusResponseValidationError, client.sessions.get(TOKEN));
    }
  });

  it('an insert that is not confirmed is repeated', async () => {
    const server = await startServer();
    server.replies(html(200), json(201, { description: 'ok' }), json(201, { description: 'ok', token_session: TOKEN }));
    await expect(clientOf(server).passings.insert(TOKEN, [passing(1)])).resolves.toMatchObject({
      token_session: TOKEN,
    });
    expect(server.requests).toHaveLength(3);
  });
});

describe('what survives', () => {
  it('unknown fields, known ones that the specification leaves out, and their order', async () => {
    const server = await startServer();
    const row = passing(1, { deviceid: DEVICE, token_session: TOKEN, antenna: 4, nested: { deep: [1, null] } });
    server.replies(
      passings(row),
      enveloped(200, { description: 'ok', result: { ...device(), os: 'linux' }, extra: 1 }),
    );
    const client = clientOf(server);
    const [only] = (await client.passings.listBySession(TOKEN)).items;
    expect(only).toEqual(row);
    expect(Object.keys(only ?? {})).toEqual(Object.keys(row));
    expect(await client.devices.get(DEVICE)).toEqual({ ...device(), os: 'linux' });
  });

  it('also in strict mode: they are never drift', async () => {
    const server = await startServer();
    server.replies(
      passings(passing(1, { antenna: 4 })),
      enveloped(200, { description: 'ok', tomorrow: 1, result: [session({ laps: 3 })] }),
    );
    const client = clientOf(server, { validation: 'strict' });
    expect((await client.passings.listBySession(TOKEN)).items[0]).toMatchObject({ antenna: 4 });
    expect(await client.sessions.get(TOKEN)).toMatchObject({ laps: 3 });
  });

  it('a __proto__ of the server is data, not a prototype', async () => {
    const server = await startServer();
    server.always(raw(200, `{"description":"ok","result":{"deviceid":"D1","__proto__":{"polluted":true}}}`));
    const result = await clientOf(server).devices.get('D1');
    expect((result as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('coordinates', () => {
  const READS: { name: string; read: (client: ReturnType<typeof clientOf>) => Promise<readonly Passing[]> }[] = [
    { name: 'listBySession', read: async (client) => (await client.passings.listBySession(TOKEN)).items },
    { name: 'listByDevice', read: async (client) => (await client.passings.listByDevice(DEVICE)).items },
    { name: 'poll', read: async (client) => (await client.passings.poll(DEVICE)).passings },
  ];
  const modes: ValidationMode[] = ['tolerant', 'strict'];
  it.each(READS.flatMap((one) => modes.map((mode) => ({ ...one, mode }))))('$name, $mode', async ({ read, mode }) => {
    const server = await startServer();
    const rows = [
      passing(1, { latitude: '41.38', longitude: '-0.5' }),
      passing(2, { latitude: 41.38, longitude: 0 }),
      passing(3, { latitude: null, longitude: '' }),
      passing(4),
      passing(5, { latitude: '12.000', longitude: '0' }),
    ];
    server.always(
      enveloped(200, {
        description: 'ok',
        deviceid: DEVICE,
        session_used: TOKEN,
        session_label: null,
        resumed_from: 0,
        result: rows,
        passings: rows,
      }),
    );
    const read1 = await read(clientOf(server, { validation: mode }));
    expect(read1.map(({ latitude, longitude }) => [latitude ?? null, longitude ?? null])).toEqual([
      [41.38, -0.5],
      [41.38, 0],
      [null, null],
      [null, null],
      [12, 0],
    ]);
    expect(read1[3]).not.toHaveProperty('latitude');
  });
});

describe('drift', () => {
  function listening() {
    const warnings: string[] = [];
    const silent = () => {};
    const logger: Logger = {
      error: silent,
      info: silent,
      debug: silent,
      warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    };
    return { warnings, options: { logger, logLevel: 'warn' as const } };
  }

  it('tolerant: handed on as it came, logged once per operation and field', async () => {
    const server = await startServer();
    const odd = passings(passing(1, { bib: null }), passing(2, { bib: null, gender: 7 }), passing(3, { bib: 12 }));
    server.always(odd);
    const { warnings, options } = listening();
    const client = clientOf(server, options);
    for (let i = 0; i < 3; i++) {
      const { items } = await client.passings.listBySession(TOKEN);
      expect(items.map(({ bib }) => bib)).toEqual([null, null, 12]);
    }
    expect(warnings.filter((line) => line.includes('bib'))).toHaveLength(1);
    expect(warnings.filter((line) => line.includes('gender'))).toHaveLength(1);
    expect(warnings).toHaveLength(2);
    await client.passings.listByDevice(DEVICE);
    expect(warnings).toHaveLength(4);
  });

  it('tolerant: one odd row costs none of the 4,999 good ones', async () => {
    const server = await startServer();
    const rows = Array.from({ length: 5_000 }, (_, i) =>
      passing(i + 1, i === 2_500 ? { bib: null, timestamp: 'soon' } : {}),
    );
    server.always(passings(...rows));
    const { items } = await clientOf(server).passings.listBySession(TOKEN);
    expect(items).toHaveLength(5_000);
    expect(items[2_500]).toMatchObject({ bib: null, timestamp: 'soon' });
  });

  it('strict: throws with the path, of the client or of the call', async () => {
    const server = await startServer();
    server.always(passings(passing(1), passing(2, { bib: null })));
    const thrown = await rejection(
      RufusResponseValidationError,
      clientOf(server, { validation: 'strict' }).passings.listBySession(TOKEN),
    );
    expect(thrown.issues.map(({ path }) => path.join('.')).join()).toMatch(/1\.bib/);
    expect(thrown.message).toContain('bib');
    await rejection(
      RufusResponseValidationError,
      clientOf(server).passings.listBySession(TOKEN, {}, { validation: 'strict' }),
    );
    expect(server.requests).toHaveLength(2);
  });

  const UNUSABLE: {
    name: string;
    body: object;
    call: (client: ReturnType<typeof clientOf>) => PromiseLike<unknown>;
  }[] = [
    ...['7', 1.5, null, undefined].map((num_passing) => ({
      name: `num_passing ${JSON.stringify(num_passing)}`,
      body: { description: 'ok', result: [passing(1), { ...passing(2), num_passing }] },
      call: (client: ReturnType<typeof clientOf>) => client.passings.listBySession(TOKEN),
    })),
    {
      name: 'a deviceid that is a number',
      body: {
        description: 'ok',
        pagination: { page: 1, limit: 9, total: 1, has_more: false },
        result: [{ ...device(), deviceid: 7 }],
      },
      call: (client) => client.devices.list(),
    },
    {
      name: 'an event without a token',
      body: {
        description: 'ok',
        pagination: { page: 1, limit: 9, total: 1, has_more: false },
        result: [{ name: 'Boston' }],
      },
      call: (client) => client.events.list(),
    },
    {
      name: 'a session without a token',
      body: { description: 'ok', result: [session(), session({ token_session: undefined })] },
      call: (client) => client.sessions.listByDevice(DEVICE),
    },
    {
      name: 'a polled passing without a number',
      body: { description: 'ok', session_used: TOKEN, passings: [{ ...passing(1), num_passing: null }] },
      call: (client) => client.passings.poll(DEVICE),
    },
  ];
  it.each(UNUSABLE)('what identifies an item must be usable in either mode: $name', async ({ body, call }) => {
    const server = await startServer();
    server.always(enveloped(200, body));
    const thrown = await rejection(RufusResponseValidationError, call(clientOf(server)));
    expect(thrown.issues.length).toBeGreaterThan(0);
    await rejection(RufusResponseValidationError, call(clientOf(server, { validation: 'strict' })));
    expect(server.requests).toHaveLength(2);
  });

  it('of a single object: handed on where its id is good', async () => {
    const server = await startServer();
    const { warnings, options } = listening();
    server.always(
      enveloped(200, { description: 'ok', result: { ...device(), sessions: 'three', last_login: 'yesterday' } }),
    );
    const client = clientOf(server, options);
    expect(await client.devices.get(DEVICE)).toMatchObject({ sessions: 'three' });
    expect(warnings.length).toBeGreaterThan(0);
    await rejection(RufusResponseValidationError, client.devices.get(DEVICE, { validation: 'strict' }));
  });
});
