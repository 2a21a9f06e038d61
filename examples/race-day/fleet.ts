import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { RufusClient } from 'rufus-client';
import { type Fleet, fleetClient } from 'rufus-client/fleet';
import type { Recording } from '../../src/simulation/recording.js';
import { openResults } from '../fleet/results.js';
import { openFromEnv } from '../fleet/support.js';
import type { Target } from '../support/target.js';
import { Comparison } from './comparison.js';
import { deliver, type Job, looksAt } from './delivery.js';
import { type Outcome, serialNumberOf, type TimingDevice } from './device.js';
import { NatsServers } from './nats-servers.js';
import { killed, tied } from './processes.js';
import type { Sent } from './sending.js';

const RACE_MS = 8_000;
const DOWN_MS = 1_000;
const CATCH_UP_MS = 60_000;
const WORKERS = ['readers', 'readers', 'gateway', 'gateway', 'results-to-sqlite'] as const;

/** Three servers; readers, gateways and a database, each a process that runs the example of its name; and this process with the boxes. */
export class RaceDayFleet implements AsyncDisposable {
  readonly #folder: string;
  readonly #servers: NatsServers;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #workers: ChildProcess[] = [];
  readonly #boxes: { readonly client: RufusClient; readonly nats: NatsConnection }[] = [];

  private constructor(folder: string, servers: NatsServers, { options }: Target) {
    this.#folder = folder;
    this.#servers = servers;
    this.#environment = {
      NATS_URL: servers.urls.join(','),
      FLEET_REPLICAS: '3',
      RUFUS_API_KEY: String(options.apiKey),
      RUFUS_BASE_URL: String(options.baseUrl),
      FILE: join(folder, 'results.db'),
    };
  }

  static async start(target: Target): Promise<RaceDayFleet> {
    const folder = await mkdtemp(join(tmpdir(), 'race-day-fleet-'));
    // Behind the end of those that write into it.
    process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const fleet = new RaceDayFleet(folder, await NatsServers.start(3, folder), target);
    try {
      await fleet.#staff(target);
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A client of a box: it has no key. */
  async clientOf(recording: Recording): Promise<RufusClient> {
    const nats = await this.#connect();
    const client = fleetClient({ nats, box: serialNumberOf(recording), timeoutMs: 1_000, logLevel: 'error' });
    this.#boxes.push({ client, nats });
    return client;
  }

  /** Every box sends through an outbox of its own, while a reader, a gateway and a server are killed, and restarted. */
  async sendAll(
    devices: readonly TimingDevice[],
    clients: readonly RufusClient[],
    onDelivered: (count: number) => void,
  ): Promise<Sent> {
    const jobs = devices.map(
      ({ recording: { passings }, token_session }, index): Job => ({
        passings,
        token_session,
        directory: join(this.#folder, `outbox-${index}`),
        pauseMs: RACE_MS / looksAt(passings),
      }),
    );
    const [mishaps, ...outboxes] = await Promise.all([
      this.#wreakHavoc(),
      ...jobs.map((job, index) => deliver(clients[index]!, job, onDelivered)),
    ]);
    return { outboxes, mishaps };
  }

  /** What the database holds in the end, held against what was recorded. */
  async results(devices: readonly TimingDevice[]): Promise<Pick<Outcome, 'recording' | 'differences'>[]> {
    const results = await openResults(this.#environment.FILE!);
    const expected = devices.reduce((sum, { recording }) => sum + recording.passings.length, 0);
    const giveUpAt = performance.now() + CATCH_UP_MS;
    while (results.count() < expected && performance.now() < giveUpAt) await setTimeout(500);
    const outcomes = devices.map(({ recording, token_session }) => {
      const comparison = new Comparison(recording.passings);
      for (const passing of results.read(token_session)) comparison.take(passing);
      return { recording, differences: comparison.differences() };
    });
    results.close();
    return outcomes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, nats } of this.#boxes) {
      await client.close();
      await nats.close();
    }
    await Promise.all(this.#workers.map(killed));
    await this.#servers[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }

  async #wreakHavoc(): Promise<Record<string, number>> {
    await setTimeout(RACE_MS / 8);
    await this.#restart(WORKERS.indexOf('readers'));
    await setTimeout(RACE_MS / 4);
    await this.#servers.kill(1);
    await setTimeout(DOWN_MS);
    this.#servers.restart(1);
    await setTimeout(RACE_MS / 4);
    await this.#restart(WORKERS.indexOf('gateway'));
    return { 'reader killed': 1, 'server killed': 1, 'gateway killed': 1 };
  }

  async #restart(index: number): Promise<void> {
    await killed(this.#workers[index]!);
    this.#workers[index] = this.#work(WORKERS[index]!);
  }

  /** Workers start once the servers have found each other. */
  async #staff({ options }: Target): Promise<void> {
    await using client = new RufusClient(options);
    const nats = await this.#connect();
    try {
      await using fleet = await openFromEnv(client, nats, this.#environment);
      this.#workers.push(...WORKERS.map((name) => this.#work(name)));
      const needed = WORKERS.filter((name) => name !== 'results-to-sqlite').length;
      while ((await workersOf(fleet)) < needed) await setTimeout(200);
    } finally {
      await nats.close();
    }
  }

  #work(name: (typeof WORKERS)[number]): ChildProcess {
    const file = fileURLToPath(new URL(`../fleet/${name}.ts`, import.meta.url));
    const worker = tied(
      spawn(process.execPath, ['--import', 'tsx', file], {
        env: { ...process.env, ...this.#environment },
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    );
    // What it says of outages is no news here. Why it ended by itself is.
    let said = '';
    worker.stderr!.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-2_000);
    });
    worker.once('close', (code) => code !== null && console.error(`${name}.ts ended by itself, with ${code}: ${said}`));
    return worker;
  }

  #connect(): Promise<NatsConnection> {
    return connect({ servers: [...this.#servers.urls], maxReconnectAttempts: -1, waitOnFirstConnect: true });
  }
}

/** None while the servers agree on something. */
const workersOf = (fleet: Fleet): Promise<number> =>
  fleet.status().then(
    ({ workers }) => workers.length,
    () => 0,
  );
