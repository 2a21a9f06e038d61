import { describe, expect, it } from 'vitest';
import type { SandboxOptions } from '../../src/testing/index.js';
import { inMemory, numbers, nums, TRANSPORTS } from './caller.js';

const ID = /^[0-9A-F]{64}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const NOWHERE = 'F'.repeat(64);

describe.each(TRANSPORTS)('the whole day over %s', (_name, rig) => {
  it('binds, opens, inserts, reads back, closes, unbinds', async () => {
    await using day = await rig();
    const { caller, sandbox } = day;

    const bound = await caller.call('POST', '/devices', {
      body: { type: 'reader', model: 'M1', serial_number: 'S1', alias: 'Finish', firmware: '1.2' },
    });
    expect(bound.status).toBe(201);
    expect(bound.headers['content-type']).toBe('application/json');
    expect(bound.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
    const { deviceid } = bound.body;
    expect(bound.raw).toEqual({ body: { description: 'Device binded succesfully', deviceid } });
    expect(deviceid).toMatch(ID);

    const opened = await caller.call('POST', '/sessions', { body: { deviceid, alias: 'Sunday' } });
    const { token_session } = opened.body;
    expect(opened).toMatchObject({ status: 201, body: { description: 'Session inserted succesfully' } });
    expect(token_session).toMatch(ID);

    const inserted = await caller.insert(token_session, [1, 2, 3]);
    expect(inserted.status).toBe(201);
    expect(inserted.body).toEqual({
      description: 'Passings inserted succesfully',
      token_session,
      inserted_count: 3,
      duplicate_count: 0,
    });

    const device = await caller.call('GET', `/devices/${deviceid}`);
    expect(device.body.result).toEqual({
      deviceid,
      type: 'reader',
      model: 'M1',
      alias: 'Finish',
      serial_number: 'S1',
      firmware: '1.2',
      last_login: null,
      creation_date: expect.stringMatching(INSTANT),
      sessions: 1,
      device_status: null,
      battery_percentage: null,
      charging: null,
      last_telemetry_at: null,
      passings: 3,
      last_seen: expect.stringMatching(INSTANT),
    });

    const session = await caller.call('GET', `/sessions/${token_session}`);
    expect(session.body.result).toEqual([
      {
        token_session,
        alias: 'Sunday',
        creation_date: expect.stringMatching(INSTANT),
        active: true,
        passings: 3,
        duration: '1970-01-01T00:00:02.000Z',
        first: '2026-03-15T08:00:01.000Z',
        last: '2026-03-15T08:00:03.000Z',
      },
    ]);
    const active = await caller.call('GET', `/sessions/device/${deviceid}/active`);
    expect(active.body).toEqual(session.body);

    const read = await caller.call('GET', `/passings/session/${token_session}`);
    expect(read.body.result[2]).toEqual({
      timestamp: '2026-03-15T08:00:03.000Z',
      num_passing: 3,
      bib: '3',
      participant_id: null,
      chip: null,
      latitude: null,
      longitude: null,
      status: null,
      timezone: null,
      gender: null,
      token_session,
      deviceid,
    });

    const closed = await caller.call('PATCH', `/sessions/close/${token_session}`);
    expect(closed).toMatchObject({ status: 200, body: { description: 'Session closed succesfully', token_session } });
    const late = await caller.insert(token_session, [4]);
    expect(late.status).toBe(404);
    expect(late.body).toEqual({ description: 'Session not found or closed', token_session });
    const readable = await caller.call('GET', `/passings/session/${token_session}`);
    expect(nums(readable.body.result)).toEqual([1, 2, 3]);
    const again = await caller.call('PATCH', `/sessions/close/${token_session}`);
    expect(again.status).toBe(404);
    expect(again.body).toEqual({ description: 'Session not found', token_session });

    const unbound = await caller.call('DELETE', `/devices/${deviceid}`);
    expect(unbound).toMatchObject({ status: 200, body: { description: 'Device unbinded succesfully', deviceid } });
    expect((await caller.call('GET', `/devices/${deviceid}`)).body).toEqual({
      description: 'Device not found',
      deviceid,
    });
    expect((await caller.call('GET', `/passings/session/${token_session}`)).status).toBe(404);
    expect(sandbox.state.devices).toEqual([]);
    expect(sandbox.state.sessions).toEqual([]);
    expect(sandbox.state.passings(token_session)).toEqual([]);
  });
});

describe('devices', () => {
  it('lists them page by page, with a pagination object', async () => {
    const { caller } = await inMemory();
    const bound: string[] = [];
    for (const serial of ['A', 'B', 'C']) bound.push(await caller.bind(serial));
    const whole = await caller.call('GET', '/devices');
    expect(whole.body.pagination).toEqual({ page: 1, limit: 5000, total: 3, has_more: false });
    expect(whole.body.result.map((device) => device.deviceid)).toEqual(bound);
    expect(whole.body.result[0]).toMatchObject({ alias: '', firmware: null, sessions: 0 });
    expect(whole.body.result[0]).not.toHaveProperty('passings');
    const second = await caller.call('GET', '/devices?page=2&limit=2');
    expect(second.body.pagination).toEqual({ page: 2, limit: 2, total: 3, has_more: false });
    expect(second.body.result).toHaveLength(1);
    expect((await caller.call('GET', '/devices?limit=2')).body.pagination.has_more).toBe(true);
    expect((await caller.call('GET', '/devices?limit=3')).body.pagination.has_more).toBe(false);
    for (const query of ['page=0', 'limit=0', 'limit=5001', 'page=x', 'page=1.5']) {
      expect((await caller.call('GET', `/devices?${query}`)).status).toBe(400);
    }
  });

  it.each([
    ['deviceid', { description: 'Device already binded', deviceid: expect.stringMatching(ID) }],
    ['bare', { description: 'Device already binded' }],
  ] as const)('answers a second bind of a serial number with 409, %s', async (bindConflict, body) => {
    const { caller, sandbox } = await inMemory({ bindConflict });
    const deviceid = await caller.bind('S1');
    const second = await caller.call('POST', '/devices', {
      body: { type: 'other', model: 'M2', serial_number: 'S1' },
    });
    expect(second.status).toBe(409);
    expect(second.body).toEqual(body);
    if (bindConflict === 'deviceid') expect(second.body.deviceid).toBe(deviceid);
    expect(sandbox.state.devices).toHaveLength(1);
    await caller.call('DELETE', `/devices/${deviceid}`);
    expect(await caller.bind('S1')).not.toBe(deviceid);
  });

  it('unbinds one and leaves the others', async () => {
    const { caller, sandbox } = await inMemory();
    const [gone, stays] = [await caller.bind('A'), await caller.bind('B')];
    const token = await caller.open(stays);
    await caller.open(gone);
    await caller.insert(token, [1]);
    await caller.call('DELETE', `/devices/${gone}`);
    expect(sandbox.state.sessions.map((session) => session.deviceid)).toEqual([stays]);
    expect(sandbox.state.passings(token)).toHaveLength(1);
  });
});

describe('sessions', () => {
  it('keeps one active a device, and lists them all', async () => {
    const { caller, sandbox } = await inMemory();
    const [deviceid, other] = [await caller.bind('A'), await caller.bind('B')];
    const elsewhere = await caller.open(other);
    const first = await caller.open(deviceid, 'one');
    const second = await caller.open(deviceid);
    expect((await caller.insert(first, [1])).status).toBe(404);
    expect((await caller.insert(second, [1])).status).toBe(201);
    expect((await caller.insert(elsewhere, [1])).status).toBe(201);
    const { body } = await caller.call('GET', `/sessions/device/${deviceid}`);
    expect(body.result).toEqual([
      { token_session: second, alias: null, creation_date: expect.stringMatching(INSTANT), active: true, passings: 1 },
      { token_session: first, alias: 'one', creation_date: expect.stringMatching(INSTANT), active: false, passings: 0 },
    ]);
    expect(sandbox.state.sessions.map(({ active }) => active)).toEqual([true, false, true]);
  });

  it('dates no two of them alike, however fast they are opened', async () => {
    const { caller, sandbox } = await inMemory();
    const deviceid = await caller.bind('A');
    for (let count = 0; count < 30; count += 1) await caller.open(deviceid);
    const dates = sandbox.state.sessions.map((session) => session.creation_date!);
    expect(new Set(dates).size).toBe(30);
    expect([...dates].sort()).toEqual(dates);
  });

  it('says in its own words what is not there', async () => {
    const { caller } = await inMemory();
    const deviceid = await caller.bind('A');
    for (const id of [deviceid, NOWHERE]) {
      for (const path of [`/sessions/device/${id}`, `/sessions/device/${id}/active`]) {
        const { status, body } = await caller.call('GET', path);
        expect([status, body]).toEqual([404, { description: 'Sessions not found', deviceid: id }]);
      }
    }
    const closed = await caller.open(deviceid);
    await caller.call('PATCH', `/sessions/close/${closed}`);
    expect((await caller.call('GET', `/sessions/device/${deviceid}/active`)).status).toBe(404);
    expect((await caller.call('GET', `/sessions/device/${deviceid}`)).status).toBe(200);

    const create = await caller.call('POST', '/sessions', { body: { deviceid: NOWHERE } });
    expect([create.status, create.body]).toEqual([404, { description: 'Device not found', deviceid: NOWHERE }]);
    for (const [method, path] of [
      ['GET', `/sessions/${NOWHERE}`],
      ['PATCH', `/sessions/close/${NOWHERE}`],
      ['GET', `/passings/session/${NOWHERE}`],
    ] as const) {
      const { status, body } = await caller.call(method, path);
      expect([status, body]).toEqual([404, { description: 'Session not found', token_session: NOWHERE }]);
    }
    for (const path of [`/devices/${NOWHERE}`, `/passings/device/${NOWHERE}`, `/passings/device2/${NOWHERE}`]) {
      expect((await caller.call('GET', path)).body.description).toBe('Device not found');
    }
    expect((await caller.call('DELETE', `/devices/${NOWHERE}`)).status).toBe(404);
  });
});

async function withPassings(count: number, options?: SandboxOptions) {
  const rig = await inMemory(options);
  const deviceid = await rig.caller.bind('S1');
  const token = await rig.caller.open(deviceid, 'label');
  if (count > 0) await rig.caller.insert(token, numbers(count));
  return { ...rig, deviceid, token };
}

describe('passings', () => {
  it('counts a repeated number as a duplicate and keeps the first', async () => {
    const { caller, token, sandbox } = await withPassings(3);
    const { body } = await caller.insert(token, [2, 4, 4, 0], { bib: 'X' });
    expect(body).toMatchObject({ inserted_count: 2, duplicate_count: 2 });
    expect(sandbox.state.passings(token).map(({ num_passing, bib }) => [num_passing, bib])).toEqual([
      [0, 'X'],
      [1, '1'],
      [2, '2'],
      [3, '3'],
      [4, 'X'],
    ]);
  });

  it('takes all where nothing is a duplicate', async () => {
    const { caller, token, sandbox } = await withPassings(2, { duplicates: 'none' });
    expect((await caller.insert(token, [2, 1])).body).toMatchObject({ inserted_count: 2, duplicate_count: 0 });
    expect(nums(sandbox.state.passings(token))).toEqual([1, 1, 2, 2]);
  });

  it.each([
    ['', [1, 2, 3, 4, 5]],
    ['?first=2', [2, 3, 4, 5]],
    ['?last=2', [1, 2]],
    ['?first=2&last=4', [2, 3, 4]],
    ['?first=4&last=2', []],
    ['?first=-1&last=-1', [1, 2, 3, 4, 5]],
    ['?page=0', [1, 2, 3, 4, 5]],
    ['?page=1', [1, 2]],
    ['?page=2', [3, 4]],
    ['?page=3', [5]],
    ['?page=4', []],
    ['?first=2&last=4&page=2', [4]],
  ])('reads a session with %s', async (query, expected) => {
    const { caller, token } = await withPassings(5, { pageSize: 2 });
    const { body } = await caller.call('GET', `/passings/session/${token}${query}`);
    expect(nums(body.result)).toEqual(expected);
  });

  it.each([
    ['', [1, 2, 3, 1, 2]],
    ['?page=1', [1, 2]],
    ['?page=2', [3, 1]],
    ['?page=3', [2]],
    ['?page=4', []],
    ['?from=2026-03-15T08:00:02.000Z', [2, 3, 2]],
    ['?to=2026-03-15T08:00:02.000Z', [1, 2, 1, 2]],
    ['?from=2026-03-15T08:00:02.000Z&to=2026-03-15T08:00:02.000Z', [2, 2]],
    ['?from=2026-03-15T08:00:02.000Z&page=2', [2]],
    ['?from=2026-03-15T09:00:02%2B01:00&page=1', [2, 3]],
  ])('reads a device over its sessions with %s', async (query, expected) => {
    const { caller, deviceid } = await withPassings(3, { pageSize: 2 });
    await caller.insert(await caller.open(deviceid), [1, 2]);
    const { body } = await caller.call('GET', `/passings/device/${deviceid}${query}`);
    expect(nums(body.result)).toEqual(expected);
  });

  it('refuses what is no number, no page, no time', async () => {
    const { caller, token, deviceid } = await withPassings(1);
    const refused = [
      `/passings/session/${token}?first=x`,
      `/passings/session/${token}?last=-2`,
      `/passings/session/${token}?page=-1`,
      `/passings/device/${deviceid}?from=yesterday`,
      `/passings/device/${deviceid}?to=2026-03-15T08:00:00`,
      `/passings/device2/${deviceid}?last=1.5`,
    ];
    for (const path of refused) expect((await caller.call('GET', path)).status).toBe(400);
  });

  it('gives coordinates as text with no digit lost, or as numbers', async () => {
    const row = { latitude: 41.385061, longitude: 12 };
    const text = await withPassings(0);
    await text.caller.insert(text.token, [1], row);
    await text.caller.insert(text.token, [2], { latitude: 1e-7, longitude: -0.5 });
    const { body } = await text.caller.call('GET', `/passings/session/${text.token}`);
    expect(body.result[0]).toMatchObject({ latitude: '41.385061', longitude: '12.000' });
    expect(body.result[1]!.longitude).toBe('-0.500');
    expect(Number(body.result[1]!.latitude)).toBe(1e-7);
    expect(text.sandbox.state.passings(text.token)[0]).toMatchObject(row);

    const number = await withPassings(0, { coordinates: 'number' });
    await number.caller.insert(number.token, [1], row);
    const read = await number.caller.call('GET', `/passings/device2/${number.deviceid}`);
    expect(read.body.passings[0]).toMatchObject(row);
  });

  it('gives every time in UTC, to the millisecond', async () => {
    const { caller, token, sandbox } = await withPassings(0);
    await caller.insert(token, [1], { timestamp: '2026-03-15T09:20:25+01:00' });
    await caller.insert(token, [2], { timestamp: '2026-03-15T08:20:25.1239Z' });
    expect(sandbox.state.passings(token).map((row) => row.timestamp)).toEqual([
      '2026-03-15T08:20:25.000Z',
      '2026-03-15T08:20:25.123Z',
    ]);
  });
});

describe('the continuous query', () => {
  it('starts at the first passing of the newest session and resumes after `last`', async () => {
    const { caller, deviceid, token } = await withPassings(45);
    const start = await caller.call('GET', `/passings/device2/${deviceid}`);
    expect(start.body).toMatchObject({ deviceid, session_used: token, session_label: 'label', resumed_from: 0 });
    expect(nums(start.body.passings)).toEqual(numbers(45));
    const next = await caller.call('GET', `/passings/device2/${deviceid}?token_session=${token}&last=42`);
    expect(next.body.resumed_from).toBe(42);
    expect(nums(next.body.passings)).toEqual([43, 44, 45]);
    const nothing = await caller.call('GET', `/passings/device2/${deviceid}?token_session=${token}&last=45`);
    expect(nothing.body).toMatchObject({ resumed_from: 45, passings: [] });
  });

  it('gives number 0 only where `last` is left out', async () => {
    const { caller, deviceid, token } = await withPassings(0);
    await caller.insert(token, [0, 1]);
    const query = `/passings/device2/${deviceid}?token_session=${token}`;
    expect(nums((await caller.call('GET', query)).body.passings)).toEqual([0, 1]);
    expect(nums((await caller.call('GET', `${query}&last=0`)).body.passings)).toEqual([1]);
  });

  it('jumps to a newer session at once, and begins it at its first passing', async () => {
    const { caller, deviceid, token } = await withPassings(5);
    const newer = await caller.open(deviceid);
    await caller.insert(newer, [1, 2, 3]);
    const { body } = await caller.call('GET', `/passings/device2/${deviceid}?token_session=${token}&last=2`);
    expect(body).toMatchObject({ session_used: newer, session_label: null, resumed_from: 0 });
    expect(nums(body.passings)).toEqual([1, 2, 3]);
  });

  it('pages, and keeps to a window', async () => {
    const { caller, deviceid, token } = await withPassings(5, { pageSize: 2 });
    const query = `/passings/device2/${deviceid}?token_session=${token}`;
    const read = async (more: string) => nums((await caller.call('GET', query + more)).body.passings);
    expect(await read('&last=1&page=2')).toEqual([4, 5]);
    expect(await read('&from=2026-03-15T08:00:04.000Z')).toEqual([4, 5]);
    expect(await read('&to=2026-03-15T08:00:02.000Z&last=1')).toEqual([2]);
  });

  it('answers 404 for a device without a session, and for a session that is not its own', async () => {
    const { caller, token } = await withPassings(1);
    const deviceid = await caller.bind('S2');
    const none = await caller.call('GET', `/passings/device2/${deviceid}`);
    expect([none.status, none.body]).toEqual([404, { description: 'Sessions not found', deviceid }]);
    await caller.open(deviceid);
    for (const foreign of [token, NOWHERE]) {
      const { status, body } = await caller.call('GET', `/passings/device2/${deviceid}?token_session=${foreign}`);
      expect([status, body]).toEqual([404, { description: 'Session not found', token_session: foreign }]);
    }
  });
});

describe('events', () => {
  it('lists the built-in ones, page by page', async () => {
    const { caller } = await inMemory();
    const { body } = await caller.call('GET', '/events');
    expect(body.pagination).toEqual({ page: 1, limit: 1000, total: 3, has_more: false });
    expect(body.result[0]).toMatchObject({ event_token: expect.stringMatching(ID), name: 'Sandbox Marathon' });
    const second = await caller.call('GET', '/events?page=2&limit=2');
    expect(second.body.pagination).toEqual({ page: 2, limit: 2, total: 3, has_more: false });
    expect(second.body.result).toEqual(body.result.slice(2));
    expect((await caller.call('GET', '/events?limit=1001')).status).toBe(400);
  });
});

describe('endOfPages', () => {
  const pastTheEnd = async (endOfPages: SandboxOptions['endOfPages']) => {
    const { caller, deviceid, token } = await withPassings(2, { endOfPages, pageSize: 2 });
    const empty = await caller.open(await caller.bind('S2'));
    const shown = async (path: string, field = 'result') => {
      const { status, body } = await caller.call('GET', path);
      return status === 200 ? body[field] : status;
    };
    return [
      await shown(`/passings/session/${token}?page=2`),
      await shown(`/passings/device/${deviceid}?page=2`),
      await shown(`/passings/device2/${deviceid}?page=2`, 'passings'),
      await shown('/devices?page=2'),
      await shown(`/passings/session/${empty}?page=1`),
      await shown('/events?page=9'),
    ];
  };

  it.each([
    ['empty', [[], [], [], [], [], []]],
    ['absent', [undefined, undefined, undefined, undefined, undefined, []]],
    ['404', [404, 404, 404, 404, [], []]],
  ] as const)('%s', async (endOfPages, expected) => {
    expect(await pastTheEnd(endOfPages)).toEqual(expected);
  });
});

describe('envelope', () => {
  it.each(['spec', 'flat'] as const)('%s, for success and failure', async (envelope) => {
    const { caller } = await inMemory({ envelope });
    const wrapped = (body: unknown) => (envelope === 'spec' ? { body } : body);
    const missing = await caller.call('GET', `/devices/${NOWHERE}`);
    expect(missing.raw).toEqual(wrapped({ description: 'Device not found', deviceid: NOWHERE }));
    const list = await caller.call('GET', '/devices');
    expect(list.raw).toEqual(wrapped(list.body));
    expect(list.body.result).toEqual([]);
  });
});
