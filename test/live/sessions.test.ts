import { describe, expect, it } from 'vitest';
import { NotFoundError, RufusConfigError } from '../../src/index.js';
import { answerOf } from '../support/client.js';
import { altering, polls, Reader, range, read, start } from './support.js';

/** The order of sessions as they came, each run of batches once. */
const sequence = (reader: Reader) =>
  reader.batches
    .map(({ token_session }) => token_session)
    .filter((token, index, all) => index === 0 || token !== all[index - 1]);

describe('a session switch', () => {
  it.each([0, 1, 4_999, 5_000, 5_001])('with %i passings of the old session unread', async (unread) => {
    const { open, write, follow, spy } = await start();
    const old = await open('Morning');
    await write(old, range(1, 10));
    const reader = await new Reader(follow()).until(10);
    await polls(spy, 1);
    spy.alter = ({ path }) => (path.includes('device2') ? answerOf(503, {}) : undefined);
    await write(old, range(11, 10 + unread));
    const fresh = await open('Afternoon');
    await write(fresh, range(1, 5));
    spy.alter = undefined;
    await reader.until(15 + unread);
    await polls(spy, 2);
    expect(sequence(reader)).toEqual([old, fresh]);
    expect(reader.numbers(old)).toEqual([...range(1, 10 + unread)]);
    expect(reader.numbers(fresh)).toEqual([1, 2, 3, 4, 5]);
    expect(reader.batches.at(-1)?.session_alias).toBe('Afternoon');
  });

  it('of one that was empty when it was first seen: what came to it before the switch is not skipped', async () => {
    const { open, write, follow, spy } = await start();
    const old = await open();
    const reader = new Reader(follow());
    await polls(spy, 1);
    spy.alter = ({ path }) => (path.includes('device2') ? answerOf(503, {}) : undefined);
    await write(old, range(0, 3));
    const fresh = await open();
    await write(fresh, [1]);
    spy.alter = undefined;
    await reader.until(5);
    expect(reader.numbers(old)).toEqual([0, 1, 2, 3]);
    expect(sequence(reader)).toEqual([old, fresh]);
  });

  it('reads the old one to an empty answer: a short page is no end', async () => {
    const { open, write, follow, spy } = await start();
    const old = await open();
    await write(old, range(1, 100));
    await write(await open(), [1]);
    let page = 0;
    spy.alter = altering('/passings/session', ({ result, ...rest }) => ({
      ...rest,
      result: (result as unknown[]).slice(0, 1 + (page++ % 30)),
    }));
    const reader = await new Reader(follow({ cursor: { token_session: old, last: 1 } })).until(100);
    expect(reader.numbers(old)).toEqual([...range(2, 100)]);
    expect(spy.of('/passings/session').at(-1)?.query).toEqual({ first: '101', page: '1' });
  });

  it('looks for the holes of the old one once more, delivers what came late, and drops them', async () => {
    const { open, write, follow, spy } = await start();
    const old = await open();
    await write(old, [1, 4, 8]);
    const reader = await new Reader(follow()).until(3);
    spy.alter = ({ path }) => (path.includes('device2') ? answerOf(503, {}) : undefined);
    await polls(spy, 2);
    await write(old, [3, 9]);
    const fresh = await open();
    await write(fresh, [1]);
    spy.alter = undefined;
    await reader.until(6);
    expect(reader.numbers(old)).toEqual([1, 4, 8, 9, 3]);
    expect(reader.batches.map(({ late }) => late)).toEqual([false, false, true, false]);
    expect(reader.cursor).toEqual({ token_session: fresh, last: 1 });
    const asked = spy.of('/passings/session').length;
    await polls(spy, 3);
    expect(spy.of('/passings/session').length).toBe(asked);
  });

  it('of three that came and went while nobody followed: all of it, in order, before the newest', async () => {
    const { open, write, follow, spy } = await start({ pageSize: 40 });
    const tokens: string[] = [];
    for (let nth = 0; nth < 5; nth++) {
      const token = await open(`Heat ${nth}`);
      tokens.push(token);
      await write(token, nth === 2 ? [1, 2, 4, 5] : range(1, 90 + nth));
    }
    const [stored = ''] = tokens;
    const reader = new Reader(follow({ cursor: { token_session: stored, last: 50 } }));
    await reader.until(40 + 91 + 4 + 93 + 94);
    await polls(spy, 2);
    expect(sequence(reader)).toEqual(tokens);
    expect(reader.numbers()).toEqual([
      ...range(51, 90),
      ...range(1, 91),
      ...[1, 2, 4, 5],
      ...range(1, 93),
      ...range(1, 94),
    ]);
    const aliases = new Set(reader.batches.map(({ session_alias }) => session_alias));
    expect([...aliases]).toEqual(['Heat 0', 'Heat 1', 'Heat 2', 'Heat 3', 'Heat 4']);
  });

  it('stopped in a session between resumes there', async () => {
    const { open, write, follow } = await start({ pageSize: 10 });
    const first = await open();
    await write(first, range(1, 3));
    const second = await open();
    await write(second, range(1, 25));
    const third = await open();
    await write(third, range(1, 5));
    const reader = await new Reader(follow({ cursor: { token_session: first, last: 3 } })).until(10);
    await reader.stop();
    expect(reader.cursor?.token_session).toBe(second);
    const resumed = await new Reader(follow({ cursor: reader.cursor })).until(30 - reader.passings.length);
    expect([...reader.numbers(second), ...resumed.numbers(second)]).toEqual([...range(1, 25)]);
    expect(sequence(resumed)).toEqual([second, third]);
  });

  it('again and again while it is followed', async () => {
    const { open, write, follow, spy } = await start({ pageSize: 50 });
    const reader = new Reader(follow());
    const expected: [string, number][] = [];
    for (let nth = 1; nth <= 12; nth++) {
      const token = await open();
      await write(token, range(1, nth * 17));
      expected.push([token, nth * 17]);
      if (nth % 4 === 0) await polls(spy, 1);
    }
    const from = reader.batches[0]?.token_session ?? expected.at(-1)?.[0];
    const seen = expected.slice(expected.findIndex(([token]) => token === from));
    await reader.until(seen.reduce((sum, [, count]) => sum + count, 0));
    await polls(spy, 2);
    expect(sequence(reader)).toEqual(seen.map(([token]) => token));
    for (const [token, count] of seen) expect(reader.numbers(token)).toEqual([...range(1, count)]);
  });

  it('to an older session is no switch, whatever the server says', async () => {
    const { open, write, follow, spy } = await start();
    const old = await open();
    await write(old, range(1, 5));
    const reader = await new Reader(follow()).until(5);
    const fresh = await open();
    await write(fresh, range(1, 3));
    await reader.until(8);
    spy.alter = altering('/passings/device2', (payload) => ({ ...payload, session_used: old, passings: [] }));
    await polls(spy, 3);
    spy.alter = undefined;
    await write(fresh, [4]);
    await reader.until(9);
    expect(reader.numbers()).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4]);
  });

  it('keeps the order of the list where sessions have no date, whichever way round it is', async () => {
    for (const isReversed of [false, true]) {
      const { open, write, follow, spy } = await start();
      const tokens: string[] = [];
      for (let nth = 1; nth <= 4; nth++) {
        const token = await open();
        tokens.push(token);
        await write(token, range(1, nth));
      }
      spy.alter = altering('/sessions/device', ({ result, ...rest }) => {
        const undated = (result as object[]).map((session) => ({ ...session, creation_date: null }));
        return { ...rest, result: isReversed ? undated : undated.reverse() };
      });
      const reader = await new Reader(follow({ cursor: { token_session: tokens[0]!, last: 1 } })).until(9);
      expect(sequence(reader)).toEqual(tokens.slice(1));
    }
  });
});

describe('a cursor that does not fit', () => {
  it('of a session that is gone ends with NotFoundError', async () => {
    const { open, write, follow } = await start();
    await write(await open(), range(1, 3));
    const reader = new Reader(follow({ cursor: { token_session: 'F'.repeat(64), last: 3 } }));
    await reader.done;
    expect(reader.error).toBeInstanceOf(NotFoundError);
    expect(String(reader.error)).not.toContain('F'.repeat(64));
    expect(reader.batches).toEqual([]);
  });

  it.each(['refuses it', 'jumps to the newest session of the device'])(
    'of another device is a RufusConfigError, where the API %s',
    async (what) => {
      const { open, write, follow, writer, spy } = await start();
      const own = await open();
      await write(own, range(1, 3));
      const { deviceid: other } = await writer.devices.bind({ type: 'reader', model: 'R1', serial_number: 'other' });
      const { token_session } = await writer.sessions.create({ deviceid: other });
      await write(token_session, range(1, 9));
      if (what !== 'refuses it') {
        const jump = { description: 'ok', session_used: own, passings: [...range(1, 3)].map(read) };
        spy.alter = ({ path }) => (path.includes('device2') ? answerOf(200, jump) : undefined);
      }
      const reader = new Reader(follow({ cursor: { token_session, last: 3 } }));
      await reader.done;
      expect(reader.error).toBeInstanceOf(RufusConfigError);
      expect(String(reader.error)).not.toContain(token_session);
      expect(reader.batches).toEqual([]);
    },
  );

  it('of another device is a RufusConfigError, even where the API goes along with it', async () => {
    const { open, write, follow, writer, spy, deviceid } = await start();
    await write(await open(), range(1, 3));
    const { deviceid: other } = await writer.devices.bind({ type: 'reader', model: 'R1', serial_number: 'other' });
    const { token_session } = await writer.sessions.create({ deviceid: other });
    await write(token_session, range(1, 9));
    const theirs = await writer.passings.poll(other, { token_session, last: 3 });
    spy.alter = async ({ path }) =>
      path.includes(`device2/${deviceid}`) ? answerOf(200, { description: 'ok', ...theirs }) : undefined;
    const reader = new Reader(follow({ cursor: { token_session, last: 3 } }));
    await reader.done;
    expect(reader.error).toBeInstanceOf(RufusConfigError);
    expect(reader.batches).toEqual([]);
  });
});
