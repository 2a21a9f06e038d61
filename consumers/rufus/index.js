// The command `rufus`, wherever a package manager has put it: node index.js [COMMAND ARGUMENTS…]. What it is asked to do is a race.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const [command = 'rufus', ...prefix] = process.argv.slice(2);

function rufus(args, input = '') {
  const { status, stdout, stderr, error } = spawnSync(command, [...prefix, ...args], { input, encoding: 'utf8' });
  assert.equal(error, undefined);
  assert.equal(status, 0, stderr);
  return stdout;
}

assert.match(rufus(['--version']), /^\d+\.\d+\.\d+\n$/);
assert.match(rufus(['help', 'passings', 'import']), /Usage: rufus passings import/);
assert.match(rufus(['completion', 'bash']), /complete .*rufus/);

const device = ['--type', 'reader', '--model', 'command', '--serial-number', process.env.CONSUMER];
const { deviceid } = JSON.parse(rufus(['devices', 'bind', ...device, '--ensure', '--json']));
const { token_session } = JSON.parse(rufus(['sessions', 'create', deviceid, '--json']));
// A quote and a local time: what reads them is bundled.
const csv = 'bib,timestamp\n7,2026-05-03 11:00:01\n"W1",2026-05-03 11:00:02\nF12,2026-05-03 11:00:03\n';
rufus(['passings', 'import', '-', '--session', token_session, '--timezone', 'Europe/Madrid'], csv);
const lines = rufus(['passings', 'export', '--session', token_session]).split('\r\n');
assert.equal(lines.length, 5);
assert.match(lines[2], /^2026-05-03T09:00:02\.000Z,2,,,,W1,/);
assert.match(rufus(['doctor', '--device', deviceid]), /^ok +permissions: the key may read and write$/m);
