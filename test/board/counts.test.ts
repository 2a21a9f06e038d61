// The figures of the board against an independent count.
import type { Passing, PassingInput } from 'rufus-client';
import { describe, expect, test } from 'vitest';
import { Race } from '../../src/board/race.js';
import { type BatchRecord, recordOf } from '../../src/board/record.js';
import type { Counts } from '../../src/board/wire.js';
import { Random } from '../../src/simulation/field.js';
import { boardOf, company, Listener, type Mat, reads, readsOf, stateOf, stateWhen } from './support.js';

const START = Date.parse('2026-04-20T09:00:00Z');

/** What one device has to show for all of its sessions, counted from what the server holds. */
function countOf(sessions: readonly (readonly Passing[])[]): Pick<Counts, 'reads' | 'runners' | 'last' | 'perMinute'> {
  const bibs = new Set<string>();
  const perMinute = new Map<string, number>();
  let last: Passing | undefined;
  let count = 0;
  for (const passings of sessions) {
    const numbers = new Set<number>();
    for (const passing of passings) {
      if (numbers.has(passing.num_passing)) continue;
      numbers.add(passing.num_passing);
      count++;
      bibs.add(passing.bib);
      const minute = `${passing.timestamp.slice(0, 16)}:00.000Z`;
      perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
      if (last === undefined || passing.timestamp >= last.timestamp) last = passing;
    }
  }
  const { bib, timestamp, num_passing } = last!;
  return { reads: count, runners: bibs.size, last: { bib, timestamp, num_passing }, perMinute: [...perMinute].sort() };
}

describe('the figures of a race of 20,000 crossings', () => {
  test('are those of an independent count, with late passings, a new session and repeats of the API', async () => {
    const { sandbox, writer, mats, clientOf } = await company(['Start', 'Half', 'Finish'], { duplicates: 'none' });
    const board = await boardOf({ client: clientOf(), devices: mats.map(({ deviceid }) => deviceid) });
    const listener = new Listener(board.url);
    const random = new Random(20_000);
    const sent: PassingInput[][] = [];

    const passing = (num_passing: number, mat: number): PassingInput => ({
      num_passing,
      bib: String(1 + random.below(2_500)),
      timestamp: new Date(START + mat * 3_600_000 + num_passing * 700 + random.below(500)),
    });
    const race = async ({ token_session }: Mat, mat: number, from: number, to: number) => {
      const all = Array.from({ length: to - from }, (_, index) => passing(from + index, mat));
      sent.push(all);
      const late = all.filter(() => random.chance(0.02));
      const onTime = all.filter((each) => !late.includes(each));
      for (let at = 0; at < onTime.length; at += 250) {
        const some = onTime.slice(at, at + 250);
        await writer.passings.insertMany(token_session, some);
        // With `duplicates: 'none'` the server keeps these, and gives each of them twice.
        await writer.passings.insertMany(
          token_session,
          some.filter(() => random.chance(0.01)),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await writer.passings.insertMany(token_session, late);
    };
    await Promise.all(mats.map((mat, index) => race(mat, index, 1, 5_001)));
    const second: Mat[] = [];
    for (const { deviceid } of mats) {
      second.push({ deviceid, token_session: (await writer.sessions.create({ deviceid })).token_session });
    }
    await Promise.all(second.map((mat, index) => race(mat, index, 5_001, 6_669)));

    const total = sent.reduce((sum, { length }) => sum + length, 0);
    expect(total).toBeGreaterThanOrEqual(20_000);
    const state = await stateWhen(board.url, (now) => readsOf(now) >= total);
    expect(state.devices.map(({ deviceid }) => deviceid)).toEqual(mats.map(({ deviceid }) => deviceid));
    for (const [index, device] of state.devices.entries()) {
      const sessions = [mats[index]!, second[index]!].map(({ token_session }) => sandbox.state.passings(token_session));
      const { deviceid, alias, ...figures } = device;
      expect({ ...figures, perMinute: [...figures.perMinute].sort() }).toEqual(countOf(sessions));
    }
    const held = mats.reduce((sum, { token_session }) => sum + sandbox.state.passings(token_session).length, 0);
    expect(held).toBeGreaterThan(15_050);

    // A page that has listened all the time knows the same.
    await listener.when(() => listener.recent[0]?.num_passing === state.recent[0]!.num_passing);
    const told = new Map<string, number>();
    for (const { event, data } of listener.heard) {
      if (event !== 'beat') for (const { deviceid, reads: count } of data.devices ?? []) told.set(deviceid, count);
    }
    expect([...told.values()]).toEqual(state.devices.map(({ reads: count }) => count));
  }, 60_000);
});

test('has exactly the fields of the contract', async () => {
  const { writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  const board = await boardOf({ client: clientOf(), devices: [deviceid], title: 'City run' });
  const before = await stateOf(board.url);
  expect(before.devices).toEqual([{ deviceid, alias: 'Finish', reads: 0, runners: 0, last: null, perMinute: [] }]);
  await writer.passings.insert(token_session, reads(['17', '17', 'W3']));
  const state = await stateWhen(board.url, (now) => readsOf(now) === 3);
  expect(state).toEqual({
    title: 'City run',
    asOf: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    link: { state: 'live', since: expect.stringMatching(/Z$/) },
    devices: [
      {
        deviceid,
        alias: 'Finish',
        reads: 3,
        runners: 2,
        last: { bib: 'W3', timestamp: '2026-04-20T09:00:03.000Z', num_passing: 3 },
        perMinute: [['2026-04-20T09:00:00.000Z', 3]],
      },
    ],
    recent: [3, 2, 1].map((num_passing) => ({
      deviceid,
      session: token_session.slice(0, 8),
      num_passing,
      timestamp: `2026-04-20T09:00:0${num_passing}.000Z`,
      bib: num_passing === 3 ? 'W3' : '17',
      chip: num_passing === 3 ? 'C-W3' : 'C-17',
      delayMs: null,
    })),
  });
  expect(Object.keys(state)).toEqual(['title', 'asOf', 'link', 'devices', 'recent']);
});

test('says how long a crossing took to arrive, and nothing of those from before its start', async () => {
  const { writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  await writer.passings.insert(token_session, [{ num_passing: 1, bib: '1', timestamp: new Date(Date.now() - 60_000) }]);
  const board = await boardOf({ client: clientOf(), devices: [deviceid] });
  await writer.passings.insert(token_session, [{ num_passing: 2, bib: '2', timestamp: new Date() }]);
  const { recent } = await stateWhen(board.url, (now) => readsOf(now) === 2);
  expect(recent[1]!.delayMs).toBeNull();
  expect(recent[0]!.delayMs).toBeGreaterThanOrEqual(0);
  expect(recent[0]!.delayMs).toBeLessThan(5_000);
});

describe('a runner', () => {
  test('is found with all crossings, by time, whatever the device and the order of arrival', async () => {
    const { writer, mats, clientOf } = await company(['Start', 'Finish']);
    const [start, finish] = mats as [Mat, Mat];
    const board = await boardOf({ client: clientOf(), devices: [start.deviceid, finish.deviceid] });
    await writer.passings.insert(finish.token_session, reads(['17'], 1, '2026-04-20T12:00:00Z'));
    await stateWhen(board.url, (state) => readsOf(state) === 1);
    await writer.passings.insert(start.token_session, reads(['17', '18'], 1));
    await stateWhen(board.url, (state) => readsOf(state) === 3);
    const found = await (await fetch(`${board.url}/api/runner?bib=17`)).json();
    expect(found).toEqual({
      bib: '17',
      crossings: [
        expect.objectContaining({ deviceid: start.deviceid, num_passing: 1, timestamp: '2026-04-20T09:00:01.000Z' }),
        expect.objectContaining({ deviceid: finish.deviceid, num_passing: 1, timestamp: '2026-04-20T12:00:01.000Z' }),
      ],
    });
  });

  test('who is unknown has no crossings, and no bib is a mistake', async () => {
    const { mats, clientOf } = await company(['Start']);
    const board = await boardOf({ client: clientOf(), devices: [mats[0]!.deviceid] });
    expect(await (await fetch(`${board.url}/api/runner?bib=99`)).json()).toEqual({ bib: '99', crossings: [] });
    for (const query of ['', '?bib=', '?bib=%20', '?bob=17']) {
      expect((await fetch(`${board.url}/api/runner${query}`)).status).toBe(400);
    }
  });
});

describe('what a race adds up to', () => {
  const record = (rows: BatchRecord['rows'], more: Partial<BatchRecord> = {}): BatchRecord => ({
    deviceid: 'D',
    cursor: { token_session: 'T'.repeat(64), last: rows.at(-1)![0] },
    from: START,
    at: START,
    late: false,
    rows,
    ...more,
  });
  const time = (seconds: number) => new Date(START + seconds * 1_000).toISOString();
  const raceOf = (...records: BatchRecord[]) => {
    const race = new Race();
    race.show('D');
    for (const each of records) race.take(each);
    return race;
  };
  const deviceOf = (race: Race) => race.state().devices[0]!;

  test('does not count a passing without a bib as a runner', () => {
    const race = raceOf(
      record([
        [1, time(1), '', null],
        [2, time(2), '', null],
        [3, time(3), '7', null],
      ]),
    );
    expect(deviceOf(race)).toMatchObject({ reads: 3, runners: 1 });
    expect(race.crossingsOf('')).toEqual([]);
  });

  test('keeps bounded text of whatever an answer holds', () => {
    const odd = { num_passing: 1, timestamp: 12 as never, bib: null as never, chip: '😀'.repeat(1_000) };
    const batch = {
      passings: [odd],
      token_session: 'T',
      session_alias: null,
      late: false,
      cursor: { token_session: 'T', last: 1 },
    };
    const [number, timestamp, bib, chip] = recordOf('D', batch, START, START).rows[0]!;
    expect([number, timestamp, bib]).toEqual([1, '12', '']);
    expect(chip).toHaveLength(255);
    expect(JSON.stringify(chip)).not.toContain('\\ud');
  });

  test('takes the latest by its own time for the last one, late passings or not', () => {
    const race = raceOf(
      record([
        [1, time(1), '1', null],
        [5, time(50), '5', null],
      ]),
      record([[2, time(20), '2', null]], { late: true, cursor: { token_session: 'T'.repeat(64), last: 5 } }),
    );
    expect(deviceOf(race)).toMatchObject({ last: { bib: '5' } });
  });

  test('lets go of a last one from the future as soon as the clock is right', () => {
    const race = raceOf(record([[1, time(86_400), '1', null]]), record([[2, time(0), '2', null]]));
    expect(deviceOf(race).last).toMatchObject({ bib: '2' });
  });

  test('leaves a time that cannot be read out of the minutes, and shows it as it came', () => {
    const race = raceOf(record([[1, 'yesterday', '1', null]]));
    expect(deviceOf(race)).toMatchObject({ reads: 1, perMinute: [], last: { timestamp: 'yesterday' } });
    expect(race.state().recent[0]!.delayMs).toBeNull();
  });

  test('counts nothing of a session again that was left', () => {
    const first = record([[1, time(1), '1', null]]);
    const second = record([[1, time(9), '2', null]], { cursor: { token_session: 'U'.repeat(64), last: 1 } });
    const race = raceOf(first, second, first, second);
    expect(deviceOf(race)).toMatchObject({ reads: 2, runners: 2, last: { bib: '2' } });
    expect(race.cursorOf('D')).toBe(second.cursor);
  });

  test('keeps a week of minutes, and 500 crossings of a bib', () => {
    const rows = Array.from({ length: 10_200 }, (_, index) => [index + 1, time(index * 60), '7', null] as const);
    const race = raceOf(record(rows));
    const { perMinute, reads: count } = deviceOf(race);
    expect(count).toBe(10_200);
    expect(perMinute).toHaveLength(10_080);
    expect(perMinute[0]![0]).toBe(time(120 * 60));
    expect(race.crossingsOf('7')).toHaveLength(500);
    expect(race.crossingsOf('7').at(-1)!.num_passing).toBe(10_200);
  });

  test('tells of changes once, with totals', () => {
    const race = raceOf(record([[1, time(1), '1', null]]));
    expect(race.changes()).toMatchObject({
      devices: [{ reads: 1, perMinute: [[time(0), 1]] }],
      recent: [{ bib: '1' }],
    });
    expect(race.changes()).toEqual({ devices: [], recent: [] });
    race.take(record([[2, time(2), '2', null]]));
    expect(race.changes()).toMatchObject({
      devices: [{ reads: 2, perMinute: [[time(0), 2]] }],
      recent: [{ bib: '2' }],
    });
  });
});
