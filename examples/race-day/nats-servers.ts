import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { killed, tied } from './processes.js';

const BINARY = process.env.NATS_SERVER ?? 'nats-server';

/** A cluster of NATS servers on this machine, each a process of its own. */
export class NatsServers implements AsyncDisposable {
  readonly urls: readonly string[];
  readonly #commands: readonly (readonly string[])[];
  readonly #running: ChildProcess[];

  private constructor(ports: readonly number[], commands: readonly (readonly string[])[]) {
    this.urls = ports.map((port) => `127.0.0.1:${port}`);
    this.#commands = commands;
    this.#running = commands.map(run);
  }

  static get areThere(): boolean {
    return spawnSync(BINARY, ['--version']).status === 0;
  }

  static async start(size: number, folder: string): Promise<NatsServers> {
    const ports = await freePorts(size * 2);
    const routePorts = ports.splice(size);
    const routes = routePorts.map((port) => `nats://127.0.0.1:${port}`);
    const commands = ports.map((port, index) => [
      ...['--addr', '127.0.0.1', '--port', String(port), '--server_name', `n${index + 1}`],
      ...['--jetstream', '--store_dir', join(folder, `n${index + 1}`)],
      ...['--cluster_name', 'race-day', '--cluster', routes[index]!, '--routes', routes.join(',')],
    ]);
    return new NatsServers(ports, commands);
  }

  async kill(index: number): Promise<void> {
    await killed(this.#running[index]!);
  }

  restart(index: number): void {
    this.#running[index] = run(this.#commands[index]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map(killed));
  }
}

const run = (args: readonly string[]): ChildProcess => tied(spawn(BINARY, args, { stdio: 'ignore' }));

async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(probes.map((probe) => once(probe, 'listening')));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => once(probe.close(), 'close')));
  return ports;
}
