// What onState is told, over real sockets.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  AuthenticationError,
  type FollowOptions,
  type FollowState,
  PermissionDeniedError,
  RufusClient,
  type RufusClientOptions,
  RufusConfigError,
  RufusConnectionError,
  RufusTimeoutError,
  ServerError,
} from '../../src/index.js';
import { Sandbox, type SandboxFault } from '../../src/testing/index.js';
import { Reader, range, read } from './support.js';

const POLL = 'GET /passings/device2/{deviceid}';
const QUICK = { min: 5, max: 20 };

async function overSockets(clientOptions: RufusClientOptions = {}) {
  const sandbox = new Sandbox();
  const server = await sandbox.listen();
  const client = new RufusClient({
    apiKey: sandbox.keys.readWrite,
    baseUrl: server.url,
    logLevel: 'off',
    ...clientOptions,
  });
  onTestFinished(async () => {
    await server.close();
    await client.close();
  });
  // Whoever prepares is not in a hurry, however busy the machine is.
  const near = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
  const { deviceid } = await near.devices.bind({ type: 'reader', model: 'R1', serial_number: 'state-1' });
  const { token_session } = await near.sessions.create({ deviceid });
  const write = (from: number, to: number) => near.passings.insert(token_session, Array.from(range(from, to), read));
  await write(1, 3);
  const states: FollowState[] = [];
  const follow = (options: FollowOptions = {}) =>
    client.passings.follow(deviceid, { pollMs: QUICK, onState: (state) => void states.push(state), ...options });
  return { sandbox, client, write, states, follow };
}

describe('onState', () => {
  const OUTAGES: readonly (readonly [string, Omit<SandboxFault, 'on'>, unknown])[] = [
    ['503', { kind: 'status', status: 503 }, ServerError],
    ['a reset', { kind: 'reset-before' }, RufusConnectionError],
    ['no answer in time', { kind: 'hang' }, RufusTimeoutError],
    ['a captive portal', { kind: 'html' }, expect.objectContaining({ code: 'invalid_response' })],
  ];
  it.each(OUTAGES)('is told once of an outage by %s, however long, and once of its end', async (_, fault, cause) => {
    // Only where a request is to run out of time, and even there longer than a busy machine takes for one that does not.
    const timeoutMs = fault.kind === 'hang' ? 700 : 30_000;
    const { sandbox, write, states, follow } = await overSockets({ timeoutMs });
    const reader = await new Reader(follow()).until(3);
    expect(states).toEqual([]);
    await write(4, 4);
    await reader.until(4);
    const before = Date.now();
    sandbox.fault({ on: POLL, times: 2, ...fault });
    await write(5, 6);
    await reader.until(6);
    const after = Date.now();
    expect(states.map(({ state }) => state)).toEqual(['outage', 'live']);
    const [outage, live] = states as [FollowState, FollowState];
    if (typeof cause === 'function') expect(outage.cause).toBeInstanceOf(cause);
    else expect(outage.cause).toEqual(cause);
    expect(live.cause).toBeNull();
    // From the request that was not answered, not from the end of its time-out.
    const times = [before, outage.since.getTime(), live.since.getTime(), after];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(live.since.getTime() - outage.since.getTime()).toBeGreaterThanOrEqual(
      fault.kind === 'hang' ? 2 * timeoutMs : 0,
    );
  });

  it('is told anew of each outage', async () => {
    const { sandbox, write, states, follow } = await overSockets();
    const reader = await new Reader(follow()).until(3);
    for (let number = 4; number <= 6; number++) {
      sandbox.fault({ on: POLL, times: 2, kind: 'status', status: 500 });
      await write(number, number);
      await reader.until(number);
    }
    expect(states.map(({ state }) => state)).toEqual(['outage', 'live', 'outage', 'live', 'outage', 'live']);
  });

  it('is told of an outage that is there from the beginning, and by a server that comes up later', async () => {
    const placeholder = createServer().listen(0, '127.0.0.1');
    await once(placeholder, 'listening');
    const { port } = placeholder.address() as AddressInfo;
    placeholder.close();
    await once(placeholder, 'close');
    const sandbox = new Sandbox();
    const near = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
    const { deviceid } = await near.devices.bind({ type: 'reader', model: 'R1', serial_number: 'state-2' });
    const { token_session } = await near.sessions.create({ deviceid });
    await near.passings.insert(token_session, [read(1)]);
    const client = new RufusClient({
      apiKey: sandbox.keys.read,
      baseUrl: `http://127.0.0.1:${port}/v0`,
      logLevel: 'off',
    });
    onTestFinished(() => client.close());
    let told: (state: FollowState) => void = () => {};
    const first = new Promise<FollowState>((resolve) => {
      told = resolve;
    });
    const states: FollowState[] = [];
    const onState = (state: FollowState) => {
      states.push(state);
      told(state);
    };
    const reader = new Reader(client.passings.follow(deviceid, { pollMs: QUICK, onState }));
    expect((await first).cause).toBeInstanceOf(RufusConnectionError);
    const server = await sandbox.listen(port);
    onTestFinished(() => server.close());
    await reader.until(1);
    expect(states.map(({ state }) => state)).toEqual(['outage', 'live']);
  });

  it.each([
    [401, AuthenticationError],
    [403, PermissionDeniedError],
  ])('is not told of what ends the loop: a refused key throws, %i', async (status, kind) => {
    const { sandbox, states, follow } = await overSockets();
    const reader = await new Reader(follow()).until(3);
    sandbox.fault({ on: POLL, kind: 'status', status });
    await reader.done;
    expect(reader.error).toBeInstanceOf(kind);
    expect(states).toEqual([]);
  });

  it('is told of no end of an outage in which the key is refused: that throws', async () => {
    const { sandbox, states, follow } = await overSockets();
    const reader = await new Reader(follow()).until(3);
    sandbox.fault({ on: POLL, kind: 'status', status: 503, times: 2 });
    sandbox.fault({ on: POLL, kind: 'status', status: 401 });
    await reader.done;
    expect(reader.error).toBeInstanceOf(AuthenticationError);
    expect(states).toMatchObject([{ state: 'outage', cause: { status: 503 } }]);
  });

  it('has its lines in the log: one warning, and one when it is over, each once at its level', async () => {
    const lines: string[] = [];
    const at = (level: string) => (message: string, fields?: object) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    const logger = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
    const { sandbox, write, follow } = await overSockets({ logger, logLevel: 'info' });
    const reader = await new Reader(follow()).until(3);
    sandbox.fault({ on: POLL, kind: 'status', status: 503, times: 5 });
    await write(4, 4);
    await reader.until(4);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([expect.stringContaining('"status":503')]);
    expect(lines.filter((line) => line.includes('again'))).toEqual([expect.stringMatching(/^info follow: /)]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('of the listener');
      },
    ],
    ['rejects', async () => Promise.reject(new Error('of the listener'))],
  ])('disturbs nothing when it %s', async (_, onState) => {
    const { sandbox, write, follow } = await overSockets();
    const reader = await new Reader(follow({ onState })).until(3);
    sandbox.fault({ on: POLL, times: 2, kind: 'status', status: 500 });
    await write(4, 6);
    expect((await reader.until(6)).numbers()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('must be a function', async () => {
    const { follow } = await overSockets();
    const begin = () =>
      follow({ onState: 'live' as never })
        [Symbol.asyncIterator]()
        .next();
    await expect(begin()).rejects.toBeInstanceOf(RufusConfigError);
  });
});
