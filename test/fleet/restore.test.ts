// F9: servers that come back with an earlier copy of their files.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { consuming, opened, PACE, Results, running, totalOf, until } from './support/fleet.js';
import { Link } from './support/link.js';
import { batchOf, desk } from './support/logs.js';
import { connected, describeWithServer, oneServer } from './support/nats-server.js';
import { passings, raceApi } from './support/race-api.js';

const MESSAGES = 'jetstream/$G/streams/rufus-in/msgs';

async function race() {
  const { api, client } = await raceApi();
  const server = await oneServer();
  const sessions = Array.from({ length: 4 }, () => api.addSession(api.addDevice()));
  const fleet = async () => opened({ client, nats: await connected(server) });
  let last = 0;
  const run = (count: number) => {
    for (const session of sessions) api.addPassings(session, passings(last + 1, count));
    last += count;
  };
  return { api, client, server, sessions, fleet, run };
}

describeWithServer('a store that went back', () => {
  it('loses nothing, for consumers that had come further than it now goes', { timeout: 60_000 }, async () => {
    const { api, server, fleet, run } = await race();
    const reader = await fleet();
    running((signal) => reader.follow({ devices: 'all', ...PACE, signal }));
    const results = new Results();
    const consumer = await fleet();
    consuming(consumer, results);
    run(20);
    await until(() => results.rows.size === totalOf(api), 'the first part came');
    const copy = await server.copyStore();
    for (let batch = 0; batch < 10; batch++) {
      run(5);
      await until(() => results.rows.size === totalOf(api), `part ${batch} came`);
    }
    // Orderly, so that it writes down how far the consumers are.
    await server.stop('SIGTERM');
    // The messages only: what the consumers know stays as it is, ahead of them.
    await rm(join(server.storeFolder, MESSAGES), { recursive: true });
    await cp(join(copy, MESSAGES), join(server.storeFolder, MESSAGES), { recursive: true });
    run(5);
    await server.start();
    await until(() => results.rows.size === totalOf(api), 'what came after the restore is there');
    for (let batch = 0; batch < 15; batch++) {
      run(5);
      await until(() => results.rows.size === totalOf(api), `part ${batch} after it came`);
    }
    expect(results.faults(api)).toEqual([]);
  });

  it('nor for one that was not there when it happened', { timeout: 60_000 }, async () => {
    const { api, server, fleet, run } = await race();
    const reader = await fleet();
    running((signal) => reader.follow({ devices: 'all', ...PACE, signal }));
    const results = new Results();
    const first = consuming(await fleet(), results);
    run(20);
    await until(() => results.rows.size === totalOf(api), 'the first part came');
    const copy = await server.copyStore();
    for (let batch = 0; batch < 10; batch++) {
      run(5);
      await until(() => results.rows.size === totalOf(api), `part ${batch} came`);
    }
    await first.stop();
    const jsm = await jetstreamManager(await connected(server));
    const stoodAt = (await jsm.streams.info('rufus-in')).state.last_seq;
    // Orderly, so that it writes down how far the consumers are.
    await server.stop('SIGTERM');
    await rm(join(server.storeFolder, MESSAGES), { recursive: true });
    await cp(join(copy, MESSAGES), join(server.storeFolder, MESSAGES), { recursive: true });
    await server.start();
    // The stream grows beyond where the consumer stood, before that comes back.
    for (let batch = 0; batch < 30; batch++) {
      run(1);
      await until(async () => {
        // Right after the restart it may have no answer yet.
        const { devices } = await reader.status().catch(() => ({ devices: [{ lastPassingAt: null }] }));
        const newest = passings(70 + batch + 1, 1)[0]!.timestamp;
        return devices.every(({ lastPassingAt }) => lastPassingAt === newest);
      }, `part ${batch} is stored`);
    }
    expect((await jsm.streams.info('rufus-in')).state.last_seq).toBeGreaterThan(stoodAt);
    consuming(await fleet(), results);
    await until(() => results.rows.size === totalOf(api), 'all came');
    expect(results.faults(api)).toEqual([]);
  });

  it('nor for one that was cut off until the stream had grown beyond it again', { timeout: 60_000 }, async () => {
    const { client } = await raceApi();
    const server = await oneServer();
    const link = await Link.to(server.port);
    const far = await connected(server, { servers: `127.0.0.1:${link.port}` });
    const results = new Results();
    consuming(await opened({ client, nats: far }), results);
    // A writer that looks at nothing when it comes back.
    const log = (await desk({ client, nats: await connected(server) })).log('D');
    await log.open();
    const write = async (first: number, count: number): Promise<void> => {
      for (let number = first; number < first + count; number++) {
        await log.append(batchOf(number, 1), new AbortController().signal);
      }
    };
    await write(1, 5);
    const copy = await server.copyStore();
    await write(6, 10);
    await until(() => results.rows.size === 15, 'all came');
    link.cut();
    // Orderly, so that it writes down how far the consumers are.
    await server.stop('SIGTERM');
    await rm(join(server.storeFolder, MESSAGES), { recursive: true });
    await cp(join(copy, MESSAGES), join(server.storeFolder, MESSAGES), { recursive: true });
    await server.start();
    // In the place of ten old ones now lie ten that nobody has seen, and more.
    expect((await log.open())?.last).toBe(5);
    await log.append(batchOf(6, 10), new AbortController().signal);
    await write(16, 20);
    link.mend();
    await until(() => results.rows.size === 35, 'all came, those in the old places too');
  });
});
