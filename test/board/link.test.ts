// What the board says of RUFUS, of each device, and since when.
import { describe, expect, test } from 'vitest';
import { Links } from '../../src/board/links.js';
import type { DeviceStatus, FullState } from '../../src/board/wire.js';
import { boardOf, company, Listener, type Mat, reads, readsOf, stateOf, stateWhen } from './support.js';

/** The status of a device, as a page has it. */
function statusOf(listener: Listener, deviceid: string): DeviceStatus | undefined {
  return listener.heard.reduce<DeviceStatus | undefined>(
    (status, { event, data }) => (event === 'beat' ? status : (data.status?.[deviceid] ?? status)),
    undefined,
  );
}

function linkOf(listener: Listener): FullState['link'] | undefined {
  return listener.heard.findLast(({ data }) => 'link' in data && data.link !== undefined)?.data?.['link' as never];
}

test('a cut link is an outage since it was cut, and live again once it is mended', async () => {
  const { line, writer, mats, clientOf } = await company(['Start', 'Finish']);
  const board = await boardOf({ client: clientOf(), devices: mats.map(({ deviceid }) => deviceid) });
  const listener = new Listener(board.url);
  await writer.passings.insert(mats[0]!.token_session, reads(['1']));
  expect((await stateWhen(board.url, (state) => readsOf(state) === 1)).link.state).toBe('live');

  const cutAt = Date.now();
  line.state = 'cut';
  const outage = await stateWhen(board.url, ({ link }) => link.state === 'outage');
  expect(Date.parse(outage.link.since)).toBeGreaterThanOrEqual(cutAt - 50);
  expect(Date.parse(outage.link.since)).toBeLessThan(cutAt + 2_000);
  await listener.when(() => linkOf(listener)?.state === 'outage');
  await listener.when(() => statusOf(listener, mats[1]!.deviceid)?.follow.state === 'outage');

  await writer.passings.insert(mats[1]!.token_session, reads(['2']));
  const mendedAt = Date.now();
  line.state = 'up';
  const live = await stateWhen(board.url, ({ link }) => link.state === 'live');
  expect(Date.parse(live.link.since)).toBeGreaterThanOrEqual(mendedAt);
  await stateWhen(board.url, (state) => readsOf(state) === 2);
  await listener.when(() => linkOf(listener)?.state === 'live');
});

test('what is learnt about a state does not change since when it is so', () => {
  const [start, later, muchLater] = [1_000, 2_000, 3_000].map((ms) => new Date(ms)) as [Date, Date, Date];
  const links = new Links(start);
  expect(links.set('D', 'ended', later, 'no device')).toBe(true);
  expect(links.set('D', 'ended', muchLater, 'no device')).toBe(false);
  expect(links.set('D', 'ended', muchLater, 'no session')).toBe(true);
  expect(links.of('D')).toEqual({ state: 'ended', since: later.toISOString(), reason: 'no session' });
  links.set('D', 'outage', later);
  links.set('E', 'outage', muchLater);
  expect(links.total).toEqual({ state: 'outage', since: later.toISOString() });
  links.set('E', 'refused', muchLater);
  expect(links.total).toEqual({ state: 'refused', since: muchLater.toISOString() });
});

test('an outage counts from its first failure, however long it lasts', async () => {
  const { line, mats, clientOf } = await company(['Finish']);
  line.state = 'cut';
  const board = await boardOf({ client: clientOf(), devices: [mats[0]!.deviceid] });
  const { link } = await stateOf(board.url);
  expect(link.state).toBe('outage');
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect((await stateOf(board.url)).link).toEqual(link);
});

describe.each([401, 403])('a key that gets %s', (status) => {
  test('is refused, in words of their own, and tried again', async () => {
    const { line, writer, mats, clientOf } = await company(['Finish']);
    const [{ deviceid, token_session }] = mats as [Mat];
    const board = await boardOf({ client: clientOf(), devices: [deviceid] });
    line.state = status;
    const refused = await stateWhen(board.url, ({ link }) => link.state === 'refused');
    expect(Date.now() - Date.parse(refused.link.since)).toBeLessThan(5_000);
    line.state = 'up';
    await writer.passings.insert(token_session, reads(['1']));
    await stateWhen(board.url, (state) => state.link.state === 'live' && readsOf(state) === 1);
  });

  test('is refused from the start, with the devices or with all', async () => {
    const { line, mats, clientOf } = await company(['Finish']);
    line.state = status;
    for (const devices of [[mats[0]!.deviceid], 'all'] as const) {
      const board = await boardOf({ client: clientOf(), devices });
      expect((await stateOf(board.url)).link.state).toBe('refused');
    }
  });
});

test('a device that is not there is told on its card, and found once it is bound', async () => {
  const { sandbox, writer, mats, clientOf } = await company(['Finish']);
  const missing = 'A'.repeat(64);
  const board = await boardOf({ client: clientOf(), devices: [missing, mats[0]!.deviceid] });
  const listener = new Listener(board.url);
  await listener.when(() => statusOf(listener, missing)?.follow.state === 'ended');
  expect(statusOf(listener, missing)?.follow.reason).toContain('Device not found');
  await writer.passings.insert(mats[0]!.token_session, reads(['1']));
  const state = await stateWhen(board.url, (now) => readsOf(now) === 1);
  // RUFUS does answer.
  expect(state.link.state).toBe('live');
  expect(state.devices.map(({ deviceid, reads: count }) => [deviceid, count])).toEqual([
    [missing, 0],
    [mats[0]!.deviceid, 1],
  ]);
  expect(sandbox.state.devices).toHaveLength(1);
});

test('a device whose session is deleted is told on its card, and its counts stay', async () => {
  const { sandbox, writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  const board = await boardOf({ client: clientOf(), devices: [deviceid] });
  const listener = new Listener(board.url);
  await writer.passings.insert(token_session, reads(['1', '2']));
  await stateWhen(board.url, (state) => readsOf(state) === 2);
  await writer.withOptions({ apiKey: sandbox.keys.admin }).devices.unbind(deviceid);
  await listener.when(() => statusOf(listener, deviceid)?.follow.state === 'ended');
  expect(readsOf(await stateOf(board.url))).toBe(2);
  expect(JSON.stringify(listener.heard)).not.toContain(token_session);
});

describe("with devices: 'all'", () => {
  test('shows every device of the account, and those that are bound later', async () => {
    const { writer, mats, clientOf } = await company(['Start', 'Finish'], { latencyMs: 50 });
    const board = await boardOf({ client: clientOf(), devices: 'all' });
    const listener = new Listener(board.url);
    expect((await stateOf(board.url)).devices.map(({ alias }) => alias)).toEqual(['Start', 'Finish']);
    const late = await writer.devices.bind({ type: 'reader', model: 'R1', serial_number: 'late', alias: '30K' });
    const { token_session } = await writer.sessions.create({ deviceid: late.deviceid });
    await writer.passings.insert(token_session, reads(['5']));
    await writer.passings.insert(mats[0]!.token_session, reads(['6']));
    const state = await stateWhen(board.url, (now) => readsOf(now) === 2);
    expect(state.devices.map(({ alias, reads: count }) => [alias, count])).toEqual([
      ['Start', 1],
      ['Finish', 0],
      ['30K', 1],
    ]);
    await listener.when(() => statusOf(listener, late.deviceid)?.session !== null);
  });

  test('starts without network, and finds them once there is one', async () => {
    const { line, writer, mats, clientOf } = await company(['Finish']);
    line.state = 'cut';
    const board = await boardOf({ client: clientOf(), devices: 'all' });
    expect(await stateOf(board.url)).toMatchObject({ link: { state: 'outage' }, devices: [] });
    await writer.passings.insert(mats[0]!.token_session, reads(['1']));
    line.state = 'up';
    await stateWhen(board.url, (state) => state.link.state === 'live' && readsOf(state) === 1);
  });
});

test('does not wait for a RUFUS that hangs', { timeout: 20_000 }, async () => {
  const { line, mats, clientOf } = await company(['Finish']);
  line.state = 'hanging';
  const startedAt = performance.now();
  const board = await boardOf({ client: clientOf({ timeoutMs: 5_000 }), devices: [mats[0]!.deviceid] });
  expect(performance.now() - startedAt).toBeLessThan(4_500);
  expect((await stateOf(board.url)).link.state).toBe('outage');
  line.state = 'up';
  await stateWhen(board.url, ({ link }) => link.state === 'live');
});

test('tells battery, session and when a device was seen, and what changes', async () => {
  const { writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  let battery: unknown = 82;
  const client = clientOf({
    middleware: [
      async (context, next) => {
        const response = await next(context);
        if (context.operation !== 'devices.get') return response;
        const answer = response.json() as { body: { result: object } };
        Object.assign(answer.body.result, { battery_percentage: battery, charging: true });
        return { ...response, text: JSON.stringify(answer), json: () => answer };
      },
    ],
  });
  const board = await boardOf({ client, devices: [deviceid] });
  const listener = new Listener(board.url);
  const status = () => statusOf(listener, deviceid);
  await listener.when(() => status()?.session !== null && status() !== undefined);
  expect(status()).toMatchObject({
    battery: 82,
    charging: true,
    session: { id: token_session.slice(0, 8), alias: 'Finish' },
    follow: { state: 'live', reason: null },
  });
  await writer.passings.insert(token_session, reads(['1']));
  await listener.when(() => status()?.lastSeen !== null);
  battery = 81;
  await listener.when(() => status()?.battery === 81);
  // Drift of an answer is no reason to fall over.
  battery = 'half';
  await listener.when(() => status()?.battery === null);
  await writer.sessions.close(token_session);
  await listener.when(() => status()?.session === null);
});
