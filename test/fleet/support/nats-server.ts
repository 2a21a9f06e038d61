// Real NATS servers on loopback, each test's own: ports, folders, processes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { connect } from '@nats-io/transport-node';
import { describe, onTestFinished } from 'vitest';

const BINARY = process.env.NATS_SERVER ?? 'nats-server';
const isThere = spawnSync(BINARY, ['--version']).status === 0;

/** A suite that needs the server; where there is none, its name says why it is skipped. */
export function describeWithServer(name: string, suite: () => void): void {
  if (isThere) describe(name, suite);
  else describe.skip(`${name} (skipped: no ${BINARY}; install nats-server, or name one in NATS_SERVER)`, suite);
}

/** Below those that the system gives to whoever connects: a server that is restarted finds its port free. */
const PORTS = { first: 10_000, count: 22_000 };
let lastPort = PORTS.first + Math.floor(Math.random() * PORTS.count);

/** A port that nobody listens on, nor on the one behind it. The servers of this process get different ones. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + ((lastPort - PORTS.first + 2) % PORTS.count);
    lastPort = port;
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const failed = once(probe, 'error').then(() => false);
  probe.listen(port, '127.0.0.1');
  const isOurs = await Promise.race([failed, once(probe, 'listening').then(() => true)]);
  if (!isOurs) return false;
  probe.close();
  await once(probe, 'close');
  return true;
}

export class NatsServer {
  readonly #config: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  constructor(
    readonly folder: string,
    readonly port: number,
    config: string,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#config = config;
    this.#env = env;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get storeFolder(): string {
    return join(this.folder, 'store');
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  async start(): Promise<void> {
    const file = join(this.folder, 'nats.conf');
    await mkdir(this.folder, { recursive: true });
    await writeFile(file, this.#config);
    const child = spawn(BINARY, ['-c', file, '-l', join(this.folder, 'log')], {
      env: { ...process.env, ...this.#env },
      stdio: 'ignore',
    });
    this.#child = child;
    // It answers before anybody is told of it.
    for (let tries = 0; ; tries++) {
      const status = await fetch(`http://127.0.0.1:${this.port + 1}/healthz?js-server-only=true`).catch(
        () => undefined,
      );
      if (status !== undefined) return;
      if (child.exitCode !== null || tries > 200) throw new Error(`nats-server did not start: see ${this.folder}/log`);
      await sleep(20);
    }
  }

  /** Its JetStream has a leader, and has caught up. */
  async healthy(): Promise<void> {
    while ((await fetch(`http://127.0.0.1:${this.port + 1}/healthz`).catch(() => undefined))?.status !== 200)
      await sleep(50);
  }

  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await gone;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** What is stored now, as a power cut might leave it. */
  async copyStore(name = 'copy'): Promise<string> {
    const copy = join(this.folder, name);
    for (;;) {
      await rm(copy, { recursive: true, force: true });
      try {
        await cp(this.storeFolder, copy, { recursive: true });
        return copy;
      } catch (error) {
        // A file that the server removes meanwhile: what is left of the copy is no moment of the store.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }

  /** Only while it is stopped. */
  async restoreStore(copy: string): Promise<void> {
    await rm(this.storeFolder, { recursive: true, force: true });
    await cp(copy, this.storeFolder, { recursive: true });
  }
}

interface ServerOptions {
  /** More lines of its configuration. */
  readonly config?: string;
  readonly jetstream?: boolean;
  readonly folder?: string;
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rufus-fleet-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Ended with the test. */
export function started(server: NatsServer): NatsServer {
  onTestFinished(() => server.stop());
  return server;
}

export async function oneServer({ config = '', jetstream = true }: ServerOptions = {}): Promise<NatsServer> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const server = started(
    new NatsServer(
      folder,
      port,
      [
        `server_name: alone\nlisten: "127.0.0.1:${port}"\nhttp: "127.0.0.1:${port + 1}"`,
        jetstream ? `jetstream { store_dir: "${join(folder, 'store')}" }` : '',
        config,
      ].join('\n'),
    ),
  );
  await server.start();
  return server;
}

/** A port that nobody listens on. */
const NOBODY = 1;

/** Stands between two servers, or does not: the port by which one reaches the other. */
export type Between = (from: string, to: string, port: number) => Promise<number>;

export async function cluster(
  size: number,
  { between = async (_from, _to, port) => port, leaves }: { between?: Between; leaves?: readonly number[] } = {},
): Promise<NatsServer[]> {
  const folder = await temporaryFolder();
  const ports = await Promise.all(Array.from({ length: size }, freePort));
  const routePorts = await Promise.all(ports.map(freePort));
  const nameOf = (index: number): string => `n${index + 1}`;
  const servers = await Promise.all(
    ports.map(async (port, index) => {
      // One of two calls the other, or both would: of two lines each drops one, and not always the same one.
      const routes = await Promise.all(
        routePorts.flatMap((to, other) => {
          if (other === index) return [];
          return [other > index ? between(nameOf(index), nameOf(other), to) : NOBODY];
        }),
      );
      const own = join(folder, nameOf(index));
      const config = [
        `server_name: ${nameOf(index)}\nlisten: "127.0.0.1:${port}"\nhttp: "127.0.0.1:${port + 1}"`,
        `jetstream { store_dir: "${join(own, 'store')}" }`,
        // What they tell each other leads nowhere: whoever stands between must not be passed by.
        `cluster { name: fleet, listen: "127.0.0.1:${routePorts[index]}", cluster_advertise: "127.0.0.1:${NOBODY}", no_advertise: true,
          routes: [${routes.map((to) => `"nats://127.0.0.1:${to}"`).join(', ')}] }`,
        leaves === undefined ? '' : `leafnodes { listen: "127.0.0.1:${leaves[index]}", no_advertise: true }`,
      ].join('\n');
      return started(new NatsServer(own, port, config));
    }),
  );
  await Promise.all(servers.map((server) => server.start()));
  await Promise.all(servers.map((server) => server.healthy()));
  return servers;
}

/** A server at the course, without a store, that leads to others. */
export async function leaf(remotes: readonly number[]): Promise<NatsServer> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const urls = remotes.map((to) => `"nats-leaf://127.0.0.1:${to}"`).join(', ');
  const server = started(
    new NatsServer(
      folder,
      port,
      [
        `server_name: course\nlisten: "127.0.0.1:${port}"\nhttp: "127.0.0.1:${port + 1}"`,
        `leafnodes { reconnect: 1, remotes: [{ urls: [${urls}] }] }`,
      ].join('\n'),
    ),
  );
  await server.start();
  return server;
}

/** Connected, and closed at the end. Comes back at once when it can. */
export async function connected(
  servers: NatsServer | readonly NatsServer[],
  options: ConnectionOptions = {},
): Promise<NatsConnection> {
  const addresses = (Array.isArray(servers) ? servers : [servers]).map((server: NatsServer) => server.address);
  const nats = await connect({
    servers: addresses,
    ignoreClusterUpdates: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 20,
    waitOnFirstConnect: true,
    ...options,
  });
  onTestFinished(() => nats.close());
  return nats;
}
