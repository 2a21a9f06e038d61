// F2: who may write behind which message, decided by the log itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { partsOf } from '../../src/fleet/batches.js';
import { Superseded } from '../../src/fleet/device-log.js';
import type { FollowBatch } from '../../src/index.js';
import { contentsOf, until } from './support/fleet.js';
import { Link } from './support/link.js';
import { batchOf, desk } from './support/logs.js';
import { cluster, connected, describeWithServer, oneServer } from './support/nats-server.js';
import { passings, raceApi } from './support/race-api.js';

const never = new AbortController().signal;
const numbersOf = (batches: readonly Pick<FollowBatch, 'passings'>[]) =>
  batches.flatMap((batch) => batch.passings.map(({ num_passing }) => num_passing));

describeWithServer('two readers of one device', () => {
  it.each([
    ['one server', 1],
    ['a cluster of three', 3],
  ] as const)('on %s: one of them writes, the other learns of it', { timeout: 60_000 }, async (_, replicas) => {
    const { client } = await raceApi();
    const servers = replicas === 1 ? [await oneServer()] : await cluster(3);
    const logs = [];
    for (let index = 0; index < 2; index++) {
      const nats = await connected(servers[index % servers.length]!);
      const { log } = await desk({ client, nats, replicas });
      logs.push(log('D'));
    }
    let written = 0;
    for (let round = 0; round < 40; round++) {
      const cursors = await Promise.all(logs.map((log) => log.open()));
      for (const cursor of cursors) expect(cursor?.last ?? 0).toBe(written);
      const outcomes = await Promise.allSettled(
        logs.map((log) => log.append(batchOf(written + 1, 1 + (round % 3)), never)),
      );
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const [lost] = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      expect(lost).toBeInstanceOf(Superseded);
      written += 1 + (round % 3);
    }
    const nats = await connected(servers[0]!);
    expect(numbersOf(await contentsOf(nats))).toEqual(passings(1, written).map(({ num_passing }) => num_passing));
  });

  it('go on from a lost answer as if it had come', { timeout: 60_000 }, async () => {
    const { client } = await raceApi();
    const server = await oneServer();
    const link = await Link.to(server.port);
    const nats = await connected(server, { servers: `127.0.0.1:${link.port}`, pingInterval: 1_000, maxPingOut: 2 });
    const { log } = await desk({ client, nats });
    const own = log('D');
    await own.open();
    await own.append(batchOf(1, 2), never);
    // The message arrives, its answer does not.
    link.swallow();
    const appended = own.append(batchOf(3, 2), never);
    await sleep(300);
    link.cut();
    await sleep(100);
    link.mend();
    await appended;
    await own.append(batchOf(5, 1), never);
    const there = await connected(server);
    expect(numbersOf(await contentsOf(there))).toEqual([1, 2, 3, 4, 5]);
    // What was written in the meantime by another is seen in the same way.
    const { log: otherLog } = await desk({ client, nats: there });
    const other = otherLog('D');
    await other.open();
    link.cut();
    const late = own.append(batchOf(6, 1), never);
    await other.append(batchOf(6, 3), never);
    link.mend();
    await expect(late).rejects.toBeInstanceOf(Superseded);
    expect((await own.open())?.last).toBe(8);
    expect(numbersOf(await contentsOf(there))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('are told apart for good, not only as long as the server remembers names', async () => {
    const { client } = await raceApi();
    const nats = await connected(await oneServer());
    const { log, store } = await desk({ client, nats, retain: { hours: 1 / 3600 } });
    const sleeper = log('D');
    await sleeper.open();
    await sleeper.append(batchOf(1, 1), never);
    const other = log('D');
    await other.open();
    await other.append(batchOf(2, 1), never);
    await until(async () => (await store.extent()).first > 2, 'all has expired, and the names with it');
    await expect(sleeper.append(batchOf(2, 5), never)).rejects.toBeInstanceOf(Superseded);
  });

  it('are not deceived by a sequence that was given twice', { timeout: 60_000 }, async () => {
    const { client } = await raceApi();
    const server = await oneServer();
    const { log } = await desk({ client, nats: await connected(server) });
    const { log: otherLog } = await desk({ client, nats: await connected(server) });
    const sleeper = log('D');
    await sleeper.open();
    await sleeper.append(batchOf(1, 10), never);
    const copy = await server.copyStore();
    await sleeper.append(batchOf(11, 10), never);
    await server.stop();
    await server.restoreStore(copy);
    await server.start();
    // Another gives the second sequence to fewer passings than the sleeper did.
    const other = otherLog('D');
    expect((await other.open())?.last).toBe(10);
    await other.append(batchOf(11, 5), never);
    // To the sleeper, all looks as it left it.
    await expect(sleeper.append(batchOf(21, 10), never)).rejects.toBeInstanceOf(Superseded);
    // Whoever opens the log now goes on where it is whole: some come twice, none is left out.
    const third = otherLog('D');
    expect((await third.open())?.last).toBe(15);
    await third.append(batchOf(16, 5), never);
    const nats = await connected(server);
    expect(new Set(numbersOf(await contentsOf(nats)))).toEqual(
      new Set([...passings(1, 20), ...passings(21, 10)].map(({ num_passing }) => num_passing)),
    );
    expect((await otherLog('D').open())?.last).toBe(20);
  });

  it('find the place of a device whose batches have left the stream, and not that of a stream that went back', async () => {
    const { client } = await raceApi();
    const server = await oneServer();
    const nats = await connected(server);
    const { log, store } = await desk({ client, nats });
    const empty = await server.copyStore('empty');
    const own = log('D');
    await own.open();
    await own.append(batchOf(1, 3), never);
    await own.settled();
    await store.jsm.streams.purge(store.names.stream);
    expect(await log('D').open()).toEqual({ token_session: 'S', last: 3 });
    await expect(own.append(batchOf(4, 2), never)).rejects.toBeInstanceOf(Superseded);
    await own.open();
    await own.append(batchOf(4, 2), never);
    expect((await log('D').open())?.last).toBe(5);
    // Only the stream goes back to where it was empty; the cursors stay as they are.
    await server.stop();
    const streams = 'jetstream/$G/streams/rufus-in';
    const { cp, rm } = await import('node:fs/promises');
    await rm(`${server.storeFolder}/${streams}`, { recursive: true });
    await cp(`${empty}/${streams}`, `${server.storeFolder}/${streams}`, { recursive: true });
    await server.start();
    expect(await log('D').open()).toBeUndefined();
  });
});

describe('a batch above the size of a message', () => {
  const fits = (most: number) => (batch: FollowBatch) => batch.passings.length <= most;
  it('comes in parts, each with the cursor that is true after it', () => {
    const batch: FollowBatch = {
      ...batchOf(11, 8),
      cursor: {
        token_session: 'S',
        last: 18,
        holes: [
          [3, 4],
          [9, 9],
        ],
      },
    };
    batch.passings = batch.passings.filter(({ num_passing }) => num_passing !== 14);
    batch.cursor.holes = [...batch.cursor.holes!, [14, 14]];
    const parts = [...partsOf(batch, fits(2))];
    expect(numbersOf(parts)).toEqual([11, 12, 13, 15, 16, 17, 18]);
    expect(parts.map(({ cursor }) => cursor)).toEqual([
      {
        token_session: 'S',
        last: 11,
        holes: [
          [3, 4],
          [9, 9],
        ],
      },
      {
        token_session: 'S',
        last: 13,
        holes: [
          [3, 4],
          [9, 9],
        ],
      },
      {
        token_session: 'S',
        last: 16,
        holes: [
          [3, 4],
          [9, 9],
          [14, 14],
        ],
      },
      {
        token_session: 'S',
        last: 18,
        holes: [
          [3, 4],
          [9, 9],
          [14, 14],
        ],
      },
    ]);
  });

  it('keeps late ones missing until their part is written', () => {
    const late = { ...batchOf(4, 4), late: true, cursor: { token_session: 'S', last: 20, holes: [[2, 3] as const] } };
    expect([...partsOf(late, fits(2))].map(({ cursor }) => cursor.holes)).toEqual([
      [
        [2, 3],
        [6, 7],
      ],
      [[2, 3]],
    ]);
    expect(
      [...partsOf({ ...late, cursor: { token_session: 'S', last: 20 } }, fits(1))].map(({ cursor }) => cursor.holes),
    ).toEqual([[[5, 7]], [[6, 7]], [[7, 7]], undefined]);
  });
});
