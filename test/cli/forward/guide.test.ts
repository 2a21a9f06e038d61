// What the guide "A finish line without code" hands out to be copied, and the tools of others that it names.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../../support/child.js';
import { BIN, temporaryFolder } from '../support/rufus.js';
import { append, HEADER, line, rig, TIME, until } from './support/rig.js';

const GUIDE = readFileSync(join(PROJECT_FOLDER, 'docs/10-a-finish-line-without-code.md'), 'utf8');
const block = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(GUIDE)![1]!;
const has = (command: string) => spawnSync(command, ['--version']).status === 0;

/** The unit as a file; the command is not where it would be installed. */
function unitFile(): string {
  const unit = join(temporaryFolder(), 'rufus-finish.service');
  writeFileSync(unit, block('ini').replace('/usr/local/bin/rufus', BIN));
  return unit;
}

describe.skipIf(!has('systemd-analyze'))('the systemd unit (where systemd-analyze is)', () => {
  test('is understood whole', () => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', unitFile()], { encoding: 'utf8' });
    expect({ status, output: stdout + stderr }).toEqual({ status: 0, output: '' });
  });

  test('shuts out what the service does not need', () => {
    const output = execFileSync('systemd-analyze', ['security', '--offline=true', unitFile()], { encoding: 'utf8' });
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(output) ?? [];
    expect(Number(exposure)).toBeLessThan(2);
  });
});

test('the unit calls the command as it is', async () => {
  const { forward } = await rig();
  const [, given] = /^ExecStart=\S+ forward --device DEVICE --outbox \S+ --api-key-file \S+ (.*)$/m.exec(block('ini'))!;
  const args = given!.split(' ').map((word) => word.replace(/^0\.0\.0\.0:\d+$|^127\.0\.0\.1:\d+$/, '127.0.0.1:0'));
  await forward(args).printed(/Listening for decoders/, 'stderr');
});

test('the container starts the command as it is', async () => {
  const { outbox, forward } = await rig();
  const [, entry] = /^ENTRYPOINT (\[.*\])$/m.exec(block('dockerfile'))!;
  const fixed: string[] = JSON.parse(entry!);
  expect(fixed.slice(0, 2)).toEqual(['rufus', 'forward']);
  const [, given] = /^ {2}rufus-forward --device DEVICE (.*)$/m.exec(GUIDE)!;
  // Its folder and its key are not here.
  const args = [...fixed.slice(6), ...given!.split(' ')].map((word) => word.replace(/:\d+$/, ':0'));
  await forward(['--outbox', outbox, ...args]).printed(/Listening for decoders on 0\.0\.0\.0:\d+/, 'stderr');
});

describe.skipIf(!has('systemd-notify') || !has('python3'))('systemd-notify (where it is)', () => {
  test('says what systemd would be told', async () => {
    const { forward } = await rig();
    const socket = join(temporaryFolder(), 'notify');
    // Node cannot receive what systemd receives.
    const listening = `import socket,sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
print('bound', flush=True)
while True: print(s.recv(4096).decode().strip(), flush=True)`;
    const systemd = spawn('python3', ['-c', listening, socket]);
    let told = '';
    systemd.stdout.on('data', (text) => {
      told += text;
    });
    try {
      await until(() => told.startsWith('bound'));
      const { child, ended } = forward(['--stdin'], { env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '600000' } });
      await until(
        () => /READY=1[\s\S]*WATCHDOG=1[\s\S]*WATCHDOG=1/.test(told),
        () => told,
      );
      child.stdin.end();
      expect((await ended).code).toBe(0);
      await until(() => told.includes('STOPPING=1'));
    } finally {
      systemd.kill();
    }
  });
});

describe.skipIf(!has('logrotate'))('logrotate (where it is)', () => {
  test.each(['create', 'copytruncate', 'dateext'])('%s: every line once', async (how) => {
    const { forward, bibs, delivered, file, folder } = await rig();
    const path = file('finish.csv', HEADER);
    const rotate = (round: number) => {
      // Dates differ from day to day; here, the rounds do.
      const words = how === 'dateext' ? `create\n  dateext\n  dateformat -%Y%m%d0${round}` : how;
      const config = file('logrotate.conf', `${path} {\n  rotate 9\n  nocompress\n  ${words}\n}\n`);
      execFileSync('logrotate', ['--force', '--state', join(folder, 'state'), config]);
      append(path, HEADER);
    };
    const start = () => forward(['--tail', path]);
    let running = start();
    let bib = 0;
    for (let round = 0; round < 4; round++) {
      append(path, [bib++, bib++, bib++].map(line).join(''));
      await delivered(bib);
      if (round % 2 > 0) {
        running.child.kill('SIGKILL');
        await running.ended;
      }
      append(path, [bib++, bib++].map(line).join(''));
      rotate(round);
      if (round % 2 > 0) running = start();
    }
    append(path, `${TIME},last\n`);
    await delivered(bib + 1);
    expect(bibs()).toEqual([...Array.from({ length: bib }, (_, index) => String(index)), 'last']);
  });
});
