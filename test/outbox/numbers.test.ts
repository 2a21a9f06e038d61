import { cp, mkdir, rm, rmdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { RufusConfigError } from '../../src/index.js';
import { NumberingUnknownError, StorageError } from '../../src/outbox/index.js';
import type { Outbox } from '../../src/outbox/types.js';
import { clientAt, refusedPort, rejection } from '../support/client.js';
import { type NumberingCase, numberingServer } from './support/numbering-server.js';
import { counts, listen, opened, runner, runners, sandboxed, tempFolder } from './support/rig.js';

const numbers = (receipts: readonly { num_passing: number }[]) => receipts.map(({ num_passing }) => num_passing);

/** A box, its folder, and one session on the server. */
async function box(options = {}) {
  const rig = await sandboxed(options);
  const { token_session } = await rig.client.sessions.create({ deviceid: rig.deviceid });
  const directory = await tempFolder();
  const stored = () => rig.sandbox.state.passings(token_session).map(({ num_passing, bib }) => `${num_passing}:${bib}`);
  const open = (session: object = {}, client = rig.client): Promise<Outbox> =>
    opened({ client, directory, session: { token_session, ...session } });
  return { ...rig, token_session, directory, stored, open };
}

describe('a session that the folder knows', () => {
  it('goes on where it stopped; startAt may raise the next number and never lowers it', async () => {
    const { open, stored } = await box();
    const first = await open({ startAt: 10 });
    expect(numbers(await first.append(runners(3)))).toEqual([10, 11, 12]);
    await first.drained();
    await first.close();
    const second = await open({ startAt: 1 });
    expect(numbers(await second.append(runners(2, 4)))).toEqual([13, 14]);
    await second.drained();
    await second.close();
    const third = await open({ startAt: 500 });
    expect(numbers(await third.append(runners(1, 6)))).toEqual([500]);
    await third.drained();
    expect(stored()).toEqual(['10:1', '11:2', '12:3', '13:4', '14:5', '500:6']);
  });

  it('opens offline, and with a key that may not read', async () => {
    const { open, clientOf, sandbox } = await box();
    const first = await open({ startAt: 1 });
    await first.append(runners(3));
    await first.close();
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    const second = await open({}, offline);
    expect(numbers(await second.append(runners(1, 4)))).toEqual([4]);
    await second.close();
    const third = await open({}, clientOf({ apiKey: sandbox.keys.write }));
    expect(numbers(await third.append(runners(1, 5)))).toEqual([5]);
    await third.drained();
    expect(third.stats()).toMatchObject({ delivered: 5, inserted: 5 });
  });

  it('opens within seconds when nobody answers', async () => {
    const { open, sandbox } = await box();
    const first = await open({ startAt: 1 });
    await first.append(runners(1));
    await first.close();
    sandbox.fault({ kind: 'hang', on: 'GET /passings/session/{token_session}', times: 100 });
    const second = await open();
    expect(numbers(await second.append(runners(1, 2)))).toEqual([2]);
  });

  it('an old copy that was put back goes on above what the server has', async () => {
    const { open, directory, stored } = await box();
    const first = await open({ startAt: 1 });
    await first.append(runners(3));
    await first.drained();
    await first.close();
    await cp(directory, `${directory}.old`, { recursive: true });
    const second = await open();
    await second.append(runners(4, 4));
    await second.drained();
    await second.close();
    await rm(directory, { recursive: true });
    await cp(`${directory}.old`, directory, { recursive: true });
    await rm(`${directory}.old`, { recursive: true });
    const restored = await open();
    const events = listen(restored);
    expect(numbers(await restored.append(runners(2, 8)))).toEqual([8, 9]);
    await restored.drained();
    expect(stored()).toEqual(['1:1', '2:2', '3:3', '4:4', '5:5', '6:6', '7:7', '8:8', '9:9']);
    expect(events.of('collision')).toEqual([]);
  });

  it('an image of the whole disk that was put back cannot be told from here, and still goes on above', async () => {
    const { open, sandbox, token_session, client } = await box();
    const first = await open({ startAt: 1 });
    await first.append(runners(2));
    await first.drained();
    await first.close();
    await client.passings.insert(token_session, [{ ...runner(3), num_passing: 3 }]);
    const restored = await open();
    expect(numbers(await restored.append(runners(1, 4)))).toEqual([4]);
    await restored.drained();
    expect(sandbox.state.passings(token_session)).toHaveLength(4);
  });

  it('an old copy goes on far above while nobody can say how far the numbers have come, and is asked for before it sends', async () => {
    const { open, directory, token_session, stored } = await box();
    const first = await open({ startAt: 1 });
    await first.append(runners(1));
    await first.drained();
    await first.close();
    await cp(directory, `${directory}.old`, { recursive: true });
    await rm(directory, { recursive: true });
    await cp(`${directory}.old`, directory, { recursive: true });
    await rm(`${directory}.old`, { recursive: true });
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    const second = await open({}, offline);
    const events = listen(second);
    expect(numbers(await second.append(runners(1, 2)))).toEqual([1_000_002]);
    expect(events.of('numbersSkipped')).toMatchObject([
      { token_session, from: 2, to: 1_000_002, why: { code: 'connection' } },
    ]);
    await second.close();
    // Once is enough.
    const third = await open({}, offline);
    expect(numbers(await third.append(runners(1, 3)))).toEqual([1_000_003]);
    await third.close();
    const fourth = await open();
    await fourth.drained();
    expect(stored()).toEqual(['1:1', '1000002:2', '1000003:3']);
  });

  it('an old copy with a key that may not read goes on far above: nobody can say', async () => {
    const { open, directory, clientOf, sandbox } = await box();
    const first = await open({ startAt: 1 });
    await first.append(runners(1));
    await first.close();
    await cp(directory, `${directory}.old`, { recursive: true });
    await rm(directory, { recursive: true });
    await cp(`${directory}.old`, directory, { recursive: true });
    await rm(`${directory}.old`, { recursive: true });
    const second = await open({}, clientOf({ apiKey: sandbox.keys.write }));
    expect(numbers(await second.append(runners(1, 2)))).toEqual([1_000_002]);
    await second.drained();
    expect(second.stats()).toMatchObject({ inserted: 2, duplicates: 0 });
  });
});

describe('a session that the folder does not know', () => {
  it('begins where startAt says, without asking', async () => {
    const { open, clientOf, sandbox, stored } = await box();
    const outbox = await open({ startAt: 0 }, clientOf({ apiKey: sandbox.keys.write }));
    await outbox.append(runners(2));
    await outbox.drained();
    expect(stored()).toEqual(['0:1', '1:2']);
  });

  it.each([
    ['none', [], 1],
    ['from 1 on', [1, 2, 3], 4],
    ['from 0 on', [0, 1, 2], 3],
    ['with holes', [1, 5, 9], 10],
    ['far out', [1_000_000], 1_000_001],
  ])('is asked for its numbers: %s', async (_, there, next) => {
    const { open, client, token_session } = await box();
    if (there.length > 0) {
      await client.passings.insert(
        token_session,
        there.map((num_passing) => ({ ...runner(num_passing), num_passing })),
      );
    }
    const outbox = await open();
    expect(numbers(await outbox.append(runners(2)))).toEqual([next, next + 1]);
  });

  it.each(['empty', 'absent', '404'] as const)(
    'by number, not by page: pages of 7, their end %s',
    async (endOfPages) => {
      const { open, client, token_session } = await box({ pageSize: 7, endOfPages });
      await client.passings.insertMany(
        token_session,
        runners(40).map((passing, index) => ({ ...passing, num_passing: 3 * index })),
      );
      expect(numbers(await (await open()).append(runners(1)))).toEqual([118]);
    },
  );

  it('the folder was deleted: with a key that may read it goes on, without one it sends nothing', async () => {
    const { open, directory, clientOf, sandbox, token_session, stored } = await box();
    const first = await open({ startAt: 1 });
    await first.append(runners(3));
    await first.drained();
    await first.close();
    await rm(directory, { recursive: true });
    const blind = clientOf({ apiKey: sandbox.keys.write });
    const error = await rejection(NumberingUnknownError, open({}, blind));
    expect(error.cause).toMatchObject({ status: 403 });
    expect(error.message).not.toContain(token_session);
    expect(stored()).toHaveLength(3);
    const second = await open();
    expect(numbers(await second.append(runners(1, 4)))).toEqual([4]);
  });

  it.each([
    ['the session is unknown', { status: 404, body: { description: 'Session not found' } }],
    ['the server fails', { status: 500, body: null }],
    ['a portal answers', { status: 200, body: '<html>' }],
    [
      'the list fails',
      {
        status: 200,
        body: { result: [{ token_session: 'T', active: true, passings: 3 }] },
        list: { status: 503, body: '' },
      },
    ],
    [
      'the list makes no sense',
      {
        status: 200,
        body: { result: [{ token_session: 'T', active: true }] },
        list: { status: 200, body: { result: 7 } },
      },
    ],
  ] satisfies [string, NumberingCase][])('NumberingUnknownError, and nothing is sent: %s', async (_, answers) => {
    const { server, client } = await numberingServer(answers);
    const directory = await tempFolder();
    const error = await rejection(
      NumberingUnknownError,
      opened({ client, directory, session: { token_session: 'T' } }),
    );
    expect(error.cause).toBeInstanceOf(Error);
    expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('an API that says 404 "Passings not found" for an empty range has none', async () => {
    const { client } = await numberingServer({
      status: 200,
      body: { result: [{ token_session: 'T', active: true, passings: 0 }] },
      list: { status: 404, body: { description: 'Passings not found' } },
    });
    const outbox = await opened({ client, directory: await tempFolder(), session: { token_session: 'T' } });
    expect(numbers(await outbox.append(runners(1)))).toEqual([1]);
  });

  it('offline: NumberingUnknownError', async () => {
    const { open } = await box();
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    await rejection(NumberingUnknownError, open({}, offline));
  });
});

describe('a device', () => {
  it("'active-or-new': its active session, going on above what is there", async () => {
    const { client, deviceid, token_session, directory } = await box();
    await client.passings.insert(token_session, [{ ...runner(1), num_passing: 7 }]);
    const outbox = await opened({ client, directory, session: { deviceid, open: 'active-or-new' } });
    expect(await outbox.append(runner(2))).toEqual({ token_session, num_passing: 8 });
  });

  it("'active-or-new': a new one if there is none", async () => {
    const { client, deviceid, sandbox } = await sandboxed();
    const session = { deviceid, open: 'active-or-new', alias: 'Finish' } as const;
    const outbox = await opened({ client, directory: await tempFolder(), session });
    expect(sandbox.state.sessions).toMatchObject([
      { token_session: outbox.token_session, alias: 'Finish', active: true },
    ]);
    expect(await outbox.append(runner(1))).toEqual({ token_session: outbox.token_session, num_passing: 1 });
  });

  it("'active-or-new': offline, a folder with a history of that device goes on with its last session", async () => {
    const { client, deviceid, sandbox } = await sandboxed();
    const directory = await tempFolder();
    const session = { deviceid, open: 'active-or-new' } as const;
    const first = await opened({ client, directory, session });
    await first.append(runners(2));
    await first.close();
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    const second = await opened({ client: offline, directory, session });
    expect(await second.append(runner(3))).toEqual({ token_session: first.token_session, num_passing: 3 });
    await second.close();
    const third = await opened({ client, directory, session });
    await third.drained();
    expect(third.token_session).toBe(first.token_session);
    expect(sandbox.state.passings(first.token_session)).toHaveLength(3);
    expect(sandbox.state.sessions).toHaveLength(1);
  });

  it('a folder of another device is refused, with both of them named', async () => {
    const { client, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const first = await opened({ client, directory, session: { deviceid, open: 'active-or-new' } });
    await first.close();
    const device = { type: 'reader', model: 'M1', serial_number: 'SN-2' };
    const other = await client.devices.bind(device);
    for (const session of [{ deviceid: other.deviceid }, { device }]) {
      const open = opened({ client, directory, session: { ...session, open: 'active-or-new' } });
      const { message } = await rejection(RufusConfigError, open);
      expect(message).toContain(deviceid.slice(0, 8));
      expect(message).toContain(other.deviceid.slice(0, 8));
    }
    // The folder was let go of.
    await opened({ client, directory, session: { deviceid, open: 'active-or-new' } });
  });

  it('{ device }: bound at the first start, remembered from then on', async () => {
    const { sandbox, client } = await sandboxed();
    const directory = await tempFolder();
    const device = { type: 'reader', model: 'R1', serial_number: '0042', alias: 'Finish' };
    const session = { device, open: 'active-or-new' } as const;
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    await expect(opened({ client: offline, directory, session })).rejects.toMatchObject({ code: 'connection' });
    const first = await opened({ client, directory, session });
    expect(sandbox.state.devices.filter(({ serial_number }) => serial_number === '0042')).toHaveLength(1);
    await first.append(runners(2));
    await first.close();
    const second = await opened({ client: offline, directory, session });
    expect(await second.append(runner(3))).toEqual({ token_session: first.token_session, num_passing: 3 });
    await second.close();
    const other = { ...session, device: { ...device, serial_number: '0043' } };
    const { message } = await rejection(RufusConfigError, opened({ client: offline, directory, session: other }));
    expect(message).toMatch(/reader R1 0042.*reader R1 0043/);
    const third = await opened({ client, directory, session });
    await third.drained();
    expect(sandbox.state.passings(first.token_session)).toHaveLength(3);
  });

  it('{ device }: opens within 3 s in front of a silent network, its folder damaged', async () => {
    const { sandbox, client } = await sandboxed();
    const directory = await tempFolder();
    const session = { device: { type: 'reader', model: 'R1', serial_number: '0042' }, open: 'active-or-new' } as const;
    const first = await opened({ client, directory, session });
    await first.append(runners(2));
    await first.drained();
    await first.close();
    await rm(`${directory}/ack.dat`);
    sandbox.fault({ kind: 'hang', times: 100 });
    const begun = performance.now();
    const second = await opened({ client, directory, session });
    expect(performance.now() - begun).toBeLessThan(3_400);
    expect((await second.append(runner(3))).num_passing).toBe(1_000_003);
  }, 15_000);

  it('{ device }: switched to another one, which is remembered in turn', async () => {
    const { client } = await sandboxed();
    const directory = await tempFolder();
    const session = { device: { type: 'reader', model: 'R1', serial_number: '1' }, open: 'active-or-new' } as const;
    const other = { ...session, device: { ...session.device, serial_number: '2' } };
    const first = await opened({ client, directory, session });
    const token_session = await first.switchSession(other);
    await first.close();
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    const second = await opened({ client: offline, directory, session: other });
    expect(second.token_session).toBe(token_session);
  });

  it.each(['{ device }', '{ deviceid }'] as const)(
    '%s: after a switch to a session by its token the folder still opens without network',
    async (form) => {
      const { client, sandbox, deviceid } = await sandboxed();
      const directory = await tempFolder();
      const device = { type: 'reader', model: 'M1', serial_number: 'SN-1' };
      const session = { ...(form === '{ device }' ? { device } : { deviceid }), open: 'active-or-new' } as const;
      const first = await opened({ client, directory, session });
      const { token_session } = await client.sessions.create({ deviceid });
      await first.switchSession({ token_session });
      await first.append(runners(2));
      await first.close();
      const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
      for (let start = 0; start < 2; start++) {
        const again = await opened({ client: offline, directory, session });
        expect(await again.append(runner(3 + start))).toEqual({ token_session, num_passing: 3 + start });
        await again.close();
      }
      const online = await opened({ client, directory, session });
      await online.drained();
      expect(sandbox.state.passings(token_session)).toHaveLength(4);
    },
  );

  it('{ device }: that was unbound and bound again is still the same, and what its old session had pending is parked', async () => {
    const { clientOf, sandbox } = await sandboxed();
    const client = clientOf({ apiKey: sandbox.keys.admin });
    const directory = await tempFolder();
    const device = { type: 'reader', model: 'R1', serial_number: '0042' };
    const session = { device, open: 'active-or-new' } as const;
    const first = await opened({ client, directory, session });
    first.pause();
    await first.append(runners(2));
    await first.close();
    const { deviceid } = await client.devices.ensureBound(device);
    await client.devices.unbind(deviceid);
    const second = await opened({ client, directory, session });
    expect(second.token_session).not.toBe(first.token_session);
    expect(await second.append(runner(3))).toEqual({ token_session: second.token_session, num_passing: 1 });
    await second.drained();
    expect(counts(second)).toMatchObject({ parked: 2, delivered: 1 });
    await second.close();
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    const third = await opened({ client: offline, directory, session });
    expect(third.token_session).toBe(second.token_session);
  });

  it('{ device }: a folder that cannot note it is refused at the first start, and taken with a history', async () => {
    const { client } = await sandboxed();
    const directory = await tempFolder();
    const session = { device: { type: 'reader', model: 'M1', serial_number: 'SN-1' }, open: 'active-or-new' } as const;
    await mkdir(`${directory}/device.json.new`);
    await rejection(StorageError, opened({ client, directory, session }));
    await rmdir(`${directory}/device.json.new`);
    const first = await opened({ client, directory, session });
    await first.close();
    await rm(`${directory}/device.json`);
    await mkdir(`${directory}/device.json.new`);
    const second = await opened({ client, directory, session });
    expect(second.token_session).toBe(first.token_session);
  });

  it('{ device }: an unusable one is refused', async () => {
    const { client } = await sandboxed();
    const session = { device: { type: 'reader', model: '' }, open: 'new' } as never;
    const { message } = await rejection(RufusConfigError, opened({ client, directory: await tempFolder(), session }));
    expect(message).toContain('session.device.');
  });

  it("'active-or-new' with a key that may not read: NumberingUnknownError, and no session is created", async () => {
    const { clientOf, deviceid, sandbox } = await sandboxed();
    const client = clientOf({ apiKey: sandbox.keys.write });
    const session = { deviceid, open: 'active-or-new' } as const;
    await rejection(NumberingUnknownError, opened({ client, directory: await tempFolder(), session }));
    expect(sandbox.state.sessions).toEqual([]);
  });

  it("'new': another one each time, with a key that may only write; what is pending stays with its own", async () => {
    const { clientOf, deviceid, sandbox } = await sandboxed();
    const client = clientOf({ apiKey: sandbox.keys.write });
    const directory = await tempFolder();
    const session = { deviceid, open: 'new' } as const;
    const first = await opened({ client, directory, session });
    await first.append(runners(2));
    await first.drained();
    await first.close();
    const second = await opened({ client, directory, session });
    expect(second.token_session).not.toBe(first.token_session);
    expect(await second.append(runner(3))).toEqual({ token_session: second.token_session, num_passing: 1 });
    await second.drained();
    expect(sandbox.state.passings(first.token_session)).toHaveLength(2);
    expect(sandbox.state.passings(second.token_session)).toHaveLength(1);
  });

  it("'new' offline: rejects, and the folder is free again", async () => {
    const { client, deviceid } = await sandboxed();
    const directory = await tempFolder();
    const session = { deviceid, open: 'new' } as const;
    const offline = clientAt(`http://127.0.0.1:${await refusedPort()}/v0`);
    await expect(opened({ client: offline, directory, session })).rejects.toMatchObject({ code: 'connection' });
    await opened({ client, directory, session });
  });
});
