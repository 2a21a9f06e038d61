import { describe, expect, it } from 'vitest';
import { inMemory, numbers, passing, TRANSPORTS } from './caller.js';

async function rigWithSession() {
  const rig = await inMemory();
  const deviceid = await rig.caller.bind('S1');
  return { ...rig, deviceid, token_session: await rig.caller.open(deviceid) };
}

describe('a bad request is refused whole, and told which field', () => {
  it.each<[label: string, change: object, problem: string]>([
    ['an unknown field', { chips: 'A' }, 'passings_list[1].chips is not a known field'],
    ['a bib that is a number', { bib: 7 }, 'passings_list[1].bib must be a string'],
    ['no bib', { bib: undefined }, 'passings_list[1].bib must be a string'],
    ['a fraction', { num_passing: 1.5 }, 'passings_list[1].num_passing must be an integer of 0 or more'],
    ['a negative number', { num_passing: -1 }, 'passings_list[1].num_passing must be an integer of 0 or more'],
    ['a number as text', { num_passing: '1' }, 'passings_list[1].num_passing must be an integer of 0 or more'],
    ['a time without a zone', { timestamp: '2026-03-15T08:00:00' }, 'passings_list[1].timestamp must be a date-time'],
    ['a month that is none', { timestamp: '2026-13-15T08:00:00Z' }, 'passings_list[1].timestamp must be a date-time'],
    ['a coordinate as text', { latitude: '12.000' }, 'passings_list[1].latitude must be a number or null'],
    ['a chip that is a number', { chip: 12 }, 'passings_list[1].chip must be a string or null'],
  ])('%s', async (_label, change, problem) => {
    const { caller, sandbox, token_session } = await rigWithSession();
    const { status, body } = await caller.call('POST', '/passings', {
      body: { token_session, passings_list: [passing(1), { ...passing(2), ...change }] },
    });
    expect(status).toBe(400);
    expect(body.description).toContain(`Bad request: ${problem}`);
    expect(sandbox.state.passings(token_session)).toEqual([]);
  });

  it('takes every field there is, and null for the optional ones', async () => {
    const { caller, sandbox, token_session } = await rigWithSession();
    const optional = {
      participant_id: 'P',
      chip: 'C',
      latitude: 1.5,
      longitude: -2,
      status: 'Sent',
      timezone: 'UTC',
      gender: 'F',
    };
    const nulls = Object.fromEntries(Object.keys(optional).map((name) => [name, null]));
    await caller.insert(token_session, [1], optional);
    await caller.insert(token_session, [2], nulls);
    const [full, empty] = sandbox.state.passings(token_session);
    expect(full).toMatchObject({ ...passing(1), ...optional });
    expect(empty).toMatchObject({ ...passing(2), ...nulls });
  });

  it.each<[path: string, body: unknown, problem: string]>([
    ['/passings', { passings_list: [passing(1)] }, 'token_session must be a string that is not empty'],
    ['/passings', { token_session: 'T', passings_list: [] }, 'passings_list must be an array of at least one passing'],
    ['/passings', { token_session: 'T', passings_list: [null] }, 'passings_list[0] must be an object'],
    ['/passings', { token_session: 'T', passings_list: [passing(1)], extra: 1 }, 'extra is not a known field'],
    ['/passings', [], 'the body must be an object'],
    ['/devices', { model: 'M', serial_number: 'S' }, 'type must be a string that is not empty'],
    ['/devices', { type: 'T', serial_number: 'S' }, 'model must be a string that is not empty'],
    ['/devices', { type: 'T', model: 'M' }, 'serial_number must be a string that is not empty'],
    ['/devices', { type: 'T', model: 'M', serial_number: 'S', alias: null }, 'alias must be a string'],
    ['/devices', { type: 'T', model: 'M', serial_number: 'S', name: 'N' }, 'name is not a known field'],
    ['/sessions', {}, 'deviceid must be a string that is not empty'],
    ['/sessions', { deviceid: 'D', label: 'L' }, 'label is not a known field'],
    ['/sessions', '{"deviceid":', 'the body is not JSON'],
    ['/sessions', '', 'the body is not JSON'],
  ])('%s %j', async (path, body, problem) => {
    const { caller } = await rigWithSession();
    const answer = await caller.call('POST', path, { body });
    expect([answer.status, answer.body.description]).toEqual([400, `Bad request: ${problem}`]);
  });

  it('takes JSON only', async () => {
    const { caller, deviceid } = await rigWithSession();
    const send = (type: string) =>
      caller.call('POST', '/sessions', { body: { deviceid }, headers: { 'content-type': type } });
    expect((await send('application/json; charset=utf-8')).status).toBe(201);
    expect((await send('application/x-www-form-urlencoded')).body.description).toMatch(/Content-Type/);
    expect((await send('application/jsonp')).status).toBe(400);
  });
});

describe.each(TRANSPORTS)('maxBodyBytes over %s', (_name, rig) => {
  it('is kept to the byte', async () => {
    await using limited = await rig({ maxBodyBytes: 2_000 });
    const { caller, sandbox } = limited;
    const token_session = await caller.open(await caller.bind('S1'));
    const body = (bytes: number) => {
      const text = JSON.stringify({ token_session, passings_list: [{ ...passing(1), status: '' }] });
      return text.replace('"status":""', `"status":"${'é'.repeat(300)}${'x'.repeat(bytes - text.length - 600)}"`);
    };
    expect(Buffer.byteLength(body(2_001))).toBe(2_001);
    const over = await caller.call('POST', '/passings', { body: body(2_001) });
    expect(over.status).toBe(413);
    expect(over.raw).toEqual({ body: { description: 'Payload too large: at most 2000 bytes' } });
    expect(sandbox.state.passings(token_session)).toEqual([]);
    expect((await caller.call('POST', '/passings', { body: body(2_000) })).status).toBe(201);
    const far = await caller.call('POST', '/passings', { body: body(3_000_000) });
    expect(far.status).toBe(413);
  });

  it('is 1 MiB unless said otherwise', async () => {
    await using plain = await rig();
    const { caller } = plain;
    const token = await caller.open(await caller.bind('S1'));
    expect((await caller.insert(token, numbers(5_000))).status).toBe(201);
    expect((await caller.insert(token, numbers(20_000))).status).toBe(413);
  });
});
