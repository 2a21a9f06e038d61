import { describe, expect, it } from 'vitest';
import {
  type FollowAllBatch,
  type FollowAllCursor,
  type FollowAllOptions,
  NotFoundError,
  PermissionDeniedError,
  RufusAbortError,
  RufusClient,
  RufusConfigError,
  type RufusError,
} from '../../src/index.js';
import { Sandbox } from '../../src/testing/index.js';
import { answerOf } from '../support/client.js';
import { range, read, Spy } from './support.js';

const QUICK = { pollMs: { min: 2, max: 10 } };

async function devices(count: number) {
  const sandbox = new Sandbox();
  const spy = new Spy(sandbox.dispatcher);
  const writer = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
  const client = new RufusClient({ apiKey: sandbox.keys.read, dispatcher: spy, logLevel: 'off' });
  const mats: { deviceid: string; token_session: string }[] = [];
  for (let index = 0; index < count; index++) {
    const { deviceid } = await writer.devices.bind({ type: 'reader', model: 'R1', serial_number: String(index) });
    mats.push({ deviceid, token_session: (await writer.sessions.create({ deviceid })).token_session });
  }
  return {
    spy,
    mats: mats as [(typeof mats)[0], (typeof mats)[0], ...typeof mats],
    ids: mats.map(({ deviceid }) => deviceid),
    write: (mat: { token_session: string }, from: number, to: number) =>
      writer.passings.insertMany(mat.token_session, Array.from(range(from, to), read), { batchSize: 2_000 }),
    followAll: (ids: readonly string[], options: FollowAllOptions = {}) =>
      client.passings.followAll(ids, { ...QUICK, ...options }),
  };
}

/** Takes batches until so many passings have come; the numbers of each device. */
async function take(
  batches: AsyncIterable<FollowAllBatch>,
  count: number,
  onBatch?: (batch: FollowAllBatch) => unknown,
) {
  const numbers: Record<string, number[]> = {};
  let cursor: FollowAllCursor = {};
  let taken = 0;
  for await (const batch of batches) {
    const before = numbers[batch.deviceid] ?? [];
    numbers[batch.deviceid] = before.concat(batch.passings.map(({ num_passing }) => num_passing));
    cursor = batch.cursor;
    taken += batch.passings.length;
    await onBatch?.(batch);
    if (taken >= count) break;
  }
  return { numbers, cursor };
}

const upTo = (last: number, first = 1) => Array.from(range(first, last));

describe('followAll', () => {
  it('gives every passing of each device once, in order, and a cursor for all of them', async () => {
    const { mats, ids, write, followAll } = await devices(3);
    const sending = Promise.all(
      mats.map(async (mat, index) => {
        for (let from = 1; from <= 300; from += 50) await write(mat, from, from + 49 - index);
      }),
    );
    const { numbers, cursor } = await take(followAll(ids), 3 * 300 - 6 * 3);
    await sending;
    for (const [index, deviceid] of ids.entries()) {
      const expected = upTo(300).filter((number) => ((number - 1) % 50) + 1 <= 50 - index);
      expect(numbers[deviceid]).toEqual(expected);
      expect(cursor[deviceid]).toMatchObject({ token_session: mats[index]!.token_session, last: expected.at(-1) });
    }
  });

  it('resumes each device after its own last passing', async () => {
    const { mats, ids, write, followAll } = await devices(2);
    await write(mats[0], 1, 10);
    await write(mats[1], 1, 5);
    const { cursor } = await take(followAll(ids), 15);
    await write(mats[0], 11, 12);
    await write(mats[1], 6, 9);
    const stored = JSON.parse(JSON.stringify(cursor)) as FollowAllCursor;
    const { numbers } = await take(followAll(ids, { cursor: stored }), 6);
    expect(numbers).toEqual({ [ids[0]!]: [11, 12], [ids[1]!]: [6, 7, 8, 9] });
  });

  it('keeps in the cursor what it knows of a device that is not followed now', async () => {
    const { mats, ids, write, followAll } = await devices(2);
    await write(mats[0], 1, 3);
    await write(mats[1], 1, 3);
    const both = await take(followAll(ids), 6);
    await write(mats[0], 4, 4);
    const one = await take(followAll([ids[0]!], { cursor: both.cursor }), 1);
    expect(one.cursor[ids[1]!]).toEqual(both.cursor[ids[1]!]);
  });

  it.each([
    ['at once', (batches: FollowAllBatch[]) => batches.at(-1)],
    ['every fourth at once', (batches: FollowAllBatch[]) => (batches.length % 4 === 0 ? batches.at(-1) : undefined)],
    ['when the next one is there', (batches: FollowAllBatch[]) => batches.at(-2)],
    ['in the end', () => undefined],
  ])('gives the cursor as of its batch, whenever it is read: %s', async (_, nextToRead) => {
    const { mats, ids, write, followAll } = await devices(3);
    const other = { F: { token_session: 'T', last: 1 } };
    for (const mat of mats) await write(mat, 1, 1);
    const batches: FollowAllBatch[] = [];
    for await (const batch of followAll(ids, { cursor: other })) {
      if (batches.push(batch) === 30) break;
      void nextToRead(batches)?.cursor;
      const { num_passing } = batch.passings.at(-1)!;
      await write(mats[ids.indexOf(batch.deviceid)]!, num_passing + 1, num_passing + 1);
    }
    let expected: FollowAllCursor = other;
    for (const batch of batches) {
      const { deviceid, token_session, passings } = batch;
      expected = { ...expected, [deviceid]: { token_session, last: passings.at(-1)!.num_passing } };
      expect({ ...batch }.cursor).toEqual(expected);
      expect(structuredClone(batch).cursor).toEqual(expected);
      expect(JSON.parse(JSON.stringify(batch)).cursor).toEqual(expected);
      expect(batch.cursor).toBe(batch.cursor);
      batch.cursor = other;
      expect(batch.cursor).toBe(other);
    }
  });

  it('lets devices take turns, and asks no more of one before its batch is worked on', async () => {
    const { spy, mats, ids, write, followAll } = await devices(2);
    await write(mats[0], 1, 15_000);
    await write(mats[1], 1, 15_000);
    const order: string[] = [];
    await take(followAll(ids), 30_000, async ({ deviceid }) => {
      order.push(deviceid);
      const asked = () => spy.of(`/passings/device2/${deviceid}`).length;
      const before = asked();
      await new Promise((resolve) => setTimeout(resolve, 15));
      expect(asked()).toBe(before);
    });
    expect(order.slice(0, 4)).toEqual([...order.slice(0, 2), ...order.slice(0, 2)]);
    expect(new Set(order.slice(0, 2)).size).toBe(2);
  });

  it('ends with the error of any of its devices', async () => {
    const { spy, mats, ids, write, followAll } = await devices(2);
    await write(mats[0], 1, 3);
    const missing = take(followAll([...ids, 'F'.repeat(64)]), 99);
    await expect(missing).rejects.toThrow(NotFoundError);
    spy.alter = ({ path }) => (path.includes(ids[1]!) ? answerOf(403, { description: 'no' }) : undefined);
    await expect(take(followAll(ids), 99)).rejects.toThrow(PermissionDeniedError);
    expect(spy.inFlight).toBe(0);
    const { length } = spy.asked;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(spy.asked).toHaveLength(length);
  });

  it('goes on with the others where onEnd is told, and ends once there are none', async () => {
    const { spy, mats, ids, write, followAll } = await devices(2);
    const ended: [string, string][] = [];
    const onEnd = (deviceid: string, { code }: RufusError) => {
      ended.push([deviceid, code]);
      void write(mats[0], 1, 3);
    };
    const { numbers } = await take(followAll(['F'.repeat(64), ...ids], { onEnd }), 3);
    expect(numbers).toEqual({ [ids[0]!]: [1, 2, 3] });
    expect(ended).toEqual([['F'.repeat(64), 'not_found']]);
    spy.alter = () => answerOf(401, { description: 'no' });
    await take(followAll(ids, { onEnd }), 99);
    expect(ended.slice(1).map(([, code]) => code)).toEqual(['unauthenticated', 'unauthenticated']);
    const thrown = new Error('mine');
    const throwing = () => {
      throw thrown;
    };
    await expect(take(followAll(ids, { onEnd: throwing }), 99)).rejects.toBe(thrown);
  });

  it('tells of which device a state is', async () => {
    const { spy, mats, ids, write, followAll } = await devices(2);
    await write(mats[0], 1, 1);
    await write(mats[1], 1, 1);
    let isCut = true;
    spy.alter = ({ path }) => (isCut && path.includes(ids[1]!) ? answerOf(503, '') : undefined);
    const states: [string, string][] = [];
    const onState = (deviceid: string, { state }: { state: string }) => {
      states.push([deviceid, state]);
      isCut = false;
    };
    await take(followAll(ids, { onState }), 2);
    expect(states).toEqual([
      [ids[1], 'outage'],
      [ids[1], 'live'],
    ]);
  });

  it('ends by the signal, with or without onEnd', async () => {
    const { ids, followAll } = await devices(2);
    for (const onEnd of [undefined, () => {}]) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 20);
      await expect(take(followAll(ids, { signal: stop.signal, onEnd }), 1)).rejects.toThrow(RufusAbortError);
    }
  });

  it('ends by return while somebody waits, and leaves no request behind', async () => {
    const { spy, ids, followAll } = await devices(2);
    const iterator = followAll(ids)[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await iterator.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(spy.inFlight).toBe(0);
  });

  it('ends at once without devices, and follows one once that is named twice', async () => {
    const { mats, ids, write, followAll } = await devices(2);
    expect(await take(followAll([]), 1)).toEqual({ numbers: {}, cursor: {} });
    await write(mats[0], 1, 5);
    const { numbers } = await take(followAll([ids[0]!, ids[0]!]), 5);
    expect(numbers).toEqual({ [ids[0]!]: [1, 2, 3, 4, 5] });
    const ended: string[] = [];
    const missing = 'F'.repeat(64);
    await take(followAll([missing, missing], { onEnd: (deviceid) => ended.push(deviceid) }), 1);
    expect(ended).toEqual([missing]);
  });

  it.each([
    [{ cursor: 'text' }, /damaged/],
    [{ cursor: [] }, /damaged/],
    [{ onEnd: 7 }, /onEnd/],
    [{ onState: 7 }, /onState/],
    [{ curser: {} }, /Unknown option `curser`. Did you mean `cursor`/],
  ])('refuses %j', async (options, message) => {
    const { ids, followAll } = await devices(2);
    const refused = take(followAll(ids, options as never), 1);
    await expect(refused).rejects.toThrow(RufusConfigError);
    await expect(take(followAll(ids, options as never), 1)).rejects.toThrow(message);
  });

  it('refuses a damaged cursor of one device as follow does', async () => {
    const { ids, followAll } = await devices(2);
    const cursor = { [ids[1]!]: { token_session: 'T', last: -1 } };
    await expect(take(followAll(ids, { cursor }), 1)).rejects.toThrow(/cursor is damaged: last/);
  });
});
