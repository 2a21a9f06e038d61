// F6 and F7: calls of boxes, and what a box may do.
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { fleetClient } from '../../src/fleet/index.js';
import {
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  RufusAbortError,
  RufusConfigError,
  RufusConnectionError,
  RufusResponseValidationError,
  RufusTimeoutError,
} from '../../src/index.js';
import { rejection } from '../support/client.js';
import { opened, serving } from './support/fleet.js';
import { connected, describeWithServer, oneServer } from './support/nats-server.js';
import { KEY, passings, raceApi } from './support/race-api.js';

const READER = { type: 'reader', model: 'R1', serial_number: '0042' };

async function ground({ config = '' } = {}) {
  const { api, client } = await raceApi();
  const server = await oneServer({ config });
  const nats = await connected(server);
  const fleet = await opened({ client, nats });
  const box = fleetClient({ nats: await connected(server), box: '0042', logLevel: 'off', retry: false });
  return { api, client, server, nats, fleet, box };
}

describeWithServer('a box', () => {
  it('uses the whole client without a key', async () => {
    const { api, fleet, nats, box } = await ground();
    await serving(fleet, nats);
    const { deviceid, created } = await box.devices.ensureBound(READER);
    expect(created).toBe(true);
    expect(await box.devices.ensureBound(READER)).toEqual({ deviceid, created: false });
    expect(await box.sessions.getActive(deviceid)).toBeNull();
    const { token_session } = await box.sessions.create({ deviceid, alias: 'Zieleinlauf süd 🏁' });
    expect(await box.passings.insert(token_session, passings(1, 3))).toMatchObject({ inserted_count: 3 });
    expect(await box.passings.listBySession(token_session).toArray({ limit: 10 })).toHaveLength(3);
    expect((await box.sessions.listByDevice(deviceid)).map(({ alias }) => alias)).toEqual(['Zieleinlauf süd 🏁']);
    await box.sessions.close(token_session);
    expect(api.sessions.get(token_session)!.active).toBe(false);
    expect((await rejection(NotFoundError, box.passings.insert(token_session, passings(4, 1)))).description).toBe(
      'Session not found or closed',
    );
    for (const { headers } of api.seen) expect(headers['x-api-key']).toBe(KEY);
  });

  it('is not heard where nobody serves: nothing was sent', async () => {
    const { api, box } = await ground();
    const error = await rejection(RufusConnectionError, box.sessions.create({ deviceid: 'D' }));
    expect(error.requestMaybeProcessed).toBe(false);
    expect(error.message).toContain('no worker of the fleet serves boxes now');
    expect(api.requests).toBe(0);
  });

  it('tries again by the same rules as any client', async () => {
    const { api, fleet, nats, box } = await ground();
    await serving(fleet, nats, { allow: () => true });
    let failures = 2;
    api.before = () => (failures-- > 0 ? { status: 503, body: { description: 'Later' } } : undefined);
    expect(
      await box
        .withOptions({ retry: { baseDelayMs: 1 } })
        .events.list()
        .then(
          () => 'listed',
          (error) => error.status,
        ),
    ).toBe(404);
    api.before = () => ({ status: 429, body: { description: 'Slow' }, headers: { 'retry-after': '7' } });
    expect((await rejection(RateLimitError, box.devices.get('D'))).retryAfterMs).toBe(7_000);
    api.before = () => ({ status: 200, body: '<html>portal</html>' });
    await rejection(RufusResponseValidationError, box.devices.get('D'));
    api.before = () => 'reset';
    expect((await rejection(RufusConnectionError, box.sessions.create({ deviceid: 'D' }))).requestMaybeProcessed).toBe(
      true,
    );
    await api.close();
    expect((await rejection(RufusConnectionError, box.sessions.create({ deviceid: 'D' }))).requestMaybeProcessed).toBe(
      false,
    );
  });

  it('gets answers and sends calls that are larger than a message may be', async () => {
    const { api, fleet, nats, box } = await ground({ config: 'max_payload: 65536' });
    await serving(fleet, nats);
    const session = api.addSession(api.addDevice('0042'));
    const many = passings(1, 3_000).map((each) => ({ ...each, status: 'süß'.repeat(20) }));
    expect(await box.passings.insert(session.token_session, many)).toMatchObject({ inserted_count: 3_000 });
    const back = await box.passings.listBySession(session.token_session).toArray({ limit: 10_000 });
    expect(back.map(({ status }) => status)).toEqual(many.map(({ status }) => status));
    const small = box.withOptions({ maxResponseBytes: 100_000 });
    await rejection(RufusResponseValidationError, small.passings.listBySession(session.token_session));
  });

  it('is held to its limits of time, its signal and its end', async () => {
    const { api, fleet, nats, box } = await ground();
    await serving(fleet, nats, { allow: () => true });
    api.before = () => 'hang';
    const begun = performance.now();
    const late = await rejection(RufusTimeoutError, box.devices.bind(READER, { timeoutMs: 200 }));
    expect(late.requestMaybeProcessed).toBe(true);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    await rejection(RufusAbortError, box.devices.get('D', { signal: controller.signal }));
    const last = box.devices.get('D', { timeoutMs: 300 }).catch((error: unknown) => error);
    const closing = box.close();
    await rejection(RufusConfigError, box.devices.get('D'));
    expect(await last).toBeInstanceOf(RufusTimeoutError);
    await closing;
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('takes calls before its line is up, each for as long as it may take', async () => {
    const { api, fleet, nats, server } = await ground();
    await serving(fleet, nats);
    let connect: (nats: NatsConnection) => void = () => {};
    const connecting = new Promise<NatsConnection>((resolve) => {
      connect = resolve;
    });
    const box = fleetClient({ nats: connecting, box: '0042', logLevel: 'off', retry: false });
    const late = await rejection(RufusTimeoutError, box.devices.bind(READER, { timeoutMs: 50 }));
    expect(late.requestMaybeProcessed).toBe(false);
    const binding = box.devices.bind(READER);
    connect(await connected(server));
    expect((await binding).deviceid).toBe([...api.devices.keys()][0]);

    const never = fleetClient({
      nats: Promise.reject(new Error('no such host')),
      box: '0042',
      logLevel: 'off',
      retry: false,
    });
    expect((await rejection(RufusConnectionError, never.devices.get('D'))).requestMaybeProcessed).toBe(false);
    const wrong = fleetClient({ nats: Promise.resolve({} as never), box: '0042', logLevel: 'off', retry: false });
    expect(String((await rejection(RufusConnectionError, wrong.devices.get('D'))).cause)).toContain('`nats`');
  });

  it('may do what its own device needs, and nothing else', async () => {
    const { api, client, fleet, nats, box } = await ground();
    await serving(fleet, nats);
    const [own, other] = [api.addDevice('0042'), api.addDevice('0043')];
    const [mine, theirs] = [api.addSession(own), api.addSession(other)];
    expect(await client.devices.get(own.deviceid)).toMatchObject({ serial_number: '0042' });
    await box.passings.insert(mine.token_session, passings(1, 1));
    await box.sessions.get(mine.token_session);
    await box.devices.get(own.deviceid);
    const before = api.seen.length;
    const refused: (() => Promise<unknown>)[] = [
      async () => box.devices.bind({ ...READER, serial_number: '0043' }),
      async () => box.devices.list(),
      async () => box.devices.get(other.deviceid),
      async () => box.devices.unbind(own.deviceid),
      async () => box.sessions.create({ deviceid: other.deviceid }),
      async () => box.sessions.close(theirs.token_session),
      async () => box.sessions.get(theirs.token_session),
      async () => box.sessions.getActive(other.deviceid),
      async () => box.passings.insert(theirs.token_session, passings(1, 1)),
      async () => box.passings.listBySession(theirs.token_session),
      async () => box.passings.poll(other.deviceid),
      async () => box.passings.poll(own.deviceid, { token_session: theirs.token_session, last: 1 }),
      async () => box.events.list(),
      async () => box.request('GET', '/participants'),
      async () =>
        box.request('POST', '/passings', { body: { token_session: mine.token_session, passings_list: [], extra: 1 } }),
    ];
    for (const call of refused) {
      const error = await rejection(PermissionDeniedError, call());
      expect(error.requestMaybeProcessed).toBe(false);
      expect(error.description).toMatch(/box|carried|carries/);
    }
    // What the gateway asked to find out is all that was sent.
    const sent = api.seen.slice(before).map(({ method, path }) => `${method} ${path.split('?')[0]}`);
    expect(sent.every((each) => /^GET \/(devices|sessions\/device)/.test(each))).toBe(true);
    expect(theirs.passings.size).toBe(0);
    expect(api.sessions.size).toBe(2);
  });

  it('is looked up together with all others, where a gateway starts among them', async () => {
    const { api, fleet, server, nats } = await ground();
    const names = Array.from({ length: 20 }, (_, index) => `box-${index}`);
    const sessions = names.map((name) => api.addSession(api.addDevice(name)));
    await serving(fleet, nats);
    const line = await connected(server);
    const insert = (box: string, index: number) =>
      fleetClient({ nats: line, box }).passings.insert(sessions[index]!.token_session, passings(1, 1));
    await Promise.all(names.map(insert));
    const lists = api.seen.filter(
      ({ method, path }) => method === 'GET' && /^\/v0\/devices(\?|$)|^\/devices(\?|$)/.test(path),
    );
    expect(lists.length).toBeGreaterThan(0);
    expect(lists.length).toBeLessThan(4);
  });

  it('is judged by `allow` where there is one', async () => {
    const { api, fleet, nats, box } = await ground();
    const asked: unknown[] = [];
    await serving(fleet, nats, {
      allow: async (call) => {
        asked.push(call);
        return call.operation !== 'devices.unbind';
      },
    });
    const { deviceid } = await box.devices.ensureBound({ ...READER, serial_number: 'other' });
    const { token_session } = await box.sessions.create({ deviceid });
    await box.passings.insert(token_session, passings(1, 2));
    await rejection(PermissionDeniedError, box.devices.unbind(deviceid));
    expect(asked).toEqual([
      { box: '0042', operation: 'devices.bind', method: 'POST', deviceid: undefined, token_session: undefined },
      { box: '0042', operation: 'sessions.create', method: 'POST', deviceid, token_session: undefined },
      { box: '0042', operation: 'passings.insert', method: 'POST', deviceid, token_session },
      { box: '0042', operation: 'devices.unbind', method: 'DELETE', deviceid, token_session: undefined },
    ]);
    expect(api.seen.some(({ method }) => method === 'DELETE')).toBe(false);
  });

  it('passes on harmless headers, and no path, key or cookie of its own', async () => {
    const { api, fleet, nats, server } = await ground();
    await serving(fleet, nats, { allow: () => true });
    const box = fleetClient({
      nats: await connected(server),
      box: 'a.b *>ü',
      logLevel: 'off',
      headers: { traceparent: '00-1-2-01', 'x-api-key': 'evil', cookie: 'a=b', host: 'evil', authorization: 'x' },
    });
    const strange = 'a/../b?x=1#%2e';
    await rejection(NotFoundError, box.devices.get(strange));
    const { path, headers } = api.seen.at(-1)!;
    expect(path).toBe(`/devices/${encodeURIComponent(strange)}`);
    expect(headers.traceparent).toBe('00-1-2-01');
    expect(headers['x-api-key']).toBe(KEY);
    expect([headers.cookie, headers.authorization]).toEqual([undefined, undefined]);
    expect(headers.host).toMatch(/^127/);
  });

  it('cannot be turned to another place, and knows its options', async () => {
    const { box, server } = await ground();
    const nats = await connected(server);
    for (const wrong of [{ apiKey: 'k' }, { dispatcher: {} }, { baseUrl: 'http://x' }, { connections: 2 }]) {
      expect(() => fleetClient({ nats, box: '1', ...(wrong as object) })).toThrow(RufusConfigError);
      expect(() => box.withOptions(wrong as object)).toThrow(RufusConfigError);
    }
    expect(() => fleetClient({ nats, box: '' })).toThrow('`box`');
    expect(() => fleetClient({ nats, box: 'x'.repeat(121) })).toThrow('`box` is too long');
    expect(() => fleetClient({ nats, box: '1', name: 'No' })).toThrow('`name`');
    expect(() => fleetClient({ nats: {} as never, box: '1' })).toThrow('`nats`');
  });
});
