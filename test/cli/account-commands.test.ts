import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { openAccount } from './support/account.js';
import { rufus } from './support/rufus.js';
import { hasTerminals, onTerminal } from './support/terminal.js';

const DEVICE = ['--type', 'reader', '--model', 'R1', '--serial-number', '0042', '--alias', 'Finish, "A"'];
const json = ({ stdout }: { stdout: string }) => JSON.parse(stdout);

describe('devices', () => {
  test('bind, list, get, unbind', async () => {
    const { env, sandbox } = await openAccount();
    const bound = await rufus(['devices', 'bind', ...DEVICE, '--json'], { env });
    expect(bound).toMatchObject({ code: 0, stderr: '' });
    const { deviceid } = json(bound);
    expect(sandbox.state.devices).toMatchObject([
      { deviceid, type: 'reader', model: 'R1', serial_number: '0042', alias: 'Finish, "A"' },
    ]);

    const listed = await rufus(['devices', 'list'], { env });
    const [head, row, end] = listed.stdout.split('\r\n');
    expect(head).toMatch(/^deviceid,alias,type,model,serial_number,/);
    expect(row).toMatch(new RegExp(`^${deviceid},"Finish, ""A""",reader,R1,0042,`));
    expect(end).toBe('');

    expect(json(await rufus(['devices', 'get', deviceid, '--json'], { env }))).toMatchObject({ deviceid, passings: 0 });

    const admin = { ...env, RUFUS_API_KEY: sandbox.keys.admin };
    const unbound = await rufus(['devices', 'unbind', deviceid, '--yes', '--json'], { env: admin });
    expect(json(unbound)).toEqual({ deviceid, description: 'Device unbinded succesfully' });
    expect(sandbox.state.devices).toEqual([]);
  });

  test('a device that is bound already is an error that names it, and with --ensure an answer', async () => {
    const { env } = await openAccount();
    const { deviceid } = json(await rufus(['devices', 'bind', ...DEVICE, '--json'], { env }));
    const again = await rufus(['devices', 'bind', ...DEVICE], { env });
    expect(again).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(deviceid) });
    expect(again.stderr).toMatch(/^rufus: devices\.bind: .*--ensure.*\n$/);
    const ensured = await rufus(['devices', 'bind', ...DEVICE, '--ensure', '--json'], { env });
    expect(json(ensured)).toEqual({ deviceid, created: false });
  });

  test('unbinding demands --yes where nobody can be asked, and does nothing without it', async () => {
    const { env, sandbox, client } = await openAccount();
    const device = { type: 'reader', model: 'R1', serial_number: '1' };
    const { deviceid } = await client.devices.bind(device);
    const admin = { ...env, RUFUS_API_KEY: sandbox.keys.admin };
    const refused = await rufus(['devices', 'unbind', deviceid], { env: admin });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^rufus: .*0 sessions and 0 passings.*--yes\.\n$/);
    expect(sandbox.state.devices).toHaveLength(1);
  });
});

describe.runIf(hasTerminals)('on a terminal', () => {
  const DEVICES = [1, 2].map((n) => ({
    type: 'reader',
    model: 'R1',
    serial_number: String(n),
    alias: `Mat\x1b[2J ${n}`,
  }));

  test('unbinding asks, and takes nothing but yes for a yes', async () => {
    const { env, sandbox, client } = await openAccount();
    const { deviceid } = await client.devices.bind({ ...DEVICES[0]!, alias: 'Finish' });
    const admin = { ...env, RUFUS_API_KEY: sandbox.keys.admin };
    for (const [answer, code, left] of [
      ['\r', 1, 1],
      ['yellow\r', 1, 1],
      ['\x03', 130, 1],
      ['y\r', 0, 0],
    ] as const) {
      const terminal = onTerminal(['devices', 'unbind', deviceid], { env: admin, columns: 200 });
      await terminal.shows(
        /Unbind Finish \([0-9A-F]{64}\) and delete 0 sessions and 0 passings on the server\? \[y\/N\] /,
      );
      terminal.type(answer);
      expect((await terminal.ended).code).toBe(code);
      expect(sandbox.state.devices).toHaveLength(left);
    }
  });

  test('a list is a table, of as many columns as fit, and names cannot move the cursor', async () => {
    const { env, client } = await openAccount();
    for (const device of DEVICES) await client.devices.bind(device);
    const wide = await onTerminal(['devices', 'list', '--no-color'], { env, columns: 160 }).ended;
    expect(wide.code).toBe(0);
    expect(wide.screen).toMatch(/^deviceid {58}alias {6}type {4}model {2}serial_number {2}sessions /);
    expect(wide.screen).toMatch(/^[0-9A-F]{64} {2}Mat\ufffd\[2J 1 {2}reader {2}R1 {5}1 {14}/m);
    expect(wide.screen).not.toContain('\x1b');
    const narrow = await onTerminal(['devices', 'list'], { env, columns: 80 }).ended;
    const lines = stripVTControlCharacters(narrow.screen).trimEnd().split('\r\n');
    expect(lines).toHaveLength(4);
    expect(Math.max(...lines.slice(0, 3).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[3]).toMatch(/^Too narrow for: type, model, .*--format csv$/);
  });

  test('one object is shown a field a line', async () => {
    const { env, client } = await openAccount();
    const { deviceid } = await client.devices.bind(DEVICES[0]!);
    const { screen } = await onTerminal(['devices', 'get', deviceid, '--no-color'], { env }).ended;
    expect(screen).toContain(`deviceid            ${deviceid}\r\ntype                reader\r\n`);
  });
});

describe('sessions', () => {
  test('create, active, list, get, close', async () => {
    const { env, sandbox, client } = await openAccount();
    const { deviceid } = await client.devices.bind({ type: 'reader', model: 'R1', serial_number: '1' });

    expect(await rufus(['sessions', 'list', deviceid], { env })).toMatchObject({
      code: 0,
      stdout: 'token_session,alias,creation_date,active,passings,duration,first,last\r\n',
    });
    const none = await rufus(['sessions', 'active', deviceid], { env });
    expect(none).toMatchObject({ code: 4, stdout: '' });
    expect(none.stderr).toMatch(/^rufus: The device has no active session, .*\n$/);

    const created = await rufus(['sessions', 'create', deviceid, '--alias', 'Run', '--json'], { env });
    const { token_session } = json(created);
    expect(sandbox.state.sessions).toMatchObject([{ token_session, alias: 'Run', active: true, deviceid }]);
    expect(json(await rufus(['sessions', 'active', deviceid, '--json'], { env }))).toMatchObject({ token_session });
    expect(json(await rufus(['sessions', 'list', deviceid, '--json'], { env }))).toMatchObject({ token_session });

    expect(json(await rufus(['sessions', 'close', token_session, '--json'], { env }))).toMatchObject({ token_session });
    const closed = json(await rufus(['sessions', 'get', token_session, '--json'], { env }));
    expect(closed).toMatchObject({ token_session, alias: 'Run', active: false, passings: 0 });
  });
});
