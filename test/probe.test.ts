// The probe against sandboxes of every dialect: its report must name that dialect, and what the sandbox does otherwise.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { Sandbox, type SandboxOptions } from 'rufus-client/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { confirmed } from '../examples/probe/confirm.js';
import { idleLife } from '../examples/probe/idle.js';
import { probe } from '../examples/probe/probe.js';
import { runScript } from './support/child.js';

const OPTIONS = { idleSeconds: 0.2, type: 'reader', model: 'probe' };

async function serve(dialect: SandboxOptions = {}) {
  const sandbox = new Sandbox(dialect);
  const server = await sandbox.listen();
  onTestFinished(() => server.close());
  return { sandbox, baseUrl: server.url };
}

/** The report's table, by question. */
function answersOf(report: string): Record<string, { answer: string; details: string }> {
  const rows = report.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| -'));
  return Object.fromEntries(
    rows.map((line) => {
      const [, question = '', answer = '', details = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return [question, { answer, details }];
    }),
  );
}

/** But for `unknownKey`. */
const OTHERS: readonly SandboxOptions[] = [
  { envelope: 'spec', coordinates: 'string', endOfPages: 'empty', bindConflict: 'deviceid', duplicates: 'number' },
  { envelope: 'flat', coordinates: 'number', endOfPages: 'absent', bindConflict: 'bare', duplicates: 'none' },
  { envelope: 'spec', coordinates: 'number', endOfPages: '404', bindConflict: 'bare', duplicates: 'number' },
  { envelope: 'flat', coordinates: 'string', endOfPages: '404', bindConflict: 'deviceid', duplicates: 'none' },
  { envelope: 'flat', coordinates: 'string', endOfPages: 'empty', bindConflict: 'bare', duplicates: 'number' },
  { envelope: 'spec', coordinates: 'number', endOfPages: 'absent', bindConflict: 'deviceid', duplicates: 'none' },
];
const DIALECTS = OTHERS.map((dialect, index) => ({ ...dialect, unknownKey: index % 2 === 0 ? 403 : 401 }) as const);

const ANSWERS = {
  envelope: ['Envelope or flat?', { spec: 'inside `{"body": …}`', flat: 'flat, without `body`' }],
  coordinates: ['Coordinates as string or number?', { string: 'as a string', number: 'as a number' }],
  endOfPages: [
    'What does a page past the end give?',
    { empty: 'an empty list', absent: 'no list at all', '404': '404' },
  ],
  bindConflict: [
    'What does a second bind of the same device give?',
    { deviceid: '409 with the `deviceid`', bare: '409 without the `deviceid`' },
  ],
  duplicates: [
    'What makes a duplicate?',
    { number: 'the same `num_passing` in the session', none: 'nothing: every repeat is stored' },
  ],
  unknownKey: ['What does an unknown key get?', { 401: '401', 403: '403' }],
} as const;

describe('a dialect is named', () => {
  it.each(DIALECTS)(
    '$envelope, $coordinates, $endOfPages, $bindConflict, $duplicates, $unknownKey',
    async (dialect) => {
      const { sandbox, baseUrl } = await serve(dialect);
      const { report, isComplete } = await probe({ baseUrl, apiKey: sandbox.keys.admin }, OPTIONS);
      expect(isComplete).toBe(true);
      const answers = answersOf(report);
      for (const [option, [question, names]] of Object.entries(ANSWERS)) {
        const value = dialect[option as keyof typeof ANSWERS] as keyof typeof names;
        expect(answers[question]?.answer).toBe(names[value]);
        const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        expect(report).toMatch(new RegExp(`^\`npx -p rufus-client rufus-sandbox.* --${flag} ${value}\\b.*\`$`, 'm'));
      }
    },
  );
});

describe('what a sandbox does in every dialect', () => {
  it('is reported as it was observed', async () => {
    const { sandbox, baseUrl } = await serve();
    const { report } = await probe({ baseUrl, apiKey: sandbox.keys.admin }, OPTIONS);
    const answers = answersOf(report);
    const answer = (question: string) => answers[question]?.answer;
    expect(answer('How soon can a passing be read?')).toBeDefined();
    expect(answer('Are `first` and `last` inclusive?')).toBe('both inclusive');
    expect(answer('Are `from` and `to` inclusive?')).toBe('both inclusive');
    expect(answer('In which order do passings come?')).toBe('by `num_passing`');
    expect(answer('Which fields does a passing have?')).toContain('token_session');
    expect(answer('Is gzip spoken?')).toMatch(/^no/);
    expect(answer('Does the continuous query jump at once?')).toBe('yes, as soon as the new session exists');
    expect(answer('What does a repeated close give?')).toBe('404 "Session not found"');
    expect(answer('Which headers carry a request id?')).toBe('`x-amzn-requestid`');
    expect(answer('Do headers tell of a rate limit?')).toBe('no');
    expect(answer('How long does an idle connection live?')).toBe('longer than the 0.2 s it was watched');
    expect(report).toContain('## Where answers differ from the API document\n\nNowhere.');
  });

  it('shows neither the key nor a whole token', async () => {
    const { sandbox, baseUrl } = await serve();
    const { report } = await probe({ baseUrl, apiKey: sandbox.keys.readWrite }, OPTIONS);
    expect(report).not.toContain(sandbox.keys.readWrite);
    for (const { token_session, deviceid } of sandbox.state.sessions) {
      expect(report).not.toContain(token_session);
      expect(report).not.toContain(deviceid);
    }
    expect(report).not.toMatch(/[0-9A-F]{20}/);
  });
});

describe('what is left behind', () => {
  it('nothing, where the key may unbind', async () => {
    const { sandbox, baseUrl } = await serve();
    const { report } = await probe({ baseUrl, apiKey: sandbox.keys.admin }, OPTIONS);
    expect(sandbox.state.devices).toEqual([]);
    expect(report).toMatch(/## Left behind\n\nNothing: /);
  });

  it('a named device with closed sessions, where it may not', async () => {
    const { sandbox, baseUrl } = await serve();
    const { report, isComplete } = await probe({ baseUrl, apiKey: sandbox.keys.readWrite }, OPTIONS);
    expect(isComplete).toBe(true);
    expect(sandbox.state.devices).toHaveLength(1);
    expect(report).toContain(`\`${sandbox.state.devices[0]?.serial_number}\``);
    expect(sandbox.state.sessions.map(({ active }) => active)).toEqual([false, false]);
  });

  it('nothing by a key that may not write, and the report says why', async () => {
    const { sandbox, baseUrl } = await serve();
    const { report, isComplete } = await probe({ baseUrl, apiKey: sandbox.keys.read }, OPTIONS);
    expect(isComplete).toBe(false);
    expect(report).toMatch(/\*\*The probe ended early: devices\.bind: .*403/);
    expect(sandbox.state.devices).toEqual([]);
  });

  it('nothing either when single inquiries fail', async () => {
    const { sandbox, baseUrl } = await serve();
    sandbox.fault({ on: 'GET /events', kind: 'html', times: 10 });
    sandbox.fault({ on: 'PATCH', kind: 'reset-before', times: 10 });
    const { report, isComplete } = await probe({ baseUrl, apiKey: sandbox.keys.admin }, OPTIONS);
    expect(isComplete).toBe(false);
    const answers = answersOf(report);
    expect(answers['What does a repeated close give?']?.answer).toBe('could not be found out');
    expect(answers['What makes a duplicate?']?.answer).toBe('the same `num_passing` in the session');
    expect(sandbox.state.devices).toEqual([]);
  });
});

describe('an idle connection', () => {
  it('is timed until the server closes it', async () => {
    const server = createServer((_, response) => response.end('{}'));
    server.on('connection', (socket) => socket.on('data', () => setTimeout(() => socket.end(), 300)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v0`;
    const { answer, details } = await idleLife({ baseUrl, apiKey: 'k' }, 20);
    expect(answer).toMatch(/^about \d+\.\d s$/);
    expect(details).toContain('keep-alive: timeout=');
  });

  it('is left out on demand', async () => {
    expect(await idleLife({ baseUrl: 'http://127.0.0.1:1/v0', apiKey: 'k' }, 0)).toEqual({ answer: 'not watched' });
  });
});

describe('before it writes', () => {
  it.each([
    ['y\n', true],
    ['YES\n', true],
    ['n\n', false],
    ['\n', false],
    ['yellow\n', false],
    ['', false],
  ])('%j means %s', async (typed, goesOn) => {
    const input = new PassThrough();
    const output = new PassThrough();
    input.end(typed);
    expect(await confirmed({ baseUrl: 'https://api.example.test/v0' }, input, output)).toBe(goesOn);
    expect(String(output.read())).toContain('https://api.example.test/v0');
  });

  const live = (sandbox: Sandbox, baseUrl: string) => ({
    RUFUS_API_KEY: sandbox.keys.admin,
    RUFUS_BASE_URL: baseUrl,
  });

  it('--live asks, and an absent answer is a no', { timeout: 150_000 }, async () => {
    const { sandbox, baseUrl } = await serve();
    const { code, stderr, stdout } = await runScript('examples/probe.ts', ['--live'], live(sandbox, baseUrl));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Nothing was written.');
    expect(sandbox.state.devices).toEqual([]);
  });

  it('--live --yes does not ask', { timeout: 150_000 }, async () => {
    const { sandbox, baseUrl } = await serve({ envelope: 'flat' });
    const args = ['--live', '--yes', '--idle-seconds', '0'];
    const { code, stderr, stdout } = await runScript('examples/probe.ts', args, live(sandbox, baseUrl));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`# What ${baseUrl} does`);
    expect(stdout).toContain('--envelope flat');
  });

  it('--live without a key says what it needs', { timeout: 150_000 }, async () => {
    const { code, stderr } = await runScript('examples/probe.ts', ['--live', '--yes']);
    expect(code).toBe(2);
    expect(stderr).toContain('RUFUS_API_KEY');
  });

  it('without --live it starts a sandbox of the dialect that is asked for', { timeout: 150_000 }, async () => {
    const args = ['--idle-seconds', '0', '--end-of-pages', 'absent'];
    const { code, stdout } = await runScript('examples/probe.ts', args);
    expect(code).toBe(0);
    expect(stdout).toContain('--end-of-pages absent');
    expect((await runScript('examples/probe.ts', ['--no-such-option'])).code).toBe(2);
  });
});
