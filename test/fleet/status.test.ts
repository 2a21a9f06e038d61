// F8: one view of all.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it, onTestFinished } from 'vitest';
import { fleetClient, openFleet, reportOutbox } from '../../src/fleet/index.js';
import { RufusConfigError } from '../../src/index.js';
import { openOutbox } from '../../src/outbox/index.js';
import { consuming, opened, PACE, Results, running, until } from './support/fleet.js';
import { cluster, connected, describeWithServer, oneServer } from './support/nats-server.js';
import { passings, raceApi } from './support/race-api.js';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rufus-status-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describeWithServer('the status of a fleet', () => {
  it('tells who works, what is followed, how far consumers are and what goes wrong', async () => {
    const { api, client } = await raceApi();
    const nats = await connected(await oneServer());
    const fleet = await opened({ client, nats });
    expect(await fleet.status()).toEqual({ workers: [], devices: [], consumers: [], boxes: [] });
    const [good, bad] = [api.addDevice(), api.addDevice()];
    api.addPassings(api.addSession(good), passings(1, 3));
    api.before = ({ path }) =>
      path.includes(bad.deviceid) ? { status: 403, body: { description: 'Not yours' } } : undefined;
    const reader = running((signal) => fleet.follow({ devices: 'all', ...PACE, signal }));
    const gate = running((signal) => fleet.serve({ signal }));
    for await (const batch of fleet.passings({ consumer: 'results' })) {
      expect(batch.passings.length).toBeGreaterThan(0);
      break;
    }
    await until(async () => {
      const { devices, workers } = await fleet.status();
      return devices.some(({ lastError }) => lastError !== null) && workers.length === 2;
    }, 'all is reported');
    const status = await fleet.status();
    expect(status.workers.map(({ role, devices }) => [role, devices]).sort()).toEqual([
      ['follow', 2],
      ['serve', 0],
    ]);
    const follower = status.workers.find(({ role }) => role === 'follow')!;
    expect(Date.parse(follower.seenAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(status.devices).toEqual(
      [
        {
          deviceid: good.deviceid,
          followedBy: follower.worker,
          lastPassingAt: passings(3, 1)[0]!.timestamp,
          lastError: null,
        },
        {
          deviceid: bad.deviceid,
          followedBy: follower.worker,
          lastPassingAt: null,
          lastError: expect.stringContaining('Not yours'),
        },
      ].sort((a, b) => (a.deviceid < b.deviceid ? -1 : 1)),
    );
    expect(status.consumers).toEqual([{ consumer: 'results', behind: expect.any(Number) }]);
    expect(status.consumers[0]!.behind).toBeGreaterThan(0);
    await Promise.all([reader.stop(), gate.stop()]);
    expect((await fleet.status()).workers).toEqual([]);
    expect((await fleet.status()).devices).toContainEqual(
      expect.objectContaining({ deviceid: good.deviceid, followedBy: null }),
    );
  });

  it('shows how each box stands, at each change of its state and now and then', async () => {
    const { client } = await raceApi();
    const server = await oneServer();
    const fleet = await opened({ client, nats: await connected(server) });
    const gate = running((signal) => fleet.serve({ signal }));
    const nats = await connected(server);
    const name = 'Matte 5, süd';
    const box = fleetClient({ nats, box: name, logLevel: 'off' });
    const outbox = await openOutbox({
      client: box,
      directory: await temporaryFolder(),
      session: { device: { type: 'reader', model: 'R1', serial_number: name }, open: 'active-or-new' },
      backoff: { firstMs: 10, maxMs: 50 },
      batch: { lingerMs: 0 },
    });
    onTestFinished(async () => void (await outbox.close()));
    const stop = reportOutbox(outbox, { nats, box: name, everyMs: 60_000 });
    const seen = async () => (await fleet.status()).boxes[0];
    await outbox.append({ bib: '1', timestamp: new Date() });
    await until(async () => (await seen())?.delivered === 1, 'the change of state is reported');
    expect(await seen()).toMatchObject({
      box: name,
      state: 'idle',
      storage: 'ok',
      pending: 0,
      parked: 0,
      oldestPendingAgeMs: null,
    });
    expect((await seen())!.token_session).toBe(`${outbox.token_session.slice(0, 8)}…`);
    await gate.stop();
    await outbox.append({ bib: '2', timestamp: new Date() });
    await until(async () => (await seen())?.state === 'backoff', 'that nobody serves is seen');
    expect((await seen())!.pending).toBe(1);
    await stop();
    const last = (await seen())!.seenAt;
    outbox.pause();
    expect((await seen())!.seenAt).toBe(last);
    expect(() => reportOutbox({} as never, { nats, box: name })).toThrow(RufusConfigError);
    expect(() => reportOutbox(outbox, { nats, box: name, everyMs: 0 })).toThrow('`everyMs`');
  });

  it('is reported now and then as well', async () => {
    const { client } = await raceApi();
    const nats = await connected(await oneServer());
    const fleet = await opened({ client, nats });
    const quiet = { stats: () => ({ token_session: 'ABCDEFGHIJK', state: 'idle' }), on() {}, off() {} };
    const stop = reportOutbox(quiet as never, { nats, box: 'b', everyMs: 50 });
    const times = new Set<string>();
    await until(async () => {
      const [box] = (await fleet.status()).boxes;
      if (box !== undefined) times.add(box.seenAt);
      return times.size > 2;
    }, 'three reports came');
    await stop();
  });

  it('is told while one of three servers is down, and a fleet is opened', { timeout: 60_000 }, async () => {
    const servers = await cluster(3);
    const { client } = await raceApi();
    const nats = await connected(servers[2]!);
    const fleet = await opened({ client, nats, replicas: 3 });
    consuming(fleet, new Results());
    await until(async () => (await fleet.status()).consumers.length === 1, 'there is a consumer');
    // Nothing but consumers loses its leader.
    const monitor = await fetch(`http://127.0.0.1:${servers[0]!.port + 1}/jsz`);
    const { leader } = ((await monitor.json()) as { meta_cluster: { leader: string } }).meta_cluster;
    const victim = leader === 'n1' ? 'n2' : 'n1';
    const jsm = await jetstreamManager(nats);
    for (const stream of ['rufus-in', 'rufus-boxes', 'KV_rufus-cursors', 'KV_rufus-workers']) {
      await until(async () => {
        const { cluster: group } = await jsm.streams.info(stream);
        if (group?.leader !== victim) return group?.leader !== undefined;
        await nats.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`);
        return false;
      }, `${stream} is led by another`);
    }
    await servers[Number(victim.slice(1)) - 1]!.stop();
    const [{ consumers }, another] = await Promise.all([fleet.status(), openFleet({ client, nats, replicas: 3 })]);
    expect(consumers).toEqual([{ consumer: 'results', behind: 0 }]);
    await another.close();
  });
});
