import { describe, expect, it } from 'vitest';
import type { ZodObject } from 'zod';
import * as wire from '../../src/generated/zod.gen.js';
import type { SandboxOptions } from '../../src/testing/index.js';
import { type Caller, inMemory } from './caller.js';

/** Fits the OpenAPI document, and has no field that the document does not know. */
function agrees(schema: ZodObject, answer: unknown): void {
  expect(() => schema.strict().parse(answer)).not.toThrow();
}

/** One answer of every operation, with the schema of its body and of the items in it. */
async function everyAnswer(caller: Caller) {
  const bind = await caller.call('POST', '/devices', {
    body: { type: 'reader', model: 'M1', serial_number: 'S1', firmware: '1' },
  });
  const { deviceid } = bind.body;
  await caller.bind('S2');
  const create = await caller.call('POST', '/sessions', { body: { deviceid, alias: 'one' } });
  const { token_session } = create.body;
  const insert = await caller.insert(token_session, [1], { latitude: 41.38, longitude: 2 });
  await caller.insert(token_session, [2]);
  const get = (path: string) => caller.call('GET', path);
  return [
    [bind, wire.DeviceReceipt],
    [create, wire.SessionReceipt],
    [insert, wire.InsertReceipt],
    [await get('/devices'), wire.DeviceList, wire.Device],
    [await get(`/sessions/${token_session}`), wire.SessionList, wire.Session],
    [await get(`/sessions/device/${deviceid}`), wire.SessionList, wire.Session],
    [await get(`/sessions/device/${deviceid}/active`), wire.SessionList, wire.Session],
    [await get(`/passings/session/${token_session}`), wire.PassingList, wire.Passing],
    [await get(`/passings/device/${deviceid}?page=1`), wire.PassingList, wire.Passing],
    [await get(`/passings/device2/${deviceid}`), wire.PassingPoll, wire.Passing],
    [await get('/events'), wire.EventList, wire.RaceEvent],
    [await caller.call('PATCH', `/sessions/close/${token_session}`), wire.SessionReceipt],
    [await get(`/devices/${deviceid}`), undefined, wire.Device],
    [await caller.call('DELETE', `/devices/${deviceid}`), wire.DeviceReceipt],
  ] as const;
}

describe('every answer agrees with openapi/rufus.yaml', () => {
  it.each<SandboxOptions>([{}, { envelope: 'flat', coordinates: 'number' }, { endOfPages: 'absent' }])(
    '%j',
    async (options) => {
      const { caller } = await inMemory(options);
      const answers = await everyAnswer(caller);
      expect(answers).toHaveLength(14);
      for (const [{ status, body, raw }, schema, item] of answers) {
        expect(status).toBeLessThan(300);
        expect(raw).toEqual(options.envelope === 'flat' ? body : { body });
        if (schema !== undefined) agrees(schema, body);
        const items = item === undefined ? [] : [body.result ?? body.passings].flat();
        if (item !== undefined) expect(items).not.toHaveLength(0);
        for (const one of items) agrees(item!, one);
      }
    },
  );

  it('and the empty ones too', async () => {
    for (const endOfPages of ['empty', 'absent'] as const) {
      const { caller } = await inMemory({ endOfPages });
      agrees(wire.DeviceList, (await caller.call('GET', '/devices')).body);
      const deviceid = await caller.bind('S1');
      const token = await caller.open(deviceid);
      agrees(wire.PassingList, (await caller.call('GET', `/passings/session/${token}`)).body);
      agrees(wire.PassingPoll, (await caller.call('GET', `/passings/device2/${deviceid}`)).body);
      agrees(wire.EventList, (await caller.call('GET', '/events?page=9')).body);
      const [session] = (await caller.call('GET', `/sessions/${token}`)).body.result;
      agrees(wire.Session, session);
    }
  });
});
