// Counts and cursors in one file: whatever ends the board, and whatever becomes of the file, nothing is counted twice or lost.
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RufusClient, RufusConfigError } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Journal } from '../../src/board/journal.js';
import { Race } from '../../src/board/race.js';
import type { RunnerCrossings, State } from '../../src/board/wire.js';
import { Random } from '../../src/simulation/field.js';
import { boardOf, company, Listener, type Mat, reads, readsOf, startBoard, stateOf, stateWhen } from './support.js';

async function stateFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rufus-board-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'race.board');
}

const figures = ({ devices }: State) =>
  devices.map(({ deviceid, reads: count, runners, last, perMinute }) => ({
    deviceid,
    count,
    runners,
    last,
    perMinute,
  }));

test('goes on after kill -9 at any moment, exactly', { timeout: 120_000 }, async () => {
  const file = await stateFile();
  const sandbox = new Sandbox();
  const server = await sandbox.listen();
  onTestFinished(() => server.close());
  const writer = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
  const { deviceid } = await writer.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' });
  const { token_session } = await writer.sessions.create({ deviceid });
  const random = new Random(9);

  const start = () => startBoard({ URL_OF: server.url, KEY: sandbox.keys.read, DEVICE: deviceid, STATE: file });

  const TOTAL = 12_000;
  let sent = 0;
  const send = async (count: number) => {
    const bibs = Array.from({ length: count }, () => 1 + random.below(900));
    await writer.passings.insertMany(token_session, reads(bibs, sent + 1), { batchSize: 40 });
    sent += count;
  };
  for (let kills = 0; kills < 5; kills++) {
    const { child, url } = await start();
    const sending = send(TOTAL / 6);
    // In the middle of it.
    const counted = readsOf(await stateOf(url));
    await stateWhen(url, (state) => readsOf(state) > counted + 100 + random.below(1_200));
    child.kill('SIGKILL');
    await sending;
  }
  await send(TOTAL / 6);
  const { child, url } = await start();
  const state = await stateWhen(url, (now) => readsOf(now) >= TOTAL);
  const held = sandbox.state.passings(token_session);
  expect(state.devices[0]).toMatchObject({ reads: TOTAL, runners: new Set(held.map(({ bib }) => bib)).size });
  const minutes = state.devices[0]!.perMinute;
  expect(minutes.reduce((sum, [, count]) => sum + count, 0)).toBe(TOTAL);
  const { crossings } = (await (await fetch(`${url}/api/runner?bib=17`)).json()) as RunnerCrossings;
  expect(crossings).toHaveLength(held.filter(({ bib }) => bib === '17').length);
  child.kill('SIGKILL');
});

test('shows after a restart without network what it knew, and says that RUFUS is away', async () => {
  const file = await stateFile();
  const { line, writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  const first = await boardOf({ client: clientOf(), devices: [deviceid], state: file });
  await writer.passings.insert(token_session, [
    ...reads(['7', '8']),
    { num_passing: 3, bib: '7', timestamp: new Date() },
  ]);
  const before = await stateWhen(first.url, (state) => readsOf(state) === 3);
  await first.close();

  line.state = 'cut';
  const second = await boardOf({ client: clientOf(), devices: [deviceid], state: file });
  const after = await stateOf(second.url);
  expect(after.link.state).toBe('outage');
  expect(figures(after)).toEqual(figures(before));
  expect(after.recent).toEqual(before.recent);
  expect(after.recent[0]!.delayMs).toBeGreaterThanOrEqual(0);
});

test('is readable by its owner only, and holds no key', async () => {
  const file = await stateFile();
  const { sandbox, writer, mats, clientOf } = await company(['Finish']);
  const board = await boardOf({ client: clientOf(), devices: [mats[0]!.deviceid], state: file });
  await writer.passings.insert(mats[0]!.token_session, reads(['7']));
  await stateWhen(board.url, (state) => readsOf(state) === 1);
  if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).not.toContain(sandbox.keys.read);
});

test('counts right whatever is cut off the file, or written over its end', async () => {
  const file = await stateFile();
  const { writer, mats, clientOf } = await company(['Start', 'Finish']);
  const devices = mats.map(({ deviceid }) => deviceid);
  const first = await boardOf({ client: clientOf(), devices, state: file });
  for (let number = 1; number <= 12; number++) {
    for (const { token_session } of mats) await writer.passings.insert(token_session, reads([number % 5], number));
    await stateWhen(first.url, (state) => readsOf(state) === 2 * number);
  }
  const right = figures(await stateOf(first.url));
  await first.close();
  const whole = await readFile(file);
  const random = new Random(3);
  const headerEnd = whole.indexOf('\n') + 1;
  for (let round = 0; round < 12; round++) {
    const cut = headerEnd + random.below(whole.length - headerEnd);
    const damaged = Buffer.from(whole);
    // A torn end; or as some file systems leave it after a power cut, a piece of zeros.
    await writeFile(file, round % 2 === 0 ? damaged.subarray(0, cut) : damaged.fill(0, cut, cut + 100));
    const board = await boardOf({ client: clientOf(), devices, state: file });
    expect(figures(await stateWhen(board.url, (state) => readsOf(state) >= 24))).toEqual(right);
    await board.close();
    // What was written behind the damage is of use.
    const race = new Race();
    await (await Journal.open(file, (record) => race.take(record))).close();
    for (const deviceid of devices) race.show(deviceid);
    expect(readsOf(race.state())).toBe(24);
  }
});

test('counts a line once that two boards have written', async () => {
  const file = await stateFile();
  const { writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  const options = { client: clientOf(), devices: [deviceid], state: file };
  const [one, two] = [await boardOf(options), await boardOf(options)];
  await writer.passings.insert(token_session, [...reads(['1', '2', '3']), ...reads(['9'], 6)]);
  for (const { url } of [one, two]) await stateWhen(url, (state) => readsOf(state) === 4);
  // A hole is filled: late passings are not counted twice either.
  await writer.passings.insert(token_session, reads(['4'], 4));
  for (const { url } of [one, two]) await stateWhen(url, (state) => readsOf(state) === 5);
  const second = await writer.sessions.create({ deviceid });
  await writer.passings.insert(second.token_session, reads(['5']));
  for (const { url } of [one, two]) await stateWhen(url, (state) => readsOf(state) === 6);
  await Promise.all([one.close(), two.close()]);
  expect((await readFile(file, 'utf8')).split('\n').length).toBeGreaterThan(6);
  const again = await boardOf(options);
  expect((await stateOf(again.url)).devices[0]).toMatchObject({ reads: 6, runners: 6 });
});

test.each([
  ['a file of somebody else', 'bib,time\n17,09:41\n'],
  ['one of a later version', '{"format":"rufus-client board","version":2}\n{}\n'],
])('refuses %s, and leaves it as it is', async (_, content) => {
  const file = await stateFile();
  await writeFile(file, content);
  const { mats, clientOf } = await company(['Finish']);
  const refused = boardOf({ client: clientOf(), devices: [mats[0]!.deviceid], state: file });
  await expect(refused).rejects.toThrow(RufusConfigError);
  expect(await readFile(file, 'utf8')).toBe(content);
});

test('begins anew where a kill came before the first line was whole', async () => {
  const file = await stateFile();
  await writeFile(file, '{"format":"rufus-cl');
  const { mats, clientOf } = await company(['Finish']);
  await (await boardOf({ client: clientOf(), devices: [mats[0]!.deviceid], state: file })).close();
  expect((await readFile(file, 'utf8')).split('\n')).toEqual(['{"format":"rufus-client board","version":1}', '']);
});

test('names the folder that is missing', async () => {
  const { mats, clientOf } = await company(['Finish']);
  const state = join(tmpdir(), 'no-such-folder', 'race.board');
  const refused = boardOf({ client: clientOf(), devices: [mats[0]!.deviceid], state });
  await expect(refused).rejects.toThrow(/cannot be written.*no-such-folder/);
});

test.each([
  ['a part of a line', 20],
  ['nothing', 0],
])('counts on when the disk is full and takes %s, says so, and is right after a restart', async (_, taken) => {
  const file = await stateFile();
  const { writer, mats, clientOf } = await company(['Finish']);
  const [{ deviceid, token_session }] = mats as [Mat];
  const board = await boardOf({ client: clientOf(), devices: [deviceid], state: file });
  const listener = new Listener(board.url);
  await writer.passings.insert(token_session, reads(['1']));
  await stateWhen(board.url, (state) => readsOf(state) === 1);

  const handle = await open(file);
  const prototype = Object.getPrototypeOf(handle) as { appendFile(text: string): Promise<void> };
  await handle.close();
  const full = vi.spyOn(prototype, 'appendFile').mockImplementation(async function (this: unknown, text) {
    await appendFile(file, text.slice(0, taken));
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  await writer.passings.insert(token_session, reads(['2'], 2));
  await stateWhen(board.url, (state) => readsOf(state) === 2);
  full.mockRestore();
  await writer.passings.insert(token_session, reads(['3'], 3));
  await stateWhen(board.url, (state) => readsOf(state) === 3);
  await listener.when(() => listener.heard.some(({ data }) => 'notice' in data && /ENOSPC/.test(data.notice ?? '')));
  await board.close();

  const again = await boardOf({ client: clientOf(), devices: [deviceid], state: file });
  expect((await stateWhen(again.url, (state) => readsOf(state) >= 3)).devices[0]).toMatchObject({
    reads: 3,
    runners: 3,
  });
});

test('takes 200,000 lines in less than the patience of who waits for a restart', { timeout: 60_000 }, async () => {
  const file = await stateFile();
  const journal = await Journal.open(file, () => {});
  const line = (number: number) => ({
    deviceid: 'D',
    cursor: { token_session: 'T'.repeat(64), last: number },
    from: 0,
    at: 0,
    late: false,
    rows: [[number, '2026-04-20T09:00:00.000Z', String(number % 30_000), null]] as const,
  });
  await journal.close();
  const lines = Array.from({ length: 200_000 }, (_, index) => `${JSON.stringify(line(index + 1))}\n`);
  await appendFile(file, lines.join(''));
  let count = 0;
  const startedAt = performance.now();
  await (await Journal.open(file, () => count++)).close();
  expect(count).toBe(200_000);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect(existsSync(file)).toBe(true);
  await truncate(file, 0);
});
