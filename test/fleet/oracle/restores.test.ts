// F9: the store is put back to an earlier copy, again and again, while everything runs. Nothing is lost on either side, a database
// with a natural key counts each passing once, and nobody stays stuck.
//
// RUFUS_FLEET_RESTORES=50 for a long run, RUFUS_FLEET_SEED to repeat one.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Random } from '../../outbox/disk/random.js';
import { contentsOf, totalOf, until } from '../support/fleet.js';
import { connected, describeWithServer, type NatsServer, oneServer } from '../support/nats-server.js';
import { passings } from '../support/race-api.js';
import { Race } from './race.js';

const RESTORES = Number(process.env.RUFUS_FLEET_RESTORES ?? 4);
const SEED = Number(process.env.RUFUS_FLEET_SEED ?? 20_261_127);
const STREAMS = 'jetstream/$G/streams';

/** Puts back all that is stored, or a part of it only: nobody promises that the files of a server are of one moment. */
async function putBack(server: NatsServer, copy: string, random: Random): Promise<string> {
  const part = random.pick(['', '', join(STREAMS, 'rufus-in'), join(STREAMS, 'rufus-in', 'msgs')]);
  if (part === '') await server.restoreStore(copy);
  else {
    await rm(join(server.storeFolder, part), { recursive: true, force: true });
    await cp(join(copy, part), join(server.storeFolder, part), { recursive: true });
  }
  return part === '' ? 'the whole store' : part.slice(STREAMS.length + 1);
}

async function race(restores: number, consumer: { key: 'natural' | 'sequence' }) {
  const random = new Random(SEED);
  const server = await oneServer();
  const servers = [server];
  const race = await Race.prepare(1);
  const sessions = Array.from({ length: 3 }, (_, index) => race.api.addSession(race.api.addDevice(`mat-${index}`)));
  await Promise.all([
    race.post('gate-1', 'serve', servers),
    race.consumer('results-1', 'results', servers, consumer),
    race.box(1, servers, 20),
  ]);
  await race.ready();
  // Only now: a device that the box binds later is found within a minute.
  await Promise.all([race.post('reader-1', 'follow', servers), race.post('reader-2', 'follow', servers)]);
  await race.ready();
  let isOver = false;
  const running = (async () => {
    for (let last = 0; !isOver; last += 3) {
      for (const session of sessions) race.api.addPassings(session, passings(last + 1, 3));
      await sleep(20 + random.int(60));
    }
  })();
  await until(async () => (await race.rows('results')).length > 30, 'the race has begun');
  const parts = new Map<string, number>();
  for (let restore = 0; restore < restores; restore++) {
    // Copied while it is written to, as a snapshot of a disk is.
    const copy = await server.copyStore();
    await sleep(100 + random.int(500));
    await server.stop();
    const part = await putBack(server, copy, random);
    parts.set(part, (parts.get(part) ?? 0) + 1);
    await server.start();
    const before = (await race.rows('results')).length;
    await until(
      async () => (await race.rows('results')).length > before || consumer.key === 'sequence',
      'nobody is stuck',
    );
    await sleep(100 + random.int(300));
  }
  isOver = true;
  await running;
  const appended = await race.finish();
  return { race, server, appended, parts };
}

describeWithServer('a store that goes back while all runs', () => {
  it(`${RESTORES} times, loses nothing`, { timeout: 60_000 + RESTORES * 10_000 }, async () => {
    const { race: done, server, appended, parts } = await race(RESTORES, { key: 'natural' });
    await done.caughtUp('results');
    console.log(
      JSON.stringify({ seed: SEED, restores: RESTORES, passings: totalOf(done.api), ...Object.fromEntries(parts) }),
    );
    const hint = `RUFUS_FLEET_SEED=${SEED}`;
    expect(
      done.faultsOfApi(appended).filter((fault) => !fault.startsWith('mat-')),
      hint,
    ).toEqual([]);
    // What was read again may come again, behind what came later: a row is a row.
    expect(await done.faultsOfConsumer('results', false), hint).toEqual([]);
    const nats = await connected(server);
    const stored = new Set(
      (await contentsOf(nats)).flatMap(({ token_session, passings: each }) =>
        each.map(({ num_passing }) => `${token_session}/${num_passing}`),
      ),
    );
    expect(stored.size, hint).toBe(totalOf(done.api));
  });

  it('is the end of who takes a sequence of the broker for a key: the control', { timeout: 90_000 }, async () => {
    const { race: done } = await race(3, { key: 'sequence' });
    await sleep(2_000);
    expect((await done.faultsOfConsumer('results', false)).length).toBeGreaterThan(0);
  });
});
