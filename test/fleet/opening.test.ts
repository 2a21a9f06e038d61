// openFleet: options, what exists already, what a server lacks (F10, F11).

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, connect as dial } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FleetUnavailableError, openFleet } from '../../src/fleet/index.js';
import { decoded, encoded } from '../../src/fleet/names.js';
import { RufusClient, RufusConfigError } from '../../src/index.js';
import { rejection } from '../support/client.js';
import { opened, PACE, running, until } from './support/fleet.js';
import { cluster, connected, describeWithServer, oneServer } from './support/nats-server.js';
import { KEY, passings, raceApi } from './support/race-api.js';

/** A server of another version, as far as its greeting goes. */
async function posingAs(version: string, port: number): Promise<number> {
  const server = createServer((near) => {
    const far = dial(port, '127.0.0.1');
    near.on('data', (chunk) => far.write(chunk)).on('error', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    far.on('data', (chunk: Buffer) => {
      // Newer servers say it once more after the login.
      const said = chunk.toString('latin1').replace(/^(INFO .*"version":")[^"]+/gm, `$1${version}`);
      near.write(said, 'latin1');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describeWithServer('a fleet', () => {
  it('refuses options by name, before it asks the server for anything', async () => {
    const { client } = await raceApi();
    const nats = await connected(await oneServer({ jetstream: false }));
    const wrong: [object, string][] = [
      [{ client: {} }, '`client`'],
      [{ nats: {} }, '`nats`'],
      [{ name: 'A' }, '`name`'],
      [{ name: 'x'.repeat(33) }, '`name`'],
      [{ replicas: 2 }, '`replicas`'],
      [{ leaseMs: 199 }, '`leaseMs`'],
      [{ leaseMs: 600_001 }, '`leaseMs`'],
      [{ retain: { hours: 0 } }, '`retain.hours`'],
      [{ retain: { maxBytes: 1 } }, '`retain.maxBytes`'],
      [{ retain: { days: 7 } }, '`retain.days`'],
      [{ replica: 3 }, '`replicas`'],
    ];
    for (const [option, named] of wrong) {
      const error = await rejection(RufusConfigError, openFleet({ client, nats, ...option }));
      expect(error.message).toContain(named);
    }
    const fleet = await openFleet({ client, nats: await connected(await oneServer()) });
    onTestFinished(() => fleet.close());
    for (const options of [
      { devices: 'D' },
      { devices: [''] },
      { devices: [], maxDevices: 0 },
      { devices: [], pollMs: { min: 2, max: 1 } },
      { device: [] },
    ]) {
      await rejection(RufusConfigError, fleet.follow(options as never));
    }
    for (const options of [{ consumer: '' }, { consumer: 'a', deviceid: '.' }, { consumer: 'a', signal: {} }, {}]) {
      expect(() => fleet.passings(options as never)).toThrow(RufusConfigError);
    }
    for (const options of [{ allow: true }, { concurrency: 0 }, { concurency: 1 }]) {
      await rejection(RufusConfigError, fleet.serve(options as never));
    }
  });

  it('says what it cannot have now, and what it can never have', async () => {
    const { client } = await raceApi();
    const without = await connected(await oneServer({ jetstream: false }));
    expect((await rejection(FleetUnavailableError, openFleet({ client, nats: without }))).code).toBe(
      'fleet_unavailable',
    );
    const server = await oneServer({ config: 'jetstream { max_file_store: 1GB }' });
    const alone = await connected(server);
    expect(
      (
        await rejection(
          RufusConfigError,
          openFleet({ client, nats: alone, replicas: 3, retain: { maxBytes: 1024 ** 2 } }),
        )
      ).message,
    ).toContain('`replicas`');
    expect((await rejection(RufusConfigError, openFleet({ client, nats: alone }))).message).toContain(
      '`retain.maxBytes`',
    );
    await opened({ client, nats: alone, retain: { maxBytes: 1024 ** 2 } });
    await server.stop();
    await until(() => alone.info === undefined, 'the connection is down');
    await rejection(FleetUnavailableError, openFleet({ client, nats: alone }));
    await alone.close();
    await rejection(FleetUnavailableError, openFleet({ client, nats: alone }));
  });

  it('never changes a stream that exists', async () => {
    const { client } = await raceApi();
    const nats = await connected(await oneServer());
    await opened({ client, nats, retain: { hours: 1 } });
    const differing = await rejection(RufusConfigError, openFleet({ client, nats, retain: { hours: 2 } }));
    expect(differing.message).toContain('`retain.hours`');
    const jsm = await jetstreamManager(nats);
    expect((await jsm.streams.info('rufus-in')).config.max_age).toBe(3_600e9);
    await jsm.streams.add({ name: 'mine-in', subjects: ['other.>'] });
    await rejection(RufusConfigError, openFleet({ client, nats, name: 'mine' }));
    // Under another name it is another fleet.
    await opened({ client, nats, name: 'second', retain: { hours: 2 } });
  });

  it('keeps as many copies as it is asked for, all of the same number', { timeout: 60_000 }, async () => {
    const { client } = await raceApi();
    const servers = await cluster(3);
    const nats = await connected(servers);
    await opened({ client, nats, replicas: 3 });
    const jsm = await jetstreamManager(nats);
    const copies = [];
    for await (const { config } of jsm.streams.list()) copies.push([config.name, config.num_replicas]);
    expect(copies.sort()).toEqual([
      ['KV_rufus-cursors', 3],
      ['KV_rufus-workers', 3],
      ['rufus-boxes', 3],
      ['rufus-in', 3],
    ]);
    expect((await rejection(RufusConfigError, openFleet({ client, nats, replicas: 1 }))).message).toContain(
      '`replicas`',
    );
  });

  it('waits for servers that start one after the other, and not for ever', { timeout: 60_000 }, async () => {
    const { client } = await raceApi();
    const servers = await cluster(3);
    const nats = await connected(servers[0]!);
    // Three copies have no place, and JetStream says so at once: 10005.
    await servers[2]!.stop();
    let isSettled = false;
    const opening = openFleet({ client, nats, replicas: 3 }).finally(() => {
      isSettled = true;
    });
    opening.catch(() => {});
    await sleep(1_000);
    expect(isSettled).toBe(false);
    await servers[2]!.start();
    await (await opening).close();

    // A quorum is needed to make anything.
    await servers[1]!.stop();
    await servers[2]!.stop();
    const failing = rejection(FleetUnavailableError, openFleet({ client, nats, name: 'late', replicas: 3 }));
    await sleep(500);
    const { now } = performance;
    vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 10_000);
    onTestFinished(() => void vi.restoreAllMocks());
    expect((await failing).code).toBe('fleet_unavailable');
  });

  it('refuses a server that is too old, by what it lacks', async () => {
    const { client } = await raceApi();
    const { port } = await oneServer();
    const old = await connected([], { servers: `127.0.0.1:${await posingAs('2.8.4', port)}` });
    const error = await rejection(RufusConfigError, openFleet({ client, nats: old }));
    expect(error.message).toContain('2.8.4');
    expect(error.message).toContain('2.9.4');
    for (const version of ['2.9.4', '2.12.3', '3.0.0']) {
      const nats = await connected([], { servers: `127.0.0.1:${await posingAs(version, port)}` });
      await opened({ client, nats });
    }
  });

  it('reads back what a server made of its wishes', async () => {
    const { client } = await raceApi();
    const nats = await connected(await oneServer());
    const { request } = nats;
    // As a server does that does not know a field.
    nats.request = ((subject: string, payload: Uint8Array, options: never) => {
      const text = Buffer.from(payload ?? '').toString();
      const changed = subject.includes('STREAM.CREATE.rufus-in') ? text.replace(/"max_age":\d+/, '"max_age":0') : text;
      return request.call(nats, subject, changed, options);
    }) as typeof nats.request;
    const error = await rejection(RufusConfigError, openFleet({ client, nats }));
    expect(error.message).toContain('max_age');
  });

  it('of another copy of the library is told apart', async () => {
    const nats = await connected(await oneServer());
    const stranger = Object.create(RufusClient.prototype, { passings: { value: { follow() {} } } });
    expect((await rejection(RufusConfigError, openFleet({ client: stranger, nats }))).message).toContain(
      'another copy',
    );
  });
});

describeWithServer('names of any alphabet', () => {
  const STRANGE = [
    'a.b',
    '*',
    '>',
    'a b',
    'Zieleinlauf süd',
    '終点',
    '🏁',
    'a=2eb',
    'a_b',
    'x'.repeat(300),
    '\t',
    'A/../b',
  ];

  it('become subjects, and what they were again', () => {
    for (const name of STRANGE) {
      expect(encoded(name)).toMatch(/^[A-Za-z0-9=-]{1,124}$/);
      if (name.length < 100) expect(decoded(encoded(name))).toBe(name);
    }
    expect(new Set(STRANGE.map(encoded)).size).toBe(STRANGE.length);
  });

  it('are followed and consumed like any other', { timeout: 60_000 }, async () => {
    const { api, client } = await raceApi();
    const nats = await connected(await oneServer());
    for (const id of STRANGE) api.addPassings(api.addSession(api.addDevice(`SN ${id}`, id)), passings(1, 2));
    const fleet = await opened({ client, nats });
    running((signal) => fleet.follow({ devices: STRANGE, ...PACE, signal }));
    const seen = new Set<string>();
    for await (const batch of fleet.passings({ consumer: 'a.b *>' })) {
      seen.add(batch.deviceid);
      await batch.ack();
      if (seen.size === STRANGE.length) break;
    }
    expect([...seen].sort()).toEqual([...STRANGE].sort());
    const { devices, consumers } = await fleet.status();
    expect(devices.map(({ deviceid }) => deviceid)).toEqual([...STRANGE].sort());
    expect(consumers.map(({ consumer }) => consumer)).toEqual(['a.b *>']);
  });

  it('and no token and no key is in a subject, in a name, or where the key has no business', async () => {
    const { api, client } = await raceApi();
    const nats = await connected(await oneServer());
    const session = api.addSession(api.addDevice());
    const subjects: string[] = [];
    const payloads: string[] = [];
    nats.subscribe('>', {
      callback: (_, message) => {
        subjects.push(message.subject, message.reply ?? '');
        payloads.push(message.string(), [...(message.headers ?? [])].join());
      },
    });
    const fleet = await opened({ client, nats });
    running((signal) => fleet.follow({ devices: 'all', ...PACE, signal }));
    running((signal) => fleet.serve({ signal, allow: () => true }));
    const { fleetClient } = await import('../../src/fleet/index.js');
    const box = fleetClient({ nats: await connected([], { servers: nats.getServer() }), box: 'b', logLevel: 'off' });
    await until(
      async () =>
        box.passings.insert(session.token_session, passings(1, 3)).then(
          () => true,
          () => false,
        ),
      'inserted',
    );
    for await (const batch of fleet.passings({ consumer: 'c' })) {
      expect(batch.token_session).toBe(session.token_session);
      await batch.ack();
      break;
    }
    const jsm = await jetstreamManager(nats);
    for await (const { config } of jsm.streams.list()) subjects.push(config.name, ...config.subjects);
    for await (const { name } of jsm.consumers.list('rufus-in')) subjects.push(name);
    expect(subjects.length).toBeGreaterThan(20);
    expect(subjects.filter((each) => each.includes(session.token_session.slice(0, 12)))).toEqual([]);
    expect(payloads.some((each) => each.includes(session.token_session))).toBe(true);
    expect([...subjects, ...payloads].filter((each) => each.includes(KEY))).toEqual([]);
  });
});
