// requeue and rewind, against the sandbox.
import { rmSync } from 'node:fs';
import { openOutbox } from 'rufus-client/outbox';
import { describe, expect, onTestFinished, test } from 'vitest';
import { refusedPort } from '../../support/client.js';
import { rufus, start } from '../support/rufus.js';
import { filledFolder } from './folders.js';

const figures = (stdout: string) => JSON.parse(stdout);
const DAY = ['--from', '2026-05-03T00:00:00Z', '--to', '2026-05-03T23:59:59Z'];

describe('requeue', () => {
  test('sends what is parked, behind what is pending, with new numbers, once', async () => {
    const { directory, env, sandbox, token_session } = await filledFolder();
    const { code, stdout, stderr } = await rufus(['outbox', 'requeue', directory, '--json'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(figures(stdout)).toEqual({ requeued: 4, pending: 0, parked: 0 });
    const stored = sandbox.state.passings(token_session).map(({ num_passing, bib }) => `${num_passing}:${bib}`);
    expect(stored).toEqual(['1:15', '2:16', '3:17', '4:18', '5:19', '6:20', '7:11', '8:12', '9:13', '10:14']);
    const again = await rufus(['outbox', 'requeue', directory, '--json'], { env });
    expect(figures(again.stdout)).toEqual({ requeued: 0, pending: 0, parked: 0 });
    expect(again).toMatchObject({ code: 0, stderr: 'Nothing that is parked is to be sent again.\n' });
    expect(sandbox.state.passings(token_session)).toHaveLength(10);
  });

  test('in another session', async () => {
    const { directory, env, sandbox, client, deviceid, token_session } = await filledFolder();
    // This closes the one that has six pending: they are parked then.
    const other = (await client.sessions.create({ deviceid })).token_session;
    const first = await rufus(['outbox', 'requeue', directory, '--session', other, '--json'], { env });
    expect(first.code).toBe(6);
    expect(figures(first.stdout)).toEqual({ requeued: 4, pending: 0, parked: 6 });
    expect(first.stderr).toMatch(
      /^6 are parked: see rufus outbox parked|\nwarning: 6 are parked: see rufus outbox parked/,
    );
    const second = await rufus(['outbox', 'requeue', directory, '--reason', 'session-closed', '--json'], { env });
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(sandbox.state.passings(token_session)).toEqual([]);
    expect(sandbox.state.passings(other).map(({ bib }) => Number(bib))).toEqual([
      11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    ]);
  });

  test('of another reason, nothing', async () => {
    const { directory, env } = await filledFolder();
    const { code, stdout, stderr } = await rufus(['outbox', 'requeue', directory, '--reason', 'rejected', '--json'], {
      env,
    });
    expect(figures(stdout)).toEqual({ requeued: 0, pending: 0, parked: 4 });
    expect({ code, stderr }).toMatchObject({ code: 6, stderr: expect.stringContaining('4 are parked') });
  });

  test('without network it is on disk, and exit code 6 says that it is not delivered', async () => {
    const { directory, env, sandbox, token_session } = await filledFolder();
    const offline = { ...env, RUFUS_BASE_URL: `http://127.0.0.1:${await refusedPort()}/v0` };
    const { code, stdout, stderr } = await rufus(['outbox', 'requeue', directory, '--drain', '1s', '--json'], {
      env: offline,
    });
    expect(code).toBe(6);
    expect(figures(stdout)).toEqual({ requeued: 4, pending: 10, parked: 0 });
    expect(stderr).toMatch(/10 are not delivered yet \(.*\): run rufus forward, or this again\./);
    expect((await rufus(['outbox', 'requeue', directory], { env })).code).toBe(0);
    expect(sandbox.state.passings(token_session)).toHaveLength(10);
  });

  test('with a key that is refused: exit code 3, and what was requeued stays', async () => {
    const { directory, env } = await filledFolder();
    const { code, stdout, stderr } = await rufus(['outbox', 'requeue', directory, '--json'], {
      env: { ...env, RUFUS_API_KEY: `ror-${'0'.repeat(32)}` },
    });
    expect(code).toBe(3);
    expect(figures(stdout)).toEqual({ requeued: 4, pending: 10, parked: 0 });
    expect(stderr).toMatch(/\nrufus: .*403.*See rufus doctor\.\n$|^rufus: .*403.*See rufus doctor\.\n$/);
  });

  test('Ctrl-C ends it, and says what is left', async () => {
    const { directory, env } = await filledFolder();
    const offline = { ...env, RUFUS_BASE_URL: `http://127.0.0.1:${await refusedPort()}/v0` };
    const running = start(['outbox', 'requeue', directory], { env: offline });
    await running.printed(/outbox: |warning: /, 'stderr');
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/10 are not delivered yet/);
  });

  test('of a folder that is in use: exit code 1, and by whom', async () => {
    const { directory, env, client, token_session } = await filledFolder();
    const outbox = await openOutbox({ client, directory, session: { token_session } });
    onTestFinished(async () => void (await outbox.close()));
    const { code, stdout, stderr } = await rufus(['outbox', 'requeue', directory], { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^rufus: .* is in use by process ${process.pid} .*Stop that one first\\.\\n$`));
  });

  test('needs a key', async () => {
    const { directory } = await filledFolder();
    expect(await rufus(['outbox', 'requeue', directory])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no API key'),
    });
  });
});

describe('rewind', () => {
  test('sends what was delivered again; a session that takes no more is skipped: exit code 6', async () => {
    const { directory, env, sandbox, token_session } = await filledFolder();
    expect((await rufus(['outbox', 'requeue', directory], { env })).code).toBe(0);
    const { code, stdout, stderr } = await rufus(['outbox', 'rewind', directory, ...DAY, '--json'], { env });
    expect(code).toBe(6);
    expect(figures(stdout)).toEqual({ sent: 10, skipped: 10 });
    expect(stderr).toMatch(/10 were not sent: session \w{8}… is closed\.\n$/);
    expect(sandbox.state.passings(token_session)).toHaveLength(10);
  });

  test('a window, all of it open: exit code 0', async () => {
    const { directory, env } = await filledFolder();
    await rufus(['outbox', 'requeue', directory], { env });
    const window = ['--from', '2026-05-03T09:00:15Z', '--to', '2026-05-03T09:00:17Z'];
    const { code, stdout, stderr } = await rufus(['outbox', 'rewind', directory, ...window, '--json'], { env });
    expect({ code, stderr, ...figures(stdout) }).toEqual({ code: 0, stderr: '', sent: 3, skipped: 0 });
  });

  test('times that are none are misuse; without network it ends, and says so', async () => {
    const { directory, env } = await filledFolder();
    const wrong = await rufus(['outbox', 'rewind', directory, '--from', 'noon', '--to', '2026-05-03T09:00:00Z'], {
      env,
    });
    expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^rufus: [^\n]*from[^\n]*\n$/) });
    const offline = { ...env, RUFUS_BASE_URL: `http://127.0.0.1:${await refusedPort()}/v0` };
    const { code, stdout, stderr } = await rufus(['outbox', 'rewind', directory, ...DAY, '--drain', '1s'], {
      env: offline,
    });
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toMatch(
      /rufus: Stopped before all was confirmed \(.*\): run it again, nothing is stored twice\.\n$/,
    );
    rmSync(directory, { recursive: true });
  });
});
