import { describe, expect, it } from 'vitest';
import {
  ConflictError,
  NotFoundError,
  PermissionDeniedError,
  RufusClient,
  RufusTimeoutError,
} from '../../src/index.js';
import { Sandbox, type SandboxOptions } from '../../src/testing/index.js';
import type { RufusClientOptions } from '../../src/types.js';
import { numbers, passing } from './caller.js';

const RETRY = { maxRetries: 3, baseDelayMs: 1 };

async function viaDispatcher(options?: SandboxOptions, client?: RufusClientOptions) {
  const sandbox = new Sandbox(options);
  const rufus = new RufusClient({
    apiKey: sandbox.keys.admin,
    dispatcher: sandbox.dispatcher,
    retry: RETRY,
    logLevel: 'off',
    ...client,
  });
  return { sandbox, rufus, [Symbol.asyncDispose]: () => rufus.close() };
}

async function viaHttp(options?: SandboxOptions, client?: RufusClientOptions) {
  const sandbox = new Sandbox(options);
  const server = await sandbox.listen();
  const rufus = new RufusClient({
    apiKey: sandbox.keys.admin,
    baseUrl: server.url,
    retry: RETRY,
    logLevel: 'off',
    ...client,
  });
  const close = async () => {
    await rufus.close();
    await server.close();
  };
  return { sandbox, rufus, [Symbol.asyncDispose]: close };
}

async function race(rufus: RufusClient) {
  const { deviceid } = await rufus.devices.bind({ type: 'reader', model: 'M1', serial_number: 'S1' });
  const { token_session } = await rufus.sessions.create({ deviceid, alias: 'Sunday' });
  return { deviceid, token_session };
}

const WAYS = [
  ['the dispatcher', viaDispatcher],
  ['HTTP', viaHttp],
] as const;
const VARIANTS: SandboxOptions[] = [
  {},
  { envelope: 'flat', coordinates: 'number', endOfPages: 'absent' },
  { endOfPages: '404' },
];

describe.each(WAYS)('a client over %s', (_name, open) => {
  it.each(VARIANTS)('runs the whole day on %j, strictly', async (options) => {
    await using day = await open({ ...options, pageSize: 100 }, { validation: 'strict' });
    const { rufus, sandbox } = day;
    const { deviceid, token_session } = await race(rufus);
    const sent = numbers(1_000).map((num) => ({ ...passing(num), latitude: 41.385, longitude: 2 }));
    const receipt = await rufus.passings.insertMany(token_session, sent, { batchSize: 150 });
    expect(receipt).toEqual({ inserted_count: 1_000, duplicate_count: 0, sent: 1_000, requests: 7 });

    const read = await rufus.passings.listBySession(token_session).toArray({ limit: 2_000 });
    expect(read).toEqual(sandbox.state.passings(token_session));
    expect(read[0]).toMatchObject({ latitude: 41.385, longitude: 2, deviceid });
    expect(await rufus.passings.listByDevice(deviceid).toArray({ limit: 2_000 })).toHaveLength(1_000);
    const { passings } = await rufus.passings.poll(deviceid, { token_session, last: 990 });
    expect(passings.map((row) => row.num_passing)).toEqual(numbers(10, 991));

    expect(await rufus.sessions.getActive(deviceid)).toMatchObject({ token_session, active: true, passings: 1_000 });
    await rufus.sessions.close(token_session);
    expect(await rufus.sessions.getActive(deviceid)).toBeNull();
    expect(await rufus.sessions.listByDevice(deviceid)).toHaveLength(1);
    expect(await rufus.events.list({ limit: 2 }).toArray({ limit: 9 })).toHaveLength(3);
    expect((await rufus.devices.list()).items).toHaveLength(1);
    await rufus.devices.unbind(deviceid);
    await expect(rufus.devices.get(deviceid)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('loses and repeats nothing through every fault of a call that may be repeated', async () => {
    await using day = await open({}, { timeoutMs: 1_500 });
    const { rufus, sandbox } = day;
    const { token_session } = await race(rufus);
    const kinds = ['status', 'html', 'reset-before', 'reset-after', 'hang', 'drip', 'truncate'] as const;
    const stored = { status: 0, html: 0, 'reset-before': 0, hang: 0, 'reset-after': 1, drip: 1, truncate: 1 };
    for (const [index, kind] of kinds.entries()) {
      sandbox.fault({ on: 'POST /passings', kind });
      const receipt = await rufus.passings.insert(token_session, [passing(index)]);
      expect([kind, receipt.duplicate_count]).toEqual([kind, stored[kind]]);
    }
    expect(sandbox.state.passings(token_session)).toHaveLength(kinds.length);
  });

  it('meets the sandbox’s refusals as typed errors', async () => {
    await using day = await open({ maxBodyBytes: 5_000 }, { timeoutMs: 10_000 });
    const { rufus, sandbox } = day;
    const { deviceid, token_session } = await race(rufus);
    const again = rufus.devices.bind({ type: 'reader', model: 'M1', serial_number: 'S1' });
    const conflict = await again.catch((error: unknown) => error);
    expect(conflict).toBeInstanceOf(ConflictError);
    expect(conflict).toMatchObject({ deviceid, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    const reader = rufus.withOptions({ apiKey: sandbox.keys.read });
    await expect(reader.sessions.create({ deviceid })).rejects.toBeInstanceOf(PermissionDeniedError);
    const halved = await rufus.passings.insertMany(token_session, numbers(200).map(passing), { batchSize: 200 });
    expect(halved).toMatchObject({ inserted_count: 200, duplicate_count: 0 });
    sandbox.fault({ kind: 'drip' });
    await expect(rufus.devices.list({}, { timeoutMs: 100, retry: false })).rejects.toBeInstanceOf(RufusTimeoutError);
  });
});
