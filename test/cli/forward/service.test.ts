// `rufus forward` as a service that somebody leaves alone for a weekend.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/rufus.js';
import { hasTerminals, onTerminal } from '../support/terminal.js';
import { append, Decoder, HEADER, httpOf, line, portOf, rig, TIME, until } from './support/rig.js';

const COLUMNS = ['--columns', 'timestamp,bib'];

describe('a signal', () => {
  test.each(['silent', 'cut', 503] as const)(
    'ends it within 5 s, whatever the server does (%s); what was acknowledged is delivered later',
    async (state) => {
      const { forward, link, stored, delivered } = await rig();
      const first = forward(['--listen', '127.0.0.1:0', '--replies', ...COLUMNS]);
      const decoder = await Decoder.connect(await portOf(first));
      link.state = state;
      decoder.send(Array.from({ length: 500 }, (_, bib) => line(bib)).join(''));
      await decoder.answered(500);
      const stopping = performance.now();
      first.child.kill('SIGTERM');
      const { code, stderr } = await first.ended;
      expect(code).toBe(143);
      expect(performance.now() - stopping).toBeLessThan(5_000);
      expect(stderr).toMatch(/500 passings are in \S+ and not delivered: run the same command again to go on\./);
      link.state = 'up';
      forward(['--listen', '127.0.0.1:0']);
      await delivered(500);
      expect(stored().map(({ bib }) => Number(bib))).toEqual(Array.from({ length: 500 }, (_, bib) => bib));
    },
  );

  test('takes no more lines, and answers each that it has taken', async () => {
    const { forward, stored } = await rig();
    const forwarding = forward(['--listen', '127.0.0.1:0', '--replies', ...COLUMNS]);
    const port = await portOf(forwarding);
    const decoders = await Promise.all([1, 2, 3, 4].map(() => Decoder.connect(port)));
    let bib = 0;
    const sending = setInterval(() => {
      for (const decoder of decoders) decoder.send(line(bib++) + line(bib++));
    }, 1);
    await until(() => decoders.every(({ answers }) => answers.length > 50));
    forwarding.child.kill('SIGTERM');
    expect((await forwarding.ended).code).toBe(143);
    clearInterval(sending);
    await until(() => decoders.every(({ socket }) => socket.closed));
    forward(['--stdin']).child.stdin.end();
    // Not one more is stored than was answered, nor one less.
    const answered = decoders.flatMap(({ answers }) => answers.map((answer) => Number(answer.slice('ok '.length))));
    await until(() => stored().length >= answered.length);
    await sleep(50);
    expect(stored().map(({ num_passing }) => num_passing)).toEqual(answered.sort((one, other) => one - other));
  });

  test('ends it while it waits for a file, for a decoder, and for the server', async () => {
    const { forward, link, folder } = await rig();
    for (const input of [['--tail', join(folder, 'none.csv')], ['--connect', '127.0.0.1:9'], ['--stdin']]) {
      const forwarding = forward([...input, '--http', '0']);
      await httpOf(forwarding);
      forwarding.child.kill('SIGINT');
      expect((await forwarding.ended).code).toBe(130);
    }
    const draining = forward(['--stdin', '--http', '0']);
    await httpOf(draining);
    link.state = 'cut';
    link.requests = 0;
    draining.child.stdin.end(HEADER + line(1));
    await until(() => link.requests > 0);
    draining.child.kill('SIGTERM');
    expect((await draining.ended).code).toBe(143);
  });
});

describe('without network', () => {
  test('it starts in a folder that knows its session, takes lines, and delivers them when the network is there', async () => {
    const { forward, link, delivered, bibs } = await rig();
    const first = forward(['--stdin']);
    first.child.stdin.end(HEADER + line(1));
    expect((await first.ended).code).toBe(0);
    link.state = 'cut';
    const second = forward(['--listen', '127.0.0.1:0', '--replies', ...COLUMNS]);
    const decoder = await Decoder.connect(await portOf(second));
    decoder.send(line(2));
    expect(await decoder.answered(1)).toEqual(['ok 2']);
    link.state = 'up';
    await delivered(2);
    expect(bibs()).toEqual(['1', '2']);
  });

  test.each([
    ['cut', 5, /Open it again once the API answers/],
    [401, 3, /The API key is refused: check it/],
    [403, 3, /Use a key that exists and may read, or --session new/],
  ] as const)('a first start (%s) ends with exit code %d, and says what to do', async (state, exitCode, advice) => {
    const { forward, link } = await rig();
    link.state = state;
    const { code, stderr } = await forward(['--stdin', '--timeout', '1s']).ended;
    expect(code).toBe(exitCode);
    expect(stderr).toMatch(/^rufus: [^\n]+\n$/);
    expect(stderr).toMatch(advice);
    expect(stderr).not.toMatch(/`cause`|startAt|open: /);
  });
});

describe('--session', () => {
  test('is a new one, or one that exists', async () => {
    const { forward, sandbox, client, deviceid, token_session } = await rig();
    const run = async (session: string, bib: number) => {
      const { child, ended } = forward(['--stdin', '--session', session]);
      child.stdin.end(HEADER + line(bib));
      expect(await ended).toMatchObject({ code: 0 });
    };
    await run('new', 1);
    expect((await client.sessions.get(token_session)).active).toBe(false);
    const fresh = (await client.sessions.getActive(deviceid))!.token_session;
    expect(sandbox.state.passings(fresh).map(({ bib }) => bib)).toEqual(['1']);
    await run(fresh, 2);
    expect(sandbox.state.passings(fresh).map(({ bib }) => bib)).toEqual(['1', '2']);
  });
});

describe('--http', () => {
  test('tells how it is, and shortens the token', async () => {
    const { forward, token_session, delivered } = await rig();
    const forwarding = forward(['--listen', '127.0.0.1:0', '--http', ':0', ...COLUMNS]);
    const url = await httpOf(forwarding);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const decoder = await Decoder.connect(await portOf(forwarding));
    decoder.send(`${line(1)}bad\n`);
    await delivered(1);
    let body: Record<string, unknown> = {};
    await until(async () => {
      const answer = await fetch(`${url}/health`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/json');
      const text = await answer.text();
      expect(text).not.toContain(token_session);
      body = JSON.parse(text);
      return (body.outbox as { delivered: number }).delivered === 1;
    });
    expect(body).toMatchObject({
      status: 'ok',
      problems: [],
      read: 2,
      rejected: 1,
      connections: 1,
      outbox: { pending: 0, parked: 0 },
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    for (const sample of [
      'forward_read_total 2',
      'forward_rejected_total 1',
      'forward_connections 1',
      'outbox_delivered_total 1',
      'outbox_pending 0',
      'outbox_storage_ok 1',
      'outbox_state{state="idle"} 1',
      'outbox_state{state="blocked"} 0',
    ]) {
      expect(metrics).toContain(`\nrufus_${sample}\n`);
    }
    // Each sample has its head, each head its sample: as a scraper wants it.
    const heads = [...metrics.matchAll(/^# TYPE (\S+) (?:counter|gauge)$/gm)].map(([, name]) => name);
    const samples = new Set(
      [...metrics.matchAll(/^(rufus_\w+)(?:\{[^}]*\})? -?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/gm)].map(([, name]) => name),
    );
    expect([...samples]).toEqual(heads);
    expect(metrics.split('\n').filter((each) => !/^(#|rufus_\w+(\{[^}]*\})? \S+$|$)/.test(each))).toEqual([]);
    expect(metrics).not.toContain(token_session.slice(0, 12));
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/health`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${url}/health?verbose`, { method: 'HEAD' })).status).toBe(200);
  });

  test.each([
    [401, [], /blocked: /],
    ['cut', ['--max-age', '200ms'], /the oldest pending passing has waited for \d+ s/],
  ] as const)('is 503 with %s, and 200 again when it is over', async (state, args, problem) => {
    const { forward, link, delivered } = await rig();
    const forwarding = forward(['--listen', '127.0.0.1:0', '--http', '0', ...COLUMNS, ...args]);
    const health = async () => {
      const answer = await fetch(`${await httpOf(forwarding)}/health`);
      return { status: answer.status, body: (await answer.json()) as { status: string; problems: string[] } };
    };
    expect((await health()).status).toBe(200);
    link.state = state;
    (await Decoder.connect(await portOf(forwarding))).send(line(1));
    await until(async () => (await health()).status === 503);
    const { body } = await health();
    expect(body.status).toBe('failing');
    expect(body.problems.join()).toMatch(problem);
    link.state = 'up';
    if (state === 401) return;
    await delivered(1);
    await until(async () => (await health()).status === 200);
  });
});

describe('--bibs', () => {
  test('gives chips their bibs, and is read again when it changes; a broken version is refused', async () => {
    const { forward, file, stored, delivered } = await rig();
    const path = file('bibs.csv', '\uFEFFchip,bib\r\nC1,17\r\n"C2","W 1"\r\n');
    const forwarding = forward([
      '--listen',
      '127.0.0.1:0',
      '--replies',
      '--columns',
      'timestamp,bib,chip',
      '--bibs',
      path,
      '--http',
      '0',
    ]);
    const decoder = await Decoder.connect(await portOf(forwarding));
    decoder.send(['9,C1', ',C1', ',C2', ',C3'].map((cells) => `${TIME},${cells}\n`).join(''));
    await decoder.answered(4);
    for (const [broken, fault] of [
      ['chip,bib\nC1,18,\n', 'line 2 has not two cells: chip,bib'],
      ['chip,bib\nC1,18\nC1,19\n', 'line 3 gives a second bib to a chip'],
      ['chip,bib\nC1,\n', 'line 2 has an empty cell'],
      ['chip,bib\n"C1,18\n', 'has a quote that is not closed'],
      ['chip,bib\nC1,1\0\n', 'line 2 is no text: has NUL bytes'],
      ['', 'it is empty'],
    ]) {
      writeFileSync(path, broken!);
      await until(
        () => forwarding.output.stderr.includes(`is not used, the one before stays: ${fault}.`),
        () => forwarding.output.stderr,
      );
    }
    rmSync(path);
    await until(() => forwarding.output.stderr.includes('the one before stays: ENOENT.'));
    decoder.send(`${TIME},,C1\n`);
    await decoder.answered(5);
    writeFileSync(`${path}.new`, 'bib,chip\n18,C1\n20,C3\n');
    renameSync(`${path}.new`, path);
    await forwarding.printed(/Read \S+ again: 2 chips\./, 'stderr');
    decoder.send(`${TIME},,C1\n${TIME},,C2\n${TIME},,C3\n`);
    await decoder.answered(8);
    await delivered(8);
    expect(stored().map(({ bib, chip }) => `${bib} ${chip}`)).toEqual([
      '9 C1',
      '17 C1',
      'W 1 C2',
      'C3 C3',
      '17 C1',
      '18 C1',
      'C2 C2',
      '20 C3',
    ]);
    const metrics = await (await fetch(`${await httpOf(forwarding)}/metrics`)).text();
    expect(metrics).toContain('\nrufus_forward_unknown_chips_total 2\n');
  });

  test('may have no header, and must be right at the start', async () => {
    const { forward, file, bibs } = await rig();
    const good = forward(['--stdin', '--columns', 'timestamp,chip', '--bibs', file('bibs.csv', 'C1,17')]);
    good.child.stdin.end(`${TIME},C1\n`);
    expect((await good.ended).code).toBe(0);
    expect(bibs()).toEqual(['17']);
    const bad = await forward(['--stdin', '--bibs', file('broken.csv', 'C1;17')]).ended;
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('line 1 has not two cells: chip,bib.');
  });
});

describe('the file of rejected lines', () => {
  test('is where --rejected says, for its owner only, and an entry that a crash cut short is mended', async () => {
    const { forward, file, folder } = await rig();
    const path = file('rejected.jsonl', 'written by hand\n{"time":"2024-04-21T09:30:00.000Z","sour');
    const run = async (text: string) => {
      const { child, ended } = forward(['--stdin', '--rejected', path]);
      child.stdin.end(HEADER + text);
      expect((await ended).code).toBe(0);
    };
    await run('bad\n');
    append(path, 'by hand, too');
    await run('worse\n');
    const lines = readFileSync(path, 'utf8').split('\n');
    expect([lines[0], lines[2], lines[4]]).toEqual(['written by hand', 'by hand, too', '']);
    expect([lines[1], lines[3]].map((entry) => JSON.parse(entry!).line)).toEqual(['bad', 'worse']);
    const nowhere = forward(['--stdin', '--rejected', '/dev/null']);
    nowhere.child.stdin.end('timestamp,bib\nbad\n');
    expect((await nowhere.ended).code).toBe(0);
    const other = forward(['--stdin', '--outbox', join(folder, 'other/')]);
    other.child.stdin.end('');
    expect((await other.ended).code).toBe(0);
    expect(existsSync(join(folder, 'other.rejected.jsonl'))).toBe(true);
    expect(execFileSync('stat', ['-c', '%a', join(folder, 'other.rejected.jsonl')], { encoding: 'utf8' })).toBe(
      '600\n',
    );
  });
});

const volume = mkdtempSync(join(tmpdir(), 'rufus-volume-'));
const isMounted = mountTmpfs(volume);
afterAll(() => {
  if (isMounted) execFileSync('umount', ['-l', volume]);
  rmSync(volume, { recursive: true, force: true });
});

function mountTmpfs(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=80m,mode=0700', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!isMounted)('a full disk (a tmpfs: mounting one takes root)', () => {
  test('holds lines and answers back, is unhealthy, and goes on when there is room: nothing is lost', {
    timeout: 60_000,
  }, async () => {
    const { forward, stored, delivered } = await rig();
    const outbox = join(volume, 'outbox');
    const forwarding = forward(['--listen', '127.0.0.1:0', '--replies', '--http', '0', ...COLUMNS, '--outbox', outbox]);
    const url = await httpOf(forwarding);
    const decoder = await Decoder.connect(await portOf(forwarding));
    decoder.send(line(0));
    await decoder.answered(1);
    const filler = join(volume, 'filler');
    writeFileSync(filler, Buffer.alloc(16 * 2 ** 20));
    // What the outbox leaves free for others is gone.
    let bib = 1;
    await until(async () => {
      decoder.send(line(bib++));
      await sleep(5);
      return (await fetch(`${url}/health`)).status === 503;
    });
    const taken = decoder.answers.length;
    await until(() => forwarding.output.stderr.includes('Lines wait: '));
    await sleep(300);
    expect(decoder.answers.length).toBe(taken);
    rmSync(filler);
    await decoder.answered(bib);
    expect(decoder.answers).toEqual(Array.from({ length: bib }, (_, index) => `ok ${index + 1}`));
    await delivered(bib);
    expect(stored().map((passing) => Number(passing.bib))).toEqual(Array.from({ length: bib }, (_, index) => index));
    await forwarding.printed(/There is room again: lines are taken\./, 'stderr');
  });
});

describe('a disk that fails for good', () => {
  test('ends it, whoever is connected, so that it can be started again', async () => {
    const { forward, outbox } = await rig();
    const forwarding = forward(['--listen', '127.0.0.1:0', '--replies', ...COLUMNS]);
    const decoder = await Decoder.connect(await portOf(forwarding));
    decoder.send(line(0));
    await decoder.answered(1);
    // The next file that the outbox begins has no folder.
    rmSync(outbox, { recursive: true });
    const lines = Buffer.from(Array.from({ length: 1_000 }, (_, bib) => line(bib)).join(''));
    for (let round = 0; round < 40; round++) decoder.send(lines);
    const { code, stderr } = await forwarding.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/\nrufus: The disk failed for good: .* Run it again, or with a folder on another disk\n$/);
    expect(decoder.answers.every((answer) => answer.startsWith('ok '))).toBe(true);
  });
});

describe('systemd', () => {
  test('is told that it is ready, that it lives, and that it stops', async () => {
    const { forward } = await rig();
    const tools = temporaryFolder();
    const told = join(tools, 'told');
    writeFileSync(join(tools, 'systemd-notify'), `#!/bin/sh\necho "$@" "$NOTIFY_SOCKET" >> '${told}'\n`);
    chmodSync(join(tools, 'systemd-notify'), 0o755);
    const env = { PATH: `${tools}:${process.env.PATH}`, NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '300000' };
    const { child, ended } = forward(['--stdin'], { env });
    const lines = () => (existsSync(told) ? readFileSync(told, 'utf8').trimEnd().split('\n') : []);
    await until(() => lines().filter((each) => each === 'WATCHDOG=1 /run/notify').length >= 3);
    child.stdin.end();
    expect((await ended).code).toBe(0);
    await until(() => lines().at(-1) === 'STOPPING=1 /run/notify');
    expect(lines()[0]).toBe('READY=1 /run/notify');
  });

  test('which cannot be told, is no reason to stop', async () => {
    const { forward } = await rig();
    const { child, ended } = forward(['--stdin'], { env: { PATH: '/nowhere', NOTIFY_SOCKET: '/run/notify' } });
    child.stdin.end();
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    expect(stderr).toContain('systemd does not know how this service is');
  });
});

describe.skipIf(!hasTerminals)('on a terminal', () => {
  test.each([80, 120])(
    '%d columns wide, one line tells how it stands, and Ctrl-C says how to go on',
    async (columns) => {
      const { env, link, deviceid, outbox, delivered, file } = await rig();
      const path = file('finish.csv', HEADER + line(1) + line(2));
      const args = ['forward', '--device', deviceid, '--outbox', outbox, '--tail', path];
      const { screen, shows, type, ended } = onTerminal(args, { env: { ...env, RUFUS_BASE_URL: link.url }, columns });
      await delivered(2);
      await shows(/read 2 {2}delivered 2 {2}pending 0 {2}parked 0 {2}rejected 0 {2}idle/);
      type('\x03');
      const { code } = await ended;
      expect(code).toBe(130);
      expect(screen()).toContain('Stopped, and all is delivered: run the same command again to go on.');
      // The line is drawn over itself, and never wraps; the cursor is not hidden.
      for (const drawn of screen().split(/[\r\n]+/))
        expect(stripVTControlCharacters(drawn).length).toBeLessThanOrEqual(columns);
      expect(screen()).not.toContain('\x1b[?25l');
    },
  );
});
