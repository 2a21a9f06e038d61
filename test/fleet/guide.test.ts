// The guide "When one machine is not enough": its servers, accounts and examples as they stand there.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { openResults } from '../../examples/fleet/results.js';
import { fleetClient, openFleet } from '../../src/fleet/index.js';
import { PROJECT_FOLDER, runScript } from '../support/child.js';
import { running, until } from './support/fleet.js';
import { GuideServers } from './support/guide.js';
import { describeWithServer, temporaryFolder } from './support/nats-server.js';
import { clientOf, KEY, RaceApi } from './support/race-api.js';

async function world() {
  const [servers, api] = await Promise.all([GuideServers.start(), RaceApi.listen()]);
  onTestFinished(() => api.close());
  // Makes the streams, which the others may not.
  const nats = await servers.connect('operator');
  const fleet = await openFleet({ client: clientOf(api), nats, replicas: 3 });
  onTestFinished(() => fleet.close());
  return { servers, api, fleet };
}

function example(name: string, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/fleet/${name}.ts`], {
    cwd: PROJECT_FOLDER,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** What NATS refused of what was done over this connection. */
async function refusedOf(nats: NatsConnection, act: () => void): Promise<string[]> {
  const refused: string[] = [];
  const watched = (async () => {
    for await (const status of nats.status()) if (status.type === 'error') refused.push(status.error.message);
  })();
  watched.catch(() => {});
  act();
  await nats.flush();
  await until(() => refused.length > 0, 'NATS has refused it', 5_000).catch(() => {});
  return refused;
}

describeWithServer('the guide to the fleet', () => {
  it('has examples that work together, over its servers', { timeout: 120_000 }, async () => {
    const { servers, api, fleet } = await world();
    const folder = await temporaryFolder();
    const FILE = `${folder}/race.db`;
    const ofApi = { RUFUS_API_KEY: KEY, RUFUS_BASE_URL: api.url };
    const gateway = example('gateway', { ...servers.environmentOf('gateway'), ...ofApi });
    const consumer = example('results-to-sqlite', { ...servers.environmentOf('consumer'), FILE });
    await until(async () => (await fleet.status()).workers.length === 1, 'the gateway serves', 60_000);

    const box = example('box', { ...servers.environmentOf('0042'), BOX: '0042', FOLDER: `${folder}/outbox` });
    const said = text(box.stdout!);
    box.stdin!.end(Array.from({ length: 50 }, (_, index) => `${index + 1},2026-05-03T09:00:00.000Z\n`).join(''));
    expect(await once(box, 'close')).toEqual([0, null]);
    expect(await said).toBe('50 delivered, 0 parked\n');

    const reader = example('readers', { ...servers.environmentOf('reader'), ...ofApi });
    const results = await openResults(FILE);
    await until(() => results.count() === 50, 'each passing is in the database', 60_000);
    const [session] = api.sessions.values();
    expect(results.read(session!.token_session).map(({ bib }) => bib)).toEqual(
      [...session!.passings.values()].map(({ bib }) => bib),
    );
    results.close();

    const { workers, boxes, consumers } = await fleet.status();
    expect(workers.map(({ role }) => role).sort()).toEqual(['follow', 'serve']);
    expect(boxes).toMatchObject([{ box: '0042', delivered: 50, pending: 0 }]);
    await until(async () => (await fleet.status()).consumers[0]?.behind === 0, 'all is acknowledged');
    expect(consumers).toMatchObject([{ consumer: 'results' }]);

    for (const worker of [gateway, consumer, reader]) {
      worker.kill('SIGTERM');
      expect(await once(worker, 'close')).toEqual([0, null]);
    }
    // Nobody needed more than its account gives.
    for (const { folder: own } of [...servers.centre, servers.course]) {
      const log = await readFile(`${own}/log`, 'utf8');
      expect(log.match(/.*Violation.*/g) ?? []).toEqual([]);
    }
  });

  it('has accounts that keep everybody to their own', { timeout: 60_000 }, async () => {
    const { servers, api, fleet } = await world();
    running((signal) => fleet.serve({ signal }));
    const box = await servers.connect('0042');
    const device = { type: 'reader', model: 'R1', serial_number: '0042' };
    await fleetClient({ nats: box, box: '0042' }).devices.ensureBound(device);

    // In another's name.
    const posing = fleetClient({ nats: box, box: '0043', retry: false });
    const before = api.requests;
    const refusal = await posing.devices
      .ensureBound({ ...device, serial_number: '0043' })
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'PermissionDeniedError', requestMaybeProcessed: false });
    expect(String(refusal)).toContain('NATS refused it');
    expect(api.requests).toBe(before);
    for (const subject of [
      'rufus.call.0043',
      'rufus.call.0043.worker',
      'rufus.box.0043',
      'rufus.in.0042.0',
      '$JS.API.STREAM.DELETE.rufus-in',
    ]) {
      expect(await refusedOf(box, () => box.publish(subject)), subject).toEqual([
        expect.stringContaining('ermissions'),
      ]);
    }
    for (const subject of ['rufus.call.*', 'rufus.in.>', '_INBOX.0043.>', '_INBOX.>']) {
      expect(await refusedOf(box, () => void box.subscribe(subject)), subject).toEqual([
        expect.stringContaining('ermissions'),
      ]);
    }

    const others: [user: string, subject: string][] = [
      ['reader', 'rufus.call.0042'],
      ['reader', '$JS.API.STREAM.DELETE.rufus-in'],
      ['gateway', 'rufus.in.0042.0'],
      ['consumer', 'rufus.in.0042.0'],
      ['consumer', '$KV.rufus-cursors.0042'],
      ['leaf', 'rufus.in.0042.0'],
    ];
    for (const [user, subject] of others) {
      const nats = await servers.connect(user);
      expect(await refusedOf(nats, () => nats.publish(subject)), `${user}: ${subject}`).toEqual([
        expect.stringContaining('ermissions'),
      ]);
    }
  });

  it('has servers that take no stranger, and nobody without TLS', { timeout: 60_000 }, async () => {
    const servers = await GuideServers.start();
    const [first] = servers.centre;
    const attempt = (options: object): Promise<unknown> =>
      connect({ servers: first!.address, reconnect: false, timeout: 2_000, ...options }).then(
        (nats) => nats.close().then(() => 'connected'),
        (error: Error) => error.message,
      );
    const { NATS_CA: caFile, NATS_PASSWORD: pass } = servers.environmentOf('reader');
    expect(await attempt({ user: 'reader', pass, tls: { caFile } })).toBe('connected');
    expect(await attempt({ user: 'reader', pass: 'guess', tls: { caFile } })).toMatch(/uthorization/);
    expect(await attempt({ tls: { caFile } })).toMatch(/uthorization/);
    // Whose certificate is not known is not talked to.
    expect(await attempt({ user: 'reader', pass })).toMatch(/certificate/);
  });
});

describeWithServer('the race day of a fleet', () => {
  it('keeps every read, whatever is killed', { timeout: 150_000 }, async () => {
    const { code, stdout, stderr } = await runScript('examples/race-day.ts', ['--fleet', '--runners', '200']);
    // Servers that have just started may say once that they have no leader yet.
    const said = stderr
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('openFleet: NATS cannot do it now'));
    expect({ code, said }).toEqual({ code: 0, said: [] });
    expect(stdout).toContain('Complete: every read that was sent came back');
    for (const mishap of ['1 × reader killed', '1 × server killed', '1 × gateway killed']) {
      expect(stdout).toContain(mishap);
    }
  });

  // Only Linux tells whose child a process is.
  it.skipIf(process.platform !== 'linux')(
    'ends by a signal with all that it has started',
    { timeout: 60_000 },
    async () => {
      const race = spawn(process.execPath, ['--import', 'tsx', 'examples/race-day.ts', '--fleet', '--runners', '200'], {
        cwd: PROJECT_FOLDER,
        stdio: 'ignore',
      });
      onTestFinished(() => void race.kill('SIGKILL'));
      const children = (): Promise<string[]> =>
        readFile(`/proc/${race.pid}/task/${race.pid}/children`, 'utf8').then((list) => list.trim().split(' '));
      const commandOf = (pid: string): Promise<string> => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const started = async (): Promise<boolean> => {
        const commands = await Promise.all((await children()).map(commandOf));
        return commands.some((line) => line.includes('nats')) && commands.some((line) => line.includes('gateway.ts'));
      };
      await until(started, 'servers and workers are started', 40_000);
      const pids = await children();
      race.kill('SIGTERM');
      expect(await once(race, 'exit')).toEqual([143, null]);
      const isAlive = async (pid: string): Promise<boolean> =>
        /nats|gateway\.ts|readers\.ts/.test(await commandOf(pid));
      await until(async () => !(await Promise.all(pids.map(isAlive))).includes(true), 'they are gone', 5_000);
    },
  );
});
