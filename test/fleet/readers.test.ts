// F1 and F2: each passing once in the stream, whoever writes when.
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { contentsOf, faultsOf, opened, PACE, running, totalOf, until } from './support/fleet.js';
import { connected, describeWithServer, oneServer } from './support/nats-server.js';
import { passing, passings, raceApi } from './support/race-api.js';

const stored = async (nats: Parameters<typeof contentsOf>[0]) =>
  (await contentsOf(nats)).reduce((sum, batch) => sum + batch.passings.length, 0);

describeWithServer('readers', () => {
  it('store each passing once, in order, over sessions and holes', async () => {
    const { api, client } = await raceApi();
    const nats = await connected(await oneServer());
    const devices = Array.from({ length: 5 }, () => api.addDevice());
    const sessions = devices.map((device) => api.addSession(device));
    const fleet = await opened({ client, nats });
    running((signal) => fleet.follow({ devices: 'all', ...PACE, signal }));
    // A reader that begins after the second session would know nothing of the first.
    for (const session of sessions) api.addPassings(session, [passing(0)]);
    await until(async () => (await stored(nats)) === sessions.length, 'all devices are followed');
    for (let round = 0; round < 10; round++) {
      for (const session of sessions) {
        // Every tenth comes late.
        const numbers = passings(round * 10 + 1, 10).filter(({ num_passing }) => num_passing % 10 !== 5);
        api.addPassings(session, numbers);
      }
      await sleep(15);
      for (const session of sessions) api.addPassings(session, [passing(round * 10 + 5)]);
    }
    const second = api.addSession(devices[0]!, 'Heat 2');
    api.addPassings(second, passings(1, 7));
    await until(async () => (await stored(nats)) >= totalOf(api), 'all is in the stream');
    const batches = await contentsOf(nats);
    expect(faultsOf(api, batches)).toEqual([]);
    expect(batches.some(({ late }) => late)).toBe(true);
    expect(batches.find(({ token_session }) => token_session === second.token_session)!.session_alias).toBe('Heat 2');
    for (const { subject } of batches) expect(subject).toMatch(/^rufus\.in\.[A-F0-9]{64}\.\d+$/);
  });

  it('goes on where the stream says, after a stop and after all has expired', async () => {
    const { api, client } = await raceApi();
    const nats = await connected(await oneServer());
    const session = api.addSession(api.addDevice());
    const fleet = await opened({ client, nats, retain: { hours: 2 / 3600 } });
    const life = async (first: number): Promise<number[]> => {
      const worker = running((signal) => fleet.follow({ devices: 'all', ...PACE, signal }));
      api.addPassings(session, passings(first, 20));
      await until(async () => (await stored(nats)) >= 20, 'this life is in the stream');
      await worker.stop();
      const numbers = (await contentsOf(nats)).flatMap((batch) => batch.passings.map((each) => each.num_passing));
      await until(async () => (await stored(nats)) === 0, 'all has expired', 10_000);
      return numbers;
    };
    expect(await life(1)).toEqual(passings(1, 20).map(({ num_passing }) => num_passing));
    expect(await life(21)).toEqual(passings(21, 20).map(({ num_passing }) => num_passing));
    // As an operator may do it.
    await (await jetstreamManager(nats)).streams.purge('rufus-in');
    expect(await life(41)).toEqual(passings(41, 20).map(({ num_passing }) => num_passing));
  });

  it('give way to size as well, and lose no place by it', async () => {
    const { api, client } = await raceApi();
    const nats = await connected(await oneServer());
    const [quiet, busy] = [api.addSession(api.addDevice()), api.addSession(api.addDevice())];
    const maxBytes = 256 * 1024;
    const fleet = await opened({ client, nats, retain: { maxBytes } });
    const worker = running((signal) => fleet.follow({ devices: 'all', ...PACE, signal }));
    api.addPassings(quiet, passings(1, 5));
    await until(async () => (await stored(nats)) === 5, 'the quiet one is in the stream');
    for (let round = 0; round < 10; round++) {
      api.addPassings(busy, passings(round * 500 + 1, 500));
      const last = (round + 1) * 500;
      await until(async () => {
        const newest = (await contentsOf(nats)).at(-1)?.passings.at(-1);
        return newest?.num_passing === last;
      }, `round ${round} is in the stream`);
    }
    await worker.stop();
    const jsm = await jetstreamManager(nats);
    expect((await jsm.streams.info('rufus-in')).state.bytes).toBeLessThanOrEqual(maxBytes);
    expect((await contentsOf(nats)).some(({ token_session }) => token_session === quiet.token_session)).toBe(false);
    running((signal) => fleet.follow({ devices: 'all', ...PACE, signal }));
    api.addPassings(quiet, passings(6, 5));
    const ofQuiet = async () =>
      (await contentsOf(nats))
        .filter(({ token_session }) => token_session === quiet.token_session)
        .flatMap((batch) => batch.passings.map(({ num_passing }) => num_passing));
    await until(async () => (await ofQuiet()).length > 0, 'the quiet one is back');
    expect(await ofQuiet()).toEqual([6, 7, 8, 9, 10]);
  });
});
