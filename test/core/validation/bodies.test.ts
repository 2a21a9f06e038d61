import { describe, expect, test } from 'vitest';
import { checkDevice, checkSession } from '../../../src/core/validation/bodies.js';
import { formatPath } from '../../../src/core/validation/issues.js';
import { checkId } from '../../../src/core/validation/parameters.js';
import { schemas } from '../../../src/core/validation/schemas.js';

await schemas.load();

const device = { type: 'box', model: 'M1', serial_number: '1' };

describe('a device to bind', () => {
  test('is sent as given', () => {
    expect(checkDevice({ ...device, alias: '', firmware: '1.0' })()).toEqual({
      ok: true,
      value: { ...device, alias: '', firmware: '1.0' },
    });
    const check = checkDevice({ ...device, alias: undefined })();
    expect(check.ok && JSON.parse(JSON.stringify(check.value))).toEqual(device);
  });

  test.each([
    [{ ...device, serial_number: '' }, 'serial_number', 'expected text that is not empty'],
    [{ ...device, model: 5 }, 'model', 'expected text'],
    [{ ...device, alias: null }, 'alias', 'expected text'],
    [{ model: 'M1', serial_number: '1' }, 'type', 'missing'],
    [{ ...device, serialNumber: '1' }, 'serialNumber', 'unknown field: did you mean serial_number?'],
    [{ ...device, model: { length: { toString: null } } }, 'model', 'expected text'],
    [{ ...device, model: { length: Symbol('1') } }, 'model', 'expected text'],
    [{ ...device, model: () => {} }, 'model', 'expected text'],
    [{ ...device, model: [] }, 'model', 'expected text'],
    [{ ...device, model: Object.create({ length: { valueOf: null, toString: null } }) }, 'model', 'expected text'],
    [null, '', 'expected an object'],
    [[device], '', 'expected an object'],
    ['box', '', 'expected an object'],
  ])('%j is refused', (input, path, message) => {
    expect(checkDevice(input)()).toMatchObject({ ok: false, issues: [{ message }] });
    const check = checkDevice(input)();
    expect(check.ok || formatPath(check.issues[0]!.path)).toBe(path);
  });
});

describe('a session to open', () => {
  test('is sent as given', () => {
    expect(checkSession({ deviceid: 'A', alias: 'start' })()).toEqual({
      ok: true,
      value: { deviceid: 'A', alias: 'start' },
    });
  });

  test.each([{}, { deviceid: '' }, { deviceid: '..' }, { deviceid: 5 }, { deviceid: 'A', name: 'x' }, null, 'A'])(
    '%j is refused',
    (input) => {
      const check = checkSession(input)();
      expect(check.ok ? 0 : check.issues.length).toBe(1);
    },
  );
});

describe('an id', () => {
  test.each(['A', '2A19294B', 'a/b', '...', ' ', 'é', '😀'])('%j is usable', (id) => {
    expect(checkId('deviceid', id)).toEqual([]);
  });

  test.each(['', '.', '..', '\ud800', 'a\udc00b', 5, null, undefined, {}, ['A']])('%j is refused', (id) => {
    const issues = checkId('token_session', id);
    expect(issues).toHaveLength(1);
    expect(issues[0]?.path).toEqual(['token_session']);
  });
});

test.each([
  [[], ''],
  [['deviceid'], 'deviceid'],
  [['passings', 17, 'timestamp'], 'passings[17].timestamp'],
  [['result', 0, 'a', 1, 2], 'result[0].a[1][2]'],
  [[3, 'bib'], '[3].bib'],
])('the path %j reads %j', (path, text) => {
  expect(formatPath(path)).toBe(text);
});
