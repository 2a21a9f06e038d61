// "How it is proven": processes, servers, links and the API fail at random while boxes write, readers read and consumers store. At
// the end the stream holds exactly what the API has, the API exactly what the boxes appended, each database each passing once.
//
// RUFUS_FLEET_STEPS=300 for a long run, RUFUS_FLEET_SEED to repeat one.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { totalOf, until } from '../support/fleet.js';
import { Link } from '../support/link.js';
import { cluster, describeWithServer, freePort, leaf, type NatsServer, oneServer } from '../support/nats-server.js';
import { passings } from '../support/race-api.js';
import { Nemesis } from './nemesis.js';
import { LEASE_MS, Race } from './race.js';

const STEPS = Number(process.env.RUFUS_FLEET_STEPS ?? 25);
const SEED = Number(process.env.RUFUS_FLEET_SEED ?? 20_261_127);

/** Three servers, a leaf node at the course, and a link between any two of them. */
async function ground(): Promise<{ servers: NatsServer[]; course: NatsServer; lines: Map<string, Link[]> }> {
  const lines = new Map<string, Link[]>();
  const between = async (from: string, to: string, port: number): Promise<number> => {
    const link = await Link.to(port);
    const pair = [from, to].sort().join('-');
    lines.set(pair, [...(lines.get(pair) ?? []), link]);
    return link.port;
  };
  const leaves = await Promise.all([freePort(), freePort(), freePort()]);
  const servers = await cluster(3, { between, leaves });
  const course = await leaf(await Promise.all(leaves.map((port, index) => between('course', `n${index + 1}`, port))));
  // The course is cut off as a whole.
  const wires = [...lines].filter(([pair]) => pair.startsWith('course')).flatMap(([, links]) => links);
  for (const pair of [...lines.keys()]) if (pair.startsWith('course')) lines.delete(pair);
  lines.set('the course off', wires);
  return { servers, course, lines };
}

describeWithServer('the oracle', () => {
  it('finds each passing once, in order, whatever failed meanwhile', { timeout: 120_000 + STEPS * 2_500 }, async () => {
    const { servers, course, lines } = await ground();
    const race = await Race.prepare(3);
    await Promise.all([
      ...['gate-1', 'gate-2'].map((name) => race.post(name, 'serve', servers)),
      ...['results-1', 'results-2'].map((name) => race.consumer(name, 'results', servers, { workMs: 2 })),
      race.consumer('board-1', 'board', servers),
      ...[1, 2, 3, 4].map((index) => race.box(index, [course], 15)),
    ]);
    await race.ready();
    // Only now: a device that a box binds later is found within a minute.
    await Promise.all(['reader-1', 'reader-2', 'reader-3'].map((name) => race.post(name, 'follow', servers)));
    await race.ready();
    await until(() => race.api.sessions.size === 4 && totalOf(race.api) > 40, 'the race has begun');
    const begun = performance.now();
    const nemesis = new Nemesis(SEED, { race, servers, lines });
    await nemesis.steps(STEPS);
    await race.ready();
    const appended = await race.finish();
    const total = [...appended.values()].reduce((sum, count) => sum + count, 0);
    await Promise.all([race.caughtUp('results'), race.caughtUp('board')]);
    // A batch that came twice would come now.
    await sleep(500);
    console.log(
      JSON.stringify({
        seed: SEED,
        steps: STEPS,
        seconds: Math.round((performance.now() - begun) / 1000),
        passings: total,
        duplicatesAtApi: race.api.duplicates,
        ...Object.fromEntries(nemesis.done),
      }),
    );
    const hint = `RUFUS_FLEET_SEED=${SEED}`;
    expect(race.faultsOfApi(appended), hint).toEqual([]);
    expect(await race.faultsOfStream(servers), hint).toEqual([]);
    expect(await race.faultsOfConsumer('results'), hint).toEqual([]);
    expect(await race.faultsOfConsumer('board'), hint).toEqual([]);
    expect(total).toBeGreaterThan(STEPS * 5);
  });

  it('catches readers that write without a condition: the control', { timeout: 90_000 }, async () => {
    const servers = [await oneServer()];
    const race = await Race.prepare(1);
    const session = race.api.addSession(race.api.addDevice('mat'));
    const readers = await Promise.all(
      ['reader-1', 'reader-2'].map((name) => race.post(name, 'follow', servers, { unfenced: true })),
    );
    await race.ready();
    let isOver = false;
    const running = (async () => {
      for (let number = 1; !isOver; number++) {
        race.api.addPassings(session, passings(number, 1));
        await sleep(10);
      }
    })();
    // Each sleeps for longer than its lease, and wakes with a device that is another's by then.
    for (let nap = 0; nap < 12 && (await race.faultsOfStream(servers)).every(isMissing); nap++) {
      const { worker } = readers[nap % 2]!;
      worker.pause();
      await sleep(LEASE_MS * 1.5);
      worker.resume();
      await sleep(LEASE_MS);
    }
    isOver = true;
    await running;
    expect((await race.faultsOfStream(servers)).filter((fault) => !isMissing(fault)).length).toBeGreaterThan(0);
  });
});

/** Not stored yet. */
const isMissing = (fault: string): boolean => fault.endsWith('is missing');
