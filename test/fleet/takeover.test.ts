// F4 and F5: devices of a worker that is gone are read by others, and all share them out evenly.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Fleet, FleetStatus } from '../../src/fleet/index.js';
import { opened, PACE, running, until } from './support/fleet.js';
import { connected, describeWithServer, oneServer } from './support/nats-server.js';
import { WorkerProcess } from './support/processes.js';
import { clientOf, KEY, type RaceApi, raceApi } from './support/race-api.js';

/** Who polls which device, and when it last did, as the API sees it. */
class Polls {
  readonly by = new Map<string, { worker: string; at: number }>();
  readonly moves: string[] = [];

  constructor(api: RaceApi) {
    api.keepsRequests = false;
    api.onRequest = ({ path, headers }) => {
      const deviceid = /^\/passings\/device2\/(\w+)/.exec(path)?.[1];
      const worker = /\((.+)\)/.exec(String(headers['user-agent']))?.[1];
      if (deviceid === undefined || worker === undefined) return;
      const last = this.by.get(deviceid);
      if (last !== undefined && last.worker !== worker)
        this.moves.push(`${deviceid.slice(0, 6)} ${last.worker} ${worker}`);
      this.by.set(deviceid, { worker, at: performance.now() });
    };
  }

  of(worker: string): string[] {
    return [...this.by].filter(([, last]) => last.worker === worker).map(([deviceid]) => deviceid);
  }
}

const spread = ({ workers }: FleetStatus): number[] =>
  workers
    .filter(({ role }) => role === 'follow')
    .map(({ devices }) => devices)
    .sort((a, b) => a - b);

async function ground(devices: number, leaseMs: number) {
  const { api, client } = await raceApi();
  for (let index = 0; index < devices; index++) api.addSession(api.addDevice());
  const server = await oneServer();
  const watcher = await opened({ client, nats: await connected(server), leaseMs });
  const polls = new Polls(api);
  const follow = (name: string, more = {}) =>
    WorkerProcess.start({
      role: 'follow',
      name,
      servers: [server.address],
      apiUrl: api.url,
      apiKey: KEY,
      leaseMs,
      pollMs: { min: 50, max: 100 },
      ...more,
    });
  return { api, client, server, watcher, polls, follow };
}

async function balanced(watcher: Fleet, expected: readonly number[], ms?: number): Promise<void> {
  await until(
    async () => JSON.stringify(spread(await watcher.status())) === JSON.stringify(expected),
    `shared out as ${expected}`,
    ms,
  );
}

describeWithServer('devices of a worker', () => {
  it('that is killed are read by others once its lease is over', { timeout: 60_000 }, async () => {
    const leaseMs = 1_500;
    const { polls, watcher, follow } = await ground(6, leaseMs);
    const [a] = await Promise.all([follow('a'), follow('b')]);
    await balanced(watcher, [3, 3]);
    await until(() => polls.of('a').length === 3 && polls.of('b').length === 3, 'both poll');
    const orphans = polls.of('a');
    await a!.kill();
    const killedAt = performance.now();
    await until(() => orphans.every((deviceid) => polls.by.get(deviceid)!.worker === 'b'), 'b reads all of them');
    // What the machine does besides may take its time, too.
    expect(performance.now() - killedAt).toBeLessThan(leaseMs + 2_000 + 2_000);
    await balanced(watcher, [6]);
  });

  it('that stops are read by others at once', { timeout: 60_000 }, async () => {
    const { polls, follow } = await ground(6, 20_000);
    const [a] = await Promise.all([follow('a'), follow('b')]);
    await until(() => polls.of('a').length === 3 && polls.of('b').length === 3, 'both poll');
    const orphans = polls.of('a');
    const stoppedAt = performance.now();
    await a!.terminate();
    await until(() => orphans.every((deviceid) => polls.by.get(deviceid)!.worker === 'b'), 'b reads all of them');
    expect(performance.now() - stoppedAt).toBeLessThan(1_000 + 3_000);
  });

  it('are its own no longer when it wakes from a sleep above its lease', { timeout: 60_000 }, async () => {
    const leaseMs = 1_000;
    const { polls, watcher, follow } = await ground(4, leaseMs);
    const [a] = await Promise.all([follow('a'), follow('b')]);
    await balanced(watcher, [2, 2]);
    a!.pause();
    await balanced(watcher, [4]);
    await until(() => polls.of('b').length === 4, 'b reads all');
    a!.resume();
    await balanced(watcher, [2, 2]);
    // Shared out is not yet read: each begins when the other has let go.
    await until(() => polls.of('a').length === 2, 'a reads its half');
    polls.moves.length = 0;
    await sleep(leaseMs * 2);
    expect(polls.moves).toEqual([]);
  });
});

describeWithServer('workers', () => {
  it('share out evenly, and move no more than that takes', { timeout: 60_000 }, async () => {
    const { api, server, watcher, polls } = await ground(10, 1_000);
    const join = async (name: string, more = {}) => {
      const client = clientOf(api, { appInfo: { name } });
      const fleet = await opened({ client, nats: await connected(server) });
      return running((signal) => fleet.follow({ devices: 'all', ...PACE, ...more, signal }));
    };
    const a = await join('a');
    await balanced(watcher, [10]);
    await until(() => polls.of('a').length === 10, 'a reads all');
    await join('b');
    await balanced(watcher, [5, 5], 3_000 + 3_000);
    await until(() => polls.of('b').length === 5, 'b reads its half');
    expect(polls.moves).toHaveLength(5);
    await join('c');
    await balanced(watcher, [3, 3, 4]);
    await until(() => polls.of('c').length === 3, 'c reads its share');
    expect(polls.moves).toHaveLength(8);
    const had = polls.of('a').length;
    await a.stop();
    await balanced(watcher, [5, 5]);
    await until(() => polls.of('a').length === 0, 'all are read');
    expect(polls.moves).toHaveLength(8 + had);
    await join('d', { maxDevices: 1 });
    await balanced(watcher, [1, 4, 5]);
    const { devices } = await watcher.status();
    expect(devices).toHaveLength(10);
    expect(devices.every(({ followedBy }) => followedBy !== null)).toBe(true);
  });

  it('take up new devices by themselves, and wait for none that hangs', { timeout: 60_000 }, async () => {
    const { api, client, server } = await ground(3, 1_000);
    const [hanging, ...others] = [...api.devices.values()];
    api.before = ({ path }) => (path.includes(hanging!.deviceid) ? 'hang' : undefined);
    const fleet = await opened({ client, nats: await connected(server) });
    running((signal) => fleet.follow({ devices: [...api.devices.keys()], ...PACE, signal }));
    for (const { sessions } of others)
      api.addPassings(sessions[0]!, [{ num_passing: 1, bib: '1', timestamp: new Date().toISOString() }]);
    await until(async () => {
      const { devices } = await fleet.status();
      return devices.filter(({ lastPassingAt }) => lastPassingAt !== null).length === 2;
    }, 'the others are read');
    const { devices } = await fleet.status();
    expect(devices.find(({ deviceid }) => deviceid === hanging!.deviceid)).toMatchObject({ lastPassingAt: null });
  });
});
