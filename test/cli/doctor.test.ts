import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judgeClock, judgeTrips, type Trip } from '../../src/cli/doctor/round-trips.js';
import { html, json } from '../support/behaviours.js';
import { refusedPort } from '../support/client.js';
import { startServer } from '../support/server.js';
import { filled, openAccount, passings } from './support/account.js';
import { rufus, temporaryFolder } from './support/rufus.js';

interface Row {
  readonly status: string;
  readonly check: string;
  readonly finding: string;
  readonly advice: string;
}

async function examined(args: readonly string[], env: Record<string, string>) {
  const ended = await rufus(['doctor', '--json', ...args], { env });
  const rows: Row[] = ended.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { ...ended, rows, of: (check: string) => rows.find((row) => row.check === check) };
}

describe('rufus doctor', () => {
  test('finds all well, line by line, and changes nothing', async () => {
    const account = await openAccount();
    const { deviceid } = await filled(account, passings(3));
    const before = JSON.stringify([account.sandbox.state.devices, account.sandbox.state.sessions]);
    const { code, stdout, stderr } = await rufus(['doctor', '--device', deviceid], account);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of [
      /^ok {7}versions: rufus 0\.\d+\.\d+, Node \d+\./,
      /^ok {7}proxy: none$/,
      /^ok {7}key: from RUFUS_API_KEY$/,
      /^ok {7}TLS: none: plain http, to this machine$/,
      /^ok {7}server: http:\/\/127\.0\.0\.1:\d+ answers, /,
      /^ok {7}round trips: median [\d.]+ ms, 95 % within [\d.]+ ms, of 20$/,
      /^ok {7}clock: \d+\.\d s (behind|ahead of) the server, give or take 0\.\d s$/,
      /^ok {7}permissions: the key may read and write$/,
      /^ok {7}device: R1, session Finish with 3 passings, last seen 20/,
    ]) {
      expect(stdout).toMatch(new RegExp(line.source, 'm'));
    }
    expect(JSON.stringify([account.sandbox.state.devices, account.sandbox.state.sessions])).toBe(before);
    expect(stdout).not.toContain(account.env.RUFUS_API_KEY);
  });

  test('tells which permissions a key has, whichever they are', async () => {
    const account = await openAccount();
    const of = async (key: string) => (await examined([], { ...account.env, RUFUS_API_KEY: key })).of('permissions');
    const { read, write, admin } = account.sandbox.keys;
    expect(await of(read)).toMatchObject({
      status: 'warning',
      finding: 'the key may read',
      advice: expect.stringContaining('READ_WRITE'),
    });
    expect(await of(write)).toMatchObject({ status: 'warning', finding: 'the key may write' });
    expect(await of(admin)).toMatchObject({ status: 'ok', finding: 'the key may read, write and unbind devices' });
  });

  test('ends with 3 where the key is refused, and with 2 where there is none', async () => {
    const { env } = await openAccount();
    const refused = await examined([], { ...env, RUFUS_API_KEY: 'ror-00000000000000000000' });
    expect(refused).toMatchObject({ code: 3, stderr: '' });
    expect(refused.of('permissions')).toMatchObject({
      status: 'wrong',
      advice: expect.stringContaining('rufus login'),
    });
    expect(refused.of('round trips')).toMatchObject({ status: 'ok' });
    const { RUFUS_API_KEY: _, ...without } = env;
    const none = await examined([], without);
    expect(none.code).toBe(2);
    expect(none.rows.at(-1)).toMatchObject({
      check: 'key',
      status: 'wrong',
      finding: expect.stringContaining('rufus login'),
    });
  });

  test('ends with 5 where nothing answers, or something else does', async () => {
    const nobody = await examined(['--base-url', `http://127.0.0.1:${await refusedPort()}/v0`], {
      RUFUS_API_KEY: 'ror-1234',
    });
    expect(nobody).toMatchObject({ code: 5, stderr: '' });
    expect(nobody.rows.at(-1)).toMatchObject({
      check: 'server',
      status: 'wrong',
      finding: expect.stringContaining('ECONNREFUSED'),
    });
    const portal = await startServer();
    portal.always(html());
    const caught = await examined([], { RUFUS_BASE_URL: portal.url, RUFUS_API_KEY: 'ror-1234' });
    expect(caught.code).toBe(5);
    expect(caught.rows.at(-1)).toMatchObject({ check: 'server', finding: expect.stringContaining('captive portal') });
    const elsewhere = await startServer();
    elsewhere.always(html(404));
    const lost = await examined([], { RUFUS_BASE_URL: elsewhere.url, RUFUS_API_KEY: 'ror-1234' });
    expect(lost).toMatchObject({ code: 5 });
    expect(lost.rows.at(-1)).toMatchObject({ check: 'server', finding: expect.stringContaining('check the base URL') });
  });

  test('looks at a device', async () => {
    const account = await openAccount();
    const { deviceid } = await account.client.devices.bind({
      type: 'reader',
      model: 'R1',
      serial_number: '1',
      alias: 'Mat',
    });
    const idle = await examined(['--device', deviceid], account.env);
    expect(idle.code).toBe(0);
    expect(idle.of('device')).toMatchObject({
      status: 'warning',
      finding: 'Mat, no active session, last seen never',
      advice: expect.stringContaining(`rufus sessions create ${deviceid}`),
    });
    const unknown = await examined(['--device', 'F'.repeat(64)], account.env);
    expect(unknown.code).toBe(4);
    expect(unknown.of('device')).toMatchObject({
      status: 'wrong',
      finding: expect.stringContaining('Device not found'),
    });
  });

  test('looks at the disk of an outbox, without writing into its folder', async () => {
    const { env } = await openAccount();
    const folder = temporaryFolder();
    const there = await examined(['--outbox', folder], env);
    expect(there.of('disk')?.finding).toMatch(/^\d+ MiB free, a passing is on disk after [\d.]+ ms$/);
    expect(readdirSync(folder)).toEqual([]);
    const notYet = await examined(['--outbox', join(folder, 'a/b')], env);
    expect(notYet.of('disk')?.finding).toMatch(/^\d+ MiB free/);
    expect(readdirSync(folder)).toEqual([]);
    expect(existsSync(join(folder, 'a'))).toBe(false);
  });

  test('tells of a proxy that is set and not used', async () => {
    const { env } = await openAccount();
    const { rows } = await examined([], { ...env, HTTPS_PROXY: 'http://user:secret@proxy.example:3128' });
    expect(rows.find(({ check }) => check === 'proxy')).toMatchObject({
      status: 'warning',
      advice: expect.stringContaining('--proxy env'),
    });
    expect(JSON.stringify(rows)).not.toContain('secret');
  });

  test('tells of answers that get lost', async () => {
    const server = await startServer();
    const list = json(200, {
      description: 'Success',
      pagination: { page: 1, limit: 1, total: 0, has_more: false },
      result: [],
    });
    server.always(list).replies(list, list, html(502), list);
    const { rows } = await examined([], { RUFUS_BASE_URL: server.url, RUFUS_API_KEY: 'ror-1234' });
    expect(rows.find(({ check }) => check === 'round trips')).toMatchObject({
      status: 'warning',
      finding: expect.stringMatching(/; 1 got no answer$/),
    });
  });
});

describe('the difference between two clocks', () => {
  /** Answers of a server whose clock is `aheadMs` ahead of ours. */
  const answers = (aheadMs: number, count = 20, everyMs = 70): Trip[] =>
    Array.from({ length: count }, (_, index) => {
      const sentAt = 1_800_000_000_123 + index * everyMs;
      return { sentAt, answeredAt: sentAt + 30, date: Math.floor((sentAt + 15 + aheadMs) / 1_000) * 1_000 };
    });

  test.each([
    [0, 'ok'],
    [-1_400, 'ok'],
    [5_000, 'warning'],
    [-30_000, 'warning'],
    [3_600_000, 'wrong'],
  ])('of %d ms is %s', (aheadMs, status) => {
    const { finding, status: judged } = judgeClock(answers(aheadMs));
    expect(judged).toBe(status);
    const [, seconds, which, doubt] =
      /^([\d.]+) s (behind|ahead of) the server, give or take ([\d.]+) s$/.exec(finding) ?? [];
    const found = Number(seconds) * (which === 'behind' ? 1_000 : -1_000);
    expect(Math.abs(found - aheadMs)).toBeLessThanOrEqual(Number(doubt) * 1_000 + 100);
  });

  test('is known to a tenth of a second from answers over a second', () => {
    expect(judgeClock(answers(700)).finding).toBe('0.7 s behind the server, give or take 0.1 s');
  });

  test('is not known where the server does not tell its time', () => {
    expect(judgeClock(answers(0).map((trip) => ({ ...trip, date: undefined }))).status).toBe('warning');
  });
});

test('a slow link is a warning', () => {
  const trips = Array.from({ length: 20 }, () => ({ sentAt: 0, answeredAt: 1_500, date: undefined }));
  expect(judgeTrips({ trips, lost: 0 })).toMatchObject({
    status: 'warning',
    finding: 'median 1500 ms, 95 % within 1500 ms, of 20',
  });
});
