import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { entryUrl } from './built.js';
import { temporaryFolder } from './outbox.js';

export const { fleetClient, openFleet } = (await import(
  entryUrl('fleet')
)) as typeof import('../../src/fleet/index.js');

/** What a process of the benchmark is to do. */
export type Work =
  | { readonly role: 'api'; readonly devices: number; readonly perSecond: number }
  | {
      readonly role: 'follow' | 'serve';
      readonly natsPort: readonly number[];
      readonly baseUrl: string;
      readonly leaseMs: number;
      readonly pollMs: { readonly min: number; readonly max: number };
    };

/** Of a worker, since it was started. */
export interface Usage {
  readonly cpuMs: number;
  readonly residentMb: number;
  readonly requests: number;
}

const BINARY = process.env.NATS_SERVER ?? 'nats-server';

/** A fleet of processes, all gone at the end: servers, the API, workers. */
export class Ground implements AsyncDisposable {
  readonly natsPort: readonly number[];
  readonly baseUrl: string;
  readonly workers: ChildProcess[] = [];
  readonly servers: ChildProcess[];
  readonly #commands: readonly (readonly string[])[];
  readonly #api: ChildProcess;
  readonly #folder: Disposable;
  readonly #connections: NatsConnection[] = [];

  private constructor(
    ports: readonly number[],
    commands: readonly (readonly string[])[],
    api: ChildProcess,
    apiPort: number,
    folder: Disposable,
  ) {
    this.natsPort = ports;
    this.#commands = commands;
    this.servers = commands.map(run);
    this.#api = api;
    this.baseUrl = `http://127.0.0.1:${apiPort}/v0`;
    this.#folder = folder;
  }

  static async prepare(size: 1 | 3, devices: number, perSecond: number): Promise<Ground> {
    const folder = temporaryFolder();
    const ports = await freePorts(size * 2);
    const routes = ports.splice(size).map((port) => `nats://127.0.0.1:${port}`);
    const commands = ports.map((port, index) => [
      ...['--addr', '127.0.0.1', '--port', String(port), '--server_name', `n${index + 1}`],
      ...['--jetstream', '--store_dir', join(folder.path, `n${index + 1}`)],
      ...(size === 1 ? [] : ['--cluster_name', 'bench', '--cluster', routes[index]!, '--routes', routes.join(',')]),
    ]);
    const api = start({ role: 'api', devices, perSecond });
    const [apiPort] = await once(api, 'message');
    const ground = new Ground(ports, commands, api, apiPort, folder);
    // A cluster agrees on its leaders first.
    await using client = new (await import('./built.js')).RufusClient({ apiKey: 'none', baseUrl: ground.baseUrl });
    const nats = await ground.connect();
    for (let isOpen = false; !isOpen; ) {
      isOpen = await openFleet({ client, nats, replicas: size }).then(
        (fleet) => fleet.close().then(() => true),
        () => sleep(200).then(() => false),
      );
    }
    return ground;
  }

  async connect(): Promise<NatsConnection> {
    const servers = this.natsPort.map((port) => `127.0.0.1:${port}`);
    const nats = await connect({ servers, maxReconnectAttempts: -1, waitOnFirstConnect: true, reconnectTimeWait: 100 });
    this.#connections.push(nats);
    return nats;
  }

  async work(
    role: 'follow' | 'serve',
    { leaseMs = 10_000, pollMs = { min: 500, max: 5_000 } } = {},
  ): Promise<ChildProcess> {
    const worker = start({ role, natsPort: this.natsPort, baseUrl: this.baseUrl, leaseMs, pollMs });
    this.workers.push(worker);
    await once(worker, 'message');
    return worker;
  }

  restart(index: number): void {
    this.servers[index] = run(this.#commands[index]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const nats of this.#connections) await nats.close();
    await Promise.all([...this.workers, this.#api, ...this.servers].map(kill));
    this.#folder[Symbol.dispose]();
  }
}

export async function usageOf(worker: ChildProcess): Promise<Usage> {
  const said = once(worker, 'message');
  worker.send('usage');
  const [usage] = await said;
  return usage as Usage;
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const run = (args: readonly string[]): ChildProcess => spawn(BINARY, args, { stdio: 'ignore' });

const start = (work: Work): ChildProcess =>
  fork(new URL('./fleet-process.js', import.meta.url), [JSON.stringify(work)], { execArgv: [] });

async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(probes.map((probe) => once(probe, 'listening')));
  const ports = probes.map((probe) => (probe.address() as { port: number }).port);
  await Promise.all(probes.map((probe) => once(probe.close(), 'close')));
  return ports;
}
