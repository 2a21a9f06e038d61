import { describe, expect, it } from 'vitest';
import type { SandboxKeys } from '../../src/testing/index.js';
import { inMemory, passing, TRANSPORTS } from './caller.js';

const KINDS = ['read', 'write', 'readWrite', 'admin'] as const;

/** Who may do what: the whole API. */
const TABLE: readonly [method: string, path: string, allowed: readonly (keyof SandboxKeys)[]][] = [
  ['GET', '/devices', ['read', 'readWrite', 'admin']],
  ['GET', '/devices/{deviceid}', ['read', 'readWrite', 'admin']],
  ['POST', '/devices', ['write', 'readWrite', 'admin']],
  ['DELETE', '/devices/{deviceid}', ['admin']],
  ['POST', '/sessions', ['write', 'readWrite', 'admin']],
  ['PATCH', '/sessions/close/{token_session}', ['write', 'readWrite', 'admin']],
  ['GET', '/sessions/{token_session}', ['read', 'readWrite', 'admin']],
  ['GET', '/sessions/device/{deviceid}', ['read', 'readWrite', 'admin']],
  ['GET', '/sessions/device/{deviceid}/active', ['read', 'readWrite', 'admin']],
  ['POST', '/passings', ['write', 'readWrite', 'admin']],
  ['GET', '/passings/session/{token_session}', ['read', 'readWrite', 'admin']],
  ['GET', '/passings/device/{deviceid}', ['read', 'readWrite', 'admin']],
  ['GET', '/passings/device2/{deviceid}', ['read', 'readWrite', 'admin']],
  ['GET', '/events', ['read', 'readWrite', 'admin']],
];

describe('keys', () => {
  it('look like the real ones, and all differ', async () => {
    const { sandbox } = await inMemory();
    const { sandbox: other } = await inMemory();
    const keys = [...Object.values(sandbox.keys), ...Object.values(other.keys)];
    expect(new Set(keys).size).toBe(8);
    for (const key of keys) expect(key).toMatch(/^ror-[0-9a-f]{20}$/);
  });

  it.each(TABLE)('%s %s is for the right ones', async (method, path, allowed) => {
    for (const kind of KINDS) {
      const { sandbox, caller } = await inMemory();
      const deviceid = await caller.bind('S1');
      const token_session = await caller.open(deviceid);
      const bodies: Record<string, unknown> = {
        '/devices': { type: 'reader', model: 'M1', serial_number: 'S2' },
        '/sessions': { deviceid },
        '/passings': { token_session, passings_list: [passing(1)] },
      };
      const before = JSON.stringify([sandbox.state.devices, sandbox.state.sessions]);
      const { status, body } = await caller.call(
        method,
        path.replace('{deviceid}', deviceid).replace('{token_session}', token_session),
        { key: sandbox.keys[kind], body: method === 'POST' ? bodies[path] : undefined },
      );
      if (allowed.includes(kind)) {
        expect(status).toBeLessThan(300);
      } else {
        expect(status).toBe(403);
        expect(body.description).toMatch(/^The api key has no (READ|WRITE|UNBIND) permission$/);
        expect(JSON.stringify([sandbox.state.devices, sandbox.state.sessions])).toBe(before);
      }
    }
  });
});

describe.each(TRANSPORTS)('either header over %s', (_name, rig) => {
  it.each([undefined, 403, 401] as const)(
    'carries the key; none, or a wrong one, is `unknownKey` (%s)',
    async (unknownKey) => {
      await using both = await rig({ unknownKey });
      const refused = unknownKey ?? 403;
      const { caller, sandbox } = both;
      const status = async (headers: Record<string, string>) =>
        (await caller.call('GET', '/devices', { key: null, headers })).status;
      expect(await status({ 'x-api-key': sandbox.keys.read })).toBe(200);
      expect(await status({ api_key: sandbox.keys.read })).toBe(200);
      expect(await status({ api_key: sandbox.keys.read, 'x-api-key': 'ror-00000000000000000000' })).toBe(200);
      expect(await status({ 'x-api-key': 'ror-00000000000000000000' })).toBe(refused);
      expect(await status({ authorization: `Bearer ${sandbox.keys.read}` })).toBe(refused);
      expect(await status({})).toBe(refused);
      // Known, but not for this.
      expect((await caller.call('DELETE', '/devices/D1', { key: sandbox.keys.readWrite })).status).toBe(403);
    },
  );
});
