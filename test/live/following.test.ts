import { describe, expect, it } from 'vitest';
import type { FollowBatch } from '../../src/index.js';
import { altering, polls, Reader, range, read, start } from './support.js';

const numbersOf = (batches: readonly FollowBatch[]) =>
  batches.flatMap(({ passings }) => passings.map(({ num_passing }) => num_passing));

describe('where it begins', () => {
  it('is the first passing of the newest session', async () => {
    const { open, write, follow } = await start();
    await write(await open('before'), range(1, 3));
    const token = await open('Finish');
    await write(token, range(1, 4));
    const reader = await new Reader(follow()).until(4);
    expect(reader.numbers()).toEqual([1, 2, 3, 4]);
    expect(reader.batches[0]).toMatchObject({
      token_session: token,
      session_alias: 'Finish',
      late: false,
      cursor: { token_session: token, last: 4 },
    });
    expect(reader.cursor).not.toHaveProperty('holes');
  });

  it('is passing 0 where the session has one, and `last` is left out until something is delivered', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    const reader = new Reader(follow());
    await polls(spy, 2);
    await write(token, range(0, 2));
    await reader.until(3);
    await polls(spy, 2);
    expect(reader.numbers()).toEqual([0, 1, 2]);
    const queries = spy.of('/passings/device2').map(({ query }) => query);
    expect(queries[0]).toEqual({ page: '1' });
    expect(queries[1]).toEqual({ token_session: token, page: '1' });
    expect(queries.at(-1)).toEqual({ token_session: token, last: '2', page: '1' });
  });

  it('is after the cursor, and everything before it stays away', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    await write(token, range(1, 9));
    const reader = await new Reader(follow({ cursor: { token_session: token, last: 6 } })).until(3);
    await polls(spy, 2);
    expect(reader.numbers()).toEqual([7, 8, 9]);
  });

  it('waits for a session where the device has none', async () => {
    const { open, write, follow, spy } = await start();
    const reader = new Reader(follow());
    await polls(spy, 3);
    expect(reader.error).toBeUndefined();
    await write(await open(), range(1, 2));
    expect((await reader.until(2)).numbers()).toEqual([1, 2]);
    expect(spy.of('/devices').length).toBe(1);
  });

  it('is the same each time the iterable is iterated', async () => {
    const { open, write, follow } = await start();
    await write(await open(), range(1, 5));
    const followed = follow();
    for (let time = 0; time < 2; time++) {
      expect((await new Reader(followed).until(5)).numbers()).toEqual([1, 2, 3, 4, 5]);
    }
  });

  it('asks nothing before somebody iterates', async () => {
    const { follow, spy } = await start();
    const iterator = follow()[Symbol.asyncIterator]();
    expect(spy.asked).toEqual([]);
    await iterator.return?.();
    expect(spy.asked).toEqual([]);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});

describe('catching up', () => {
  it.each([4_999, 5_000, 5_001, 15_000])('%i passings, each once, always by page 1', async (count) => {
    const { open, write, follow, spy } = await start();
    await write(await open(), range(1, count));
    const reader = await new Reader(follow()).until(count);
    await polls(spy, 2);
    expect(reader.numbers()).toEqual([...range(1, count)]);
    expect(new Set(spy.asked.map(({ query }) => query.page))).toEqual(new Set(['1']));
  });

  it('pages of any size', async () => {
    const { open, write, follow } = await start({ pageSize: 7 });
    await write(await open(), range(1, 100));
    const reader = await new Reader(follow()).until(100);
    expect(reader.numbers()).toEqual([...range(1, 100)]);
    expect(reader.batches.every(({ passings }) => passings.length <= 7)).toBe(true);
  });
});

describe('holes', () => {
  it('are remembered in the cursor, looked for, and delivered late, once', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    await write(token, [1, 2, 5, 9]);
    const reader = await new Reader(follow()).until(4);
    expect(reader.cursor).toEqual({
      token_session: token,
      last: 9,
      holes: [
        [3, 4],
        [6, 8],
      ],
    });
    await write(token, [7, 10, 3]);
    await reader.until(7);
    await polls(spy, 3);
    const late = reader.batches.filter((batch) => batch.late);
    expect(numbersOf(late)).toEqual(expect.arrayContaining([3, 7]));
    expect(reader.numbers().sort((a, b) => a - b)).toEqual([1, 2, 3, 5, 7, 9, 10]);
    expect(reader.cursor).toEqual({
      token_session: token,
      last: 10,
      holes: [
        [4, 4],
        [6, 6],
        [8, 8],
      ],
    });
  });

  it('count from 1: a session that begins at 5 has one, and that there is no 0 is none', async () => {
    const { open, write, follow } = await start();
    await write(await open(), [5]);
    expect((await new Reader(follow()).until(1)).cursor?.holes).toEqual([[1, 4]]);
    await write(await open(), [1]);
    expect((await new Reader(follow()).until(1)).cursor).not.toHaveProperty('holes');
  });

  it('survive a restart: what fills one while nobody follows is delivered once after it', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    await write(token, [1, 2, 5]);
    const before = await new Reader(follow()).until(3);
    await before.stop();
    await write(token, [3, 6]);
    const after = await new Reader(follow({ cursor: JSON.parse(JSON.stringify(before.cursor)) })).until(2);
    await polls(spy, 3);
    expect(after.batches.map(({ late, passings }) => [late, passings[0]?.num_passing])).toEqual(
      expect.arrayContaining([
        [true, 3],
        [false, 6],
      ]),
    );
    expect(after.numbers()).toHaveLength(2);
    expect(after.cursor).toEqual({ token_session: token, last: 6, holes: [[4, 4]] });
  });

  it('filled by the same answer that moves on: no cursor counts as delivered what comes in the batch after it', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    await write(token, [1, 4]);
    const reader = await new Reader(follow()).until(2);
    spy.alter = altering('/passings', (payload) => {
      const key = 'passings' in payload ? 'passings' : 'result';
      return { ...payload, [key]: [1, 2, 3, 4, 5].map((number) => ({ ...read(number), token_session: token })) };
    });
    await reader.until(5);
    expect(reader.batches.slice(1).map(({ late, cursor }) => [late, cursor.holes])).toEqual([
      [false, [[2, 3]]],
      [true, undefined],
    ]);
    expect(reader.numbers()).toEqual([1, 4, 5, 2, 3]);
  });

  it('of any size are one range and one request a poll, and fill page by page', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    await write(token, [1, 1_000_000]);
    const reader = await new Reader(follow()).until(2);
    expect(reader.cursor?.holes).toEqual([[2, 999_999]]);
    await polls(spy, 5);
    const perPoll = spy.of('/passings/session').length / spy.of('/passings/device2').length;
    expect(perPoll).toBeLessThanOrEqual(1);
    await write(token, [...range(2, 12_001), 500_000]);
    await reader.until(12_003);
    await polls(spy, 3);
    expect(reader.numbers().sort((a, b) => a - b)).toEqual([...range(1, 12_001), 500_000, 1_000_000]);
    expect(reader.cursor?.holes).toEqual([
      [12_002, 499_999],
      [500_001, 999_999],
    ]);
  });

  it('cost a bounded number of requests a poll however many there are', async () => {
    const { open, write, follow, spy } = await start();
    await write(
      await open(),
      Array.from(range(1, 600), (index) => index * 400),
    );
    const reader = await new Reader(follow({ pollMs: { min: 50, max: 50 } })).until(600);
    expect(reader.cursor?.holes).toHaveLength(600);
    await polls(spy, 4);
    const [first, second] = spy.asked.flatMap(({ path }, index) => (path.includes('device2') ? [index] : [])).slice(2);
    expect(second! - first! - 1).toBeGreaterThan(0);
    expect(second! - first! - 1).toBeLessThanOrEqual(8);
  });

  it('in pages of any size: no hole is starved by what lies between', async () => {
    const { open, write, follow } = await start({ pageSize: 3 });
    const token = await open();
    await write(token, [1, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
    const reader = await new Reader(follow()).until(10);
    await write(token, [11]);
    await reader.until(11);
    expect(reader.cursor?.holes).toEqual([[2, 2]]);
  });

  it('of a writer that shuffles within a window of 50: every passing once, the late ones marked', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    const numbers = shuffled([...range(1, 3_000)], 50);
    const reader = new Reader(follow());
    for (let at = 0; at < numbers.length; ) {
      const size = 1 + ((at * 31) % 60);
      await write(token, numbers.slice(at, at + size));
      at += size;
      if (at % 5 === 0) await polls(spy, 1);
    }
    await reader.until(3_000);
    await polls(spy, 3);
    expect(reader.numbers().sort((a, b) => a - b)).toEqual([...range(1, 3_000)]);
    let highest = 0;
    for (const { late, passings } of reader.batches) {
      const numbersHere = passings.map(({ num_passing }) => num_passing);
      expect(numbersHere).toEqual([...numbersHere].sort((a, b) => a - b));
      if (late) expect(numbersHere.at(-1)).toBeLessThan(highest);
      else expect(numbersHere[0]).toBeGreaterThan(highest);
      highest = Math.max(highest, numbersHere.at(-1)!);
    }
    expect(reader.batches.some(({ late }) => late)).toBe(true);
    expect(reader.cursor).toEqual({ token_session: token, last: 3_000 });
  });
});

describe('what the API may answer', () => {
  const DIALECTS = [
    { envelope: 'spec', coordinates: 'string', endOfPages: 'empty' },
    { envelope: 'flat', coordinates: 'number', endOfPages: 'absent' },
    { envelope: 'flat', coordinates: 'string', endOfPages: '404' },
  ] as const;
  it.each(DIALECTS)('$envelope, coordinates as $coordinates, the end $endOfPages', async (dialect) => {
    const { open, write, follow, spy } = await start(dialect);
    const first = await open();
    await write(first, [1, 2, 4]);
    const reader = await new Reader(follow()).until(3);
    await polls(spy, 2);
    await write(first, [5]);
    const second = await open();
    await write(second, [1]);
    await reader.until(5);
    expect(reader.numbers(first)).toEqual([1, 2, 4, 5]);
    expect(reader.numbers(second)).toEqual([1]);
    expect(new Set(reader.passings.map(({ latitude }) => latitude))).toEqual(new Set([42.35]));
  });

  it('the list under `result`, out of order, with repeats, and rows that were delivered before', async () => {
    const { open, write, follow, spy } = await start();
    const token = await open();
    const everything: unknown[] = [];
    spy.alter = altering('/passings/device2', ({ passings, ...rest }) => {
      everything.push(...(passings as unknown[]));
      return { ...rest, result: [...everything, ...everything].reverse() };
    });
    await write(token, range(1, 40));
    const reader = await new Reader(follow()).until(40);
    await write(token, range(41, 50));
    await reader.until(50);
    await polls(spy, 3);
    expect(reader.numbers()).toEqual([...range(1, 50)]);
  });

  it('a page that is not the lowest of what there is: the rest is found in the holes', async () => {
    const { open, write, follow, spy } = await start();
    await write(await open(), range(1, 12_000));
    spy.alter = altering('/passings/device2', ({ passings, ...rest }, { query }) =>
      query.last === undefined ? { ...rest, passings: (passings as unknown[]).slice(4_000) } : { ...rest, passings },
    );
    const reader = await new Reader(follow()).until(12_000);
    await polls(spy, 2);
    expect(reader.numbers().sort((a, b) => a - b)).toEqual([...range(1, 12_000)]);
  });

  it('no `session_used`: the passings say which session it is', async () => {
    const { open, write, follow, spy } = await start();
    const first = await open();
    await write(first, range(1, 3));
    spy.alter = altering('/passings/device2', ({ session_used, ...rest }) => rest);
    const reader = await new Reader(follow()).until(3);
    await write(first, [4]);
    await write(await open(), range(1, 2));
    await reader.until(6);
    expect(reader.numbers()).toEqual([1, 2, 3, 4, 1, 2]);
  });

  it('passings of another session among those of the one it names: they are not counted as its own', async () => {
    const { open, write, follow, spy } = await start();
    const first = await open();
    await write(first, range(1, 3));
    const reader = await new Reader(follow()).until(3);
    await write(first, range(4, 6));
    const second = await open();
    await write(second, range(1, 2));
    const tail = Array.from(range(4, 6), (num_passing) => ({
      num_passing,
      bib: '1',
      timestamp: '2026-04-20T13:17:00.000Z',
      token_session: first,
    }));
    spy.alter = altering('/passings/device2', ({ passings, ...rest }) => ({
      ...rest,
      passings: [...tail, ...(passings as unknown[])],
    }));
    await reader.until(8);
    await polls(spy, 2);
    expect(reader.numbers(first)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(reader.numbers(second)).toEqual([1, 2]);
  });

  it('the same among the rows of a range: of holes, and of a session that is left', async () => {
    const warnings: string[] = [];
    const logger = { error() {}, info() {}, debug() {}, warn: (message: string) => void warnings.push(message) };
    const { open, write, follow, spy } = await start({}, { logger, logLevel: 'warn' });
    const stray = (num_passing: number) => ({ ...read(num_passing), token_session: 'SOMEBODY-ELSES' });
    spy.alter = altering('/passings/session', ({ result, ...rest }) => ({
      ...rest,
      result: [stray(2), ...(result as unknown[]), stray(7), stray(50)],
    }));
    const first = await open();
    await write(first, [1, 3]);
    const reader = await new Reader(follow()).until(2);
    await polls(spy, 3);
    expect(spy.of('/passings/session').length).toBeGreaterThan(0);
    await write(first, [4, 5]);
    await write(await open(), [1]);
    await reader.until(5);
    expect(reader.numbers(first)).toEqual([1, 3, 4, 5]);
    expect(warnings).toEqual([expect.stringContaining('passings of another session')]);
  });
});

/** Each one moved by less than `window` places. */
function shuffled(numbers: readonly number[], window: number): number[] {
  let seed = 7;
  const keyed = numbers.map((number, index) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return { number, key: index + (seed % window) };
  });
  return keyed.sort((a, b) => a.key - b.key).map(({ number }) => number);
}
