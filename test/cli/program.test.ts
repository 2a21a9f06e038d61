import { describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { openAccount } from './support/account.js';
import { rufus } from './support/rufus.js';

describe('--version and --help', () => {
  test.each(['--version', '-V'])('%s prints the version', async (option) => {
    expect(await rufus([option])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
    expect((await rufus(['--quiet', option])).stdout).toBe(`${VERSION}\n`);
  });

  test('help is printed at each level, with examples', async () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      const { code, stdout, stderr } = await rufus(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const part of ['Usage: rufus', 'events', '--profile', 'Examples:']) expect(stdout).toContain(part);
    }
    const group = await rufus(['events', '--help']);
    expect(group.stdout).toMatch(/Usage: rufus events[\s\S]*list[\s\S]*Examples:\n {2}rufus events list\n/);
    const command = await rufus(['help', 'events', 'list']);
    expect(command).toEqual(await rufus(['events', 'list', '--help']));
    expect(command.stdout).toMatch(/Usage: rufus events list[\s\S]*--format/);
  });

  test('a command without the subcommand that it needs shows its help as an error', async () => {
    expect(await rufus([])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: rufus') });
    const group = await rufus(['events']);
    expect(group).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: rufus events') });
  });
});

describe('misuse is told in one line, with exit code 2', () => {
  test.each([
    [['evnts'], "rufus: unknown command 'evnts' (Did you mean events?) See: rufus --help\n"],
    [['events', 'lst'], "rufus: unknown command 'lst' (Did you mean list?) See: rufus events --help\n"],
    [
      ['events', 'list', '--fromat', 'csv'],
      "rufus: unknown option '--fromat' (Did you mean --format?) See: rufus events list --help\n",
    ],
    [
      ['events', 'list', '--format', 'xml'],
      /^rufus: option '--format <format>' argument 'xml' is invalid\. Allowed choices are table, csv, jsonl, json\. See: rufus events list --help\n$/,
    ],
    [
      ['events', 'list', '--json', '--format', 'csv'],
      /^rufus: option '--json' cannot be used with option '--format <format>'\. See: .*\n$/,
    ],
    [['events', 'list', 'these'], /^rufus: too many arguments for 'list'\. .*\n$/],
    [
      ['events', 'list', '--timeout', 'soon'],
      /^rufus: option '--timeout <duration>' argument 'soon' is invalid\. Write it as .*\n$/,
    ],
    [['--timeout', '0', 'events', 'list'], /^rufus: .* It must be between 1ms and 24d\. .*\n$/],
    [['--log-level', 'loud', 'events', 'list'], /^rufus: .* Allowed choices are off, error, warn, info, debug\. .*\n$/],
    [['events', 'list'], /^rufus: There is no API key\. Run: rufus login; .*\n$/],
  ])('%j', async (args, line) => {
    const { code, stdout, stderr } = await rufus(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    if (typeof line === 'string') expect(stderr).toBe(line);
    else expect(stderr).toMatch(line);
    expect(stderr.split('\n')).toHaveLength(2);
  });
});

describe('formats', () => {
  test('a pipe gets CSV with every field, its lines ended by CRLF', async () => {
    const { env } = await openAccount();
    const { code, stdout, stderr } = await rufus(['events', 'list'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\r\n');
    expect(lines[0]).toBe('event_token,name,edition,location,start_date,end_date,status');
    expect(lines[1]).toMatch(
      /^5C0DE0+,Sandbox Marathon,1,Barcelona,2026-03-15T07:30:00\.000Z,2026-03-15T14:00:00\.000Z,finished$/,
    );
    expect(lines).toHaveLength(5);
  });

  test('JSON lines, a JSON array, and a table on demand', async () => {
    const { env } = await openAccount();
    const jsonl = await rufus(['events', 'list', '--json'], { env });
    const rows = jsonl.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ name }) => name)).toEqual(['Sandbox Marathon', 'Sandbox Trail', 'Sandbox 10K']);
    expect(await rufus(['events', 'list', '--format', 'jsonl'], { env })).toEqual(jsonl);
    const json = await rufus(['events', 'list', '--format', 'json'], { env });
    expect(JSON.parse(json.stdout)).toEqual(rows);
    const table = await rufus(['events', 'list', '--format', 'table'], { env });
    expect(table.stdout.split('\n')[0]).toMatch(/^name +edition +location +start_date +end_date +status +event_token$/);
    expect(table.stdout).toMatch(/^Sandbox 10K {2,}5C0DE/m);
  });

  test('global options stand before the command or behind it', async () => {
    const { env, url } = await openAccount();
    const { RUFUS_API_KEY } = env;
    const before = await rufus(['--base-url', url, 'events', 'list', '--json'], { env: { RUFUS_API_KEY } });
    const behind = await rufus(['events', 'list', '--json', '--base-url', url], { env: { RUFUS_API_KEY } });
    expect(before).toMatchObject({ code: 0, stderr: '' });
    expect(behind).toEqual(before);
  });
});
