// `rufus fleet …`, and `rufus forward` as a box without a key: the built command against real servers of NATS.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetStatus } from 'rufus-client/fleet';
import { expect, inject, it, onTestFinished } from 'vitest';
import { until } from '../fleet/support/fleet.js';
import { GuideServers } from '../fleet/support/guide.js';
import { describeWithServer, type NatsServer, oneServer } from '../fleet/support/nats-server.js';
import { PROJECT_FOLDER } from '../support/child.js';
import { type Account, filled, openAccount } from './support/account.js';
import { Credentials } from './support/nats-credentials.js';
import { rufus, type Setting, start, temporaryFolder } from './support/rufus.js';

const BOX = '0042';
/** What the guide lets a box do. */
const OF_BOX = {
  publish: [`rufus.call.${BOX}`, `rufus.call.${BOX}.*`, `rufus.box.${BOX}`],
  subscribe: [`_INBOX.${BOX}.>`],
};
const lines = (bibs: readonly number[]): string => bibs.map((bib) => `2026-05-03T09:00:00Z,${bib}\n`).join('');
const bibsIn = (output: string): string[] =>
  output
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { bib: string }).bib);

interface Course {
  readonly account: Account;
  readonly server: NatsServer;
  readonly device: { readonly deviceid: string; readonly token_session: string };
  readonly outbox: string;
  /** A worker with the key, until the end of the test. */
  work(args: readonly string[]): ReturnType<typeof start>;
  status(): Promise<FleetStatus>;
  /** As the box, which has no key. */
  readonly asBox: readonly string[];
  readonly ofOperator: readonly string[];
  stored(): string[];
}

async function course(): Promise<Course> {
  const folder = temporaryFolder();
  const credentials = new Credentials(folder);
  const [server, account] = await Promise.all([oneServer({ config: credentials.config }), openAccount()]);
  const device = await filled(account, [], BOX);
  const outbox = join(folder, 'outbox');
  const ofOperator = ['--nats', server.address, '--creds', await credentials.of('operator'), '--lease', '1s'];
  const ofBox = ['--nats', server.address, '--creds', await credentials.of('box', OF_BOX), '--box', BOX];
  return {
    account,
    server,
    device,
    outbox,
    ofOperator,
    asBox: ['forward', ...ofBox, '--device', device.deviceid, '--outbox', outbox, '--columns', 'timestamp,bib'],
    work: (args) => start(['fleet', ...args, ...ofOperator], { env: account.env }),
    status: async () => {
      const { stdout, ...ended } = await rufus(['fleet', 'status', ...ofOperator]);
      expect(ended).toEqual({ code: 0, stderr: '' });
      return JSON.parse(stdout) as FleetStatus;
    },
    stored: () => account.sandbox.state.passings(device.token_session).map(({ bib }) => bib),
  };
}

describeWithServer('rufus fleet', () => {
  it('brings passings from a box without a key to a consumer', { timeout: 60_000 }, async () => {
    const { asBox, work, status, ofOperator, device, stored } = await course();
    const gateway = work(['serve']);
    const reader = work(['follow', '--poll-min', '50ms', '--poll-max', '100ms']);
    await until(async () => (await status()).workers.length === 2, 'both work', 30_000);

    const box = await rufus([...asBox, '--stdin', '--drain', '30s'], { input: lines([1, 2, 3]) });
    expect(box).toMatchObject({ code: 0, stdout: '' });
    expect(stored()).toEqual(['1', '2', '3']);

    const consume = (more: readonly string[] = []) =>
      start(['fleet', 'passings', '--consumer', 'results', ...more, ...ofOperator]);
    const first = consume();
    await first.printed(/(.*\n){3}/);
    await until(async () => (await status()).consumers[0]?.behind === 0, 'all is acknowledged', 30_000);
    first.child.kill('SIGINT');
    const ended = await first.ended;
    expect([ended.code, ended.stderr]).toEqual([130, 'rufus: Stopped. Run it again to go on here.\n']);
    expect(bibsIn(ended.stdout)).toEqual(['1', '2', '3']);
    expect(JSON.parse(ended.stdout.split('\n')[0]!)).toMatchObject(device);

    await rufus([...asBox, '--stdin', '--drain', '30s'], { input: lines([4]) });
    const second = consume(['--format', 'csv']);
    await second.printed(/^timestamp,.*\r\n.*,4,.*\r\n$/);
    expect(second.output.stdout.split('\r\n')).toHaveLength(3);

    const { workers, devices, boxes } = await status();
    expect(workers.map(({ role }) => role).sort()).toEqual(['follow', 'serve']);
    expect(devices).toMatchObject([{ deviceid: device.deviceid, lastError: null }]);
    expect(boxes).toMatchObject([{ box: BOX, delivered: 4, pending: 0, state: 'closed' }]);
    const { stdout } = await rufus(['fleet', 'status', '--format', 'table', ...ofOperator]);
    expect(stdout).toMatch(
      /^Workers\nworker +role +devices +seenAt\n(.*\n){2}\nDevices\n.*\n.*\n\nConsumers\n.*\nresults +\d+ *\n\nBoxes\n.*\n0042 /,
    );
    expect(stdout).not.toContain(device.token_session);

    for (const worker of [gateway, reader]) {
      worker.child.kill('SIGTERM');
      expect((await worker.ended).code).toBe(143);
    }
    expect([gateway.output.stderr, reader.output.stderr]).toEqual([
      'Carrying the calls of boxes.\n',
      'Following every device of the account.\n',
    ]);
    await until(async () => (await status()).workers.length === 0, 'both have left', 30_000);
  });

  it('takes lines before NATS can be reached, and waits for servers', { timeout: 60_000 }, async () => {
    const { server, asBox, work, status, stored } = await course();
    const gateway = work(['serve']);
    await until(async () => (await status()).workers.length === 1, 'it serves', 30_000);
    await rufus([...asBox, '--stdin', '--drain', '30s'], { input: lines([1]) });
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    await server.stop();

    // The folder knows its session.
    const box = start([...asBox, '--listen', '127.0.0.1:0', '--replies', '--log-level', 'off']);
    const [, port] = await box.printed(/on 127\.0\.0\.1:(\d+)/, 'stderr');
    const { connect } = await import('node:net');
    const decoder = connect(Number(port), '127.0.0.1');
    onTestFinished(() => void decoder.destroy());
    const replies: string[] = [];
    decoder.on('data', (chunk) => replies.push(String(chunk)));
    decoder.write(lines([2, 3]));
    await until(() => replies.join('') === 'ok 2\nok 3\n', 'both are on disk');
    expect(box.output.stderr).toMatch(
      /^warning: NATS at .* does not answer .*: check --nats\. Trying again until it does\.$/m,
    );

    const late = work(['serve']);
    await late.printed(/does not answer/, 'stderr');
    expect(stored()).toEqual(['1']);
    await server.start();
    await until(() => stored().length === 3, 'all is delivered', 30_000);
    expect(stored()).toEqual(['1', '2', '3']);
    box.child.kill('SIGTERM');
    expect((await box.ended).code).toBe(143);
  });

  it('comes in by a password and over TLS, as the guide has its servers', { timeout: 60_000 }, async () => {
    const servers = await GuideServers.start();
    const as = (user: string, more: Record<string, string> = {}) =>
      rufus(['fleet', 'status', '--replicas', '3'], { env: { ...servers.environmentOf(user), ...more } });
    // Makes the streams, which a reader may not.
    expect(await as('operator')).toMatchObject({ code: 0, stderr: '' });
    const status = await as('reader');
    expect([status.code, JSON.parse(status.stdout)]).toEqual([
      0,
      { workers: [], devices: [], consumers: [], boxes: [] },
    ]);
    const guessed = await as('reader', { NATS_PASSWORD: 'guess' });
    expect([guessed.code, guessed.stderr]).toEqual([3, expect.stringContaining('NATS_USER and NATS_PASSWORD')]);
    expect(guessed.stderr).not.toContain('guess');
    const distrusted = await as('reader', { NATS_CA: join(PROJECT_FOLDER, 'package.json') });
    expect([distrusted.code, distrusted.stderr]).toEqual([5, expect.stringContaining('check --nats-ca')]);
  });

  it('says what is wrong with the way to NATS', { timeout: 60_000 }, async () => {
    const { account, server, ofOperator, outbox } = await course();
    const folder = temporaryFolder();
    const stranger = await new Credentials(folder).of('stranger');
    const junk = join(folder, 'junk.creds');
    writeFileSync(junk, 'secret', { mode: 0o600 });
    const closed = await oneServer({ jetstream: false });
    const plain = await oneServer();
    const at = ['--nats', server.address];
    const forward = ['forward', '--device', 'D', '--outbox', outbox, '--stdin'];
    const wrong: [args: readonly string[], code: number, problem: RegExp, setting?: Setting][] = [
      [['fleet', 'status'], 2, /Say where NATS is: --nats HOST:PORT/],
      [['fleet', 'status', '--nats', 'me:secret@n1'], 2, /without a password: see --creds/],
      [['fleet', 'status', ...at], 3, /does not let us in .*check --creds/],
      [['fleet', 'status', ...at, '--creds', stranger], 3, /does not let us in .*check --creds/],
      [
        ['fleet', 'status', ...at, '--creds', 'nowhere'],
        2,
        /credentials file nowhere cannot be read \(ENOENT\): check --creds/,
      ],
      [['fleet', 'status', ...at, '--creds', junk], 2, /holds no credentials of NATS/],
      [['fleet', 'status', '--nats', '127.0.0.1:1'], 5, /NATS at 127\.0\.0\.1:1 does not answer .*check --nats/],
      [['fleet', 'status', '--nats', closed.address], 5, /openFleet: NATS cannot do it now .*See the servers' logs\./],
      [
        ['fleet', 'status', '--nats', plain.address, '--replicas', '3'],
        2,
        /--replicas is 3, but this NATS server stands alone/,
      ],
      [['fleet', 'status', ...at, '--replicas', '2'], 2, /It must be 1, 3 or 5/],
      [['fleet', 'status', ...ofOperator, '--fleet', 'A'], 2, /--fleet must be 1 to 32/],
      [['fleet', 'passings', ...at], 2, /--consumer/],
      [['fleet', 'serve', ...ofOperator], 2, /no API key/],
      [
        ['fleet', 'follow', ...ofOperator],
        3,
        /rufus doctor/,
        { env: { ...account.env, RUFUS_API_KEY: 'unknown-key' } },
      ],
      [[...forward, ...at], 2, /--nats goes with --box/],
      [[...forward, ...at, '--box', '1', '--api-key-file', 'key'], 2, /--api-key-file does not go with --box/],
      [[...forward, '--box', '1'], 2, /Say where NATS is/],
    ];
    for (const [args, code, problem, setting] of wrong) {
      const ended = await rufus(args, { ...setting, env: { ...setting?.env } });
      expect([args, ended.code, ended.stdout]).toEqual([args, code, '']);
      expect(ended.stderr).toMatch(/^rufus: [^\n]+\n$/);
      expect(ended.stderr).toMatch(problem);
      expect(ended.stderr).not.toContain('secret');
    }
    expect((await rufus(['fleet', 'status', ...ofOperator])).code).toBe(0);
    const differing = await rufus(['fleet', 'status', ...ofOperator, '--retain-hours', '1']);
    expect([differing.code, differing.stderr]).toEqual([2, expect.stringContaining('see --retain-hours.')]);
  });
});

it("says what to install where NATS' client is missing, and needs it for nothing else", async () => {
  const modules = join(temporaryFolder(), 'node_modules');
  mkdirSync(join(modules, 'rufus-client'), { recursive: true });
  cpSync(inject('dist'), join(modules, 'rufus-client/dist'), { recursive: true });
  writeFileSync(join(modules, 'rufus-client/package.json'), '{"type":"module"}');
  for (const name of ['undici', 'zod']) symlinkSync(join(PROJECT_FOLDER, 'node_modules', name), join(modules, name));
  const bin = join(modules, 'rufus-client/dist/rufus.js');
  const forward = ['forward', '--device', 'D', '--outbox', 'o', '--stdin', '--nats', 'n1', '--box', '1'];
  for (const args of [['fleet', 'status', '--nats', 'n1'], forward]) {
    const { code, stderr } = await rufus(args, { bin, cwd: modules });
    expect(stderr).toMatch(
      /^rufus: [^\n]+npm install @nats-io\/transport-node @nats-io\/jetstream @nats-io\/kv[^\n]+\n$/,
    );
    expect(code).toBe(2);
  }
  for (const args of [
    ['--version'],
    ['--help'],
    ['fleet', 'follow', '--help'],
    ['forward', '--help'],
    ['complete', '--', 'fl'],
  ]) {
    expect(await rufus(args, { bin })).toMatchObject({ code: 0, stderr: '' });
  }
});
