// A race of boxes, readers, gateways and consumers, each a process of its own, each connected by links that can be cut.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import { contentsOf, faultsOf, totalOf, until } from '../support/fleet.js';
import { Link } from '../support/link.js';
import { connected, type NatsServer } from '../support/nats-server.js';
import { WorkerProcess } from '../support/processes.js';
import { KEY, RaceApi } from '../support/race-api.js';
import type { WorkerOptions } from '../support/worker.js';

const BIBS_A_BOX = 1_000_000;
export const LEASE_MS = 1_000;

/** A place at the race: whoever dies there is followed by another. */
export class Post {
  worker!: WorkerProcess;

  private constructor(
    readonly options: WorkerOptions,
    readonly links: readonly Link[],
  ) {}

  static async at(options: Omit<WorkerOptions, 'servers'>, servers: readonly NatsServer[]): Promise<Post> {
    const links = await Promise.all(servers.map(({ port }) => Link.to(port)));
    const post = new Post({ ...options, servers: links.map(({ port }) => `127.0.0.1:${port}`) }, links);
    await post.restart();
    return post;
  }

  get name(): string {
    return this.options.name;
  }

  async restart(): Promise<void> {
    this.worker = await WorkerProcess.start(this.options);
  }
}

export class Race {
  readonly posts: Post[] = [];
  readonly api: RaceApi;
  readonly folder: string;
  readonly #common: Pick<WorkerOptions, 'apiUrl' | 'apiKey' | 'replicas' | 'leaseMs' | 'pollMs' | 'timeoutMs'>;

  private constructor(api: RaceApi, folder: string, replicas: 1 | 3) {
    this.api = api;
    this.folder = folder;
    this.#common = {
      apiUrl: api.url,
      apiKey: KEY,
      replicas,
      leaseMs: LEASE_MS,
      pollMs: { min: 30, max: 100 },
      timeoutMs: 1_000,
    };
  }

  static async prepare(replicas: 1 | 3): Promise<Race> {
    const api = await RaceApi.listen();
    onTestFinished(() => api.close());
    api.keepsRequests = false;
    const folder = await mkdtemp(join(tmpdir(), 'rufus-race-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return new Race(api, folder, replicas);
  }

  async post(
    name: string,
    role: WorkerOptions['role'],
    servers: readonly NatsServer[],
    more: Partial<WorkerOptions> = {},
  ): Promise<Post> {
    const post = await Post.at({ ...this.#common, name, role, ...more }, servers);
    this.posts.push(post);
    return post;
  }

  consumer(
    name: string,
    consumer: string,
    servers: readonly NatsServer[],
    more: Partial<WorkerOptions> = {},
  ): Promise<Post> {
    return this.post(name, 'consume', servers, { consumer, file: this.#file(consumer), ...more });
  }

  box(index: number, servers: readonly NatsServer[], pauseMs: number): Promise<Post> {
    const name = `box-${index}`;
    return this.post(name, 'box', servers, {
      folder: join(this.folder, name),
      first: index * BIBS_A_BOX,
      pauseMs,
    });
  }

  of(role: WorkerOptions['role']): Post[] {
    return this.posts.filter(({ options }) => options.role === role);
  }

  async ready(): Promise<void> {
    await Promise.all(this.posts.map(({ worker }) => worker.ready()));
  }

  /** Boxes end their race: all they have is delivered. Returns how many passings each appended. */
  async finish(): Promise<Map<string, number>> {
    const appended = new Map<string, number>();
    await Promise.all(
      this.of('box').map(async ({ name, worker }) => {
        // Terminated before it listens, it would be killed.
        await worker.ready();
        await worker.terminate();
        const [stats] = worker.of<{ appended: number; parked: number }>('stats');
        if (stats === undefined || stats.parked > 0) {
          throw new Error(`${name} did not deliver all it has: ${JSON.stringify(worker.said.at(-1))}`);
        }
        appended.set(name, stats.appended);
      }),
    );
    return appended;
  }

  /** What the API holds against what the boxes appended. */
  faultsOfApi(appended: ReadonlyMap<string, number>): string[] {
    const wrong = [...this.api.collisions];
    for (const { serial_number, sessions } of this.api.devices.values()) {
      const index = Number(serial_number.split('-')[1]);
      const bibs = sessions.flatMap(({ passings, order }) => order.map((number) => Number(passings.get(number)!.bib)));
      const expected = appended.get(serial_number) ?? 0;
      if (bibs.length !== expected) wrong.push(`${serial_number} appended ${expected}, the API holds ${bibs.length}`);
      const odd = bibs.findIndex((bib, place) => bib !== index * BIBS_A_BOX + place);
      if (odd !== -1) wrong.push(`${serial_number}: ${bibs[odd]} in place ${odd}`);
    }
    return wrong;
  }

  async rows(consumer: string): Promise<{ key: string; bib: string }[]> {
    const text = await readFile(this.#file(consumer), 'utf8').catch(() => '');
    // The last line may be half written.
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { key: string; bib: string });
  }

  /** What a database with a natural key holds against what the API holds; `inOrder`: each was new to it in the order of its session. */
  async faultsOfConsumer(consumer: string, inOrder = true): Promise<string[]> {
    const wrong: string[] = [];
    const known = new Map<string, string>();
    const highest = new Map<string, number>();
    for (const { key, bib } of await this.rows(consumer)) {
      if (known.has(key)) continue;
      known.set(key, bib);
      const [token = '', number = ''] = key.split('/');
      if (inOrder && Number(number) < (highest.get(token) ?? 0)) wrong.push(`${consumer}: ${key} came late`);
      highest.set(token, Number(number));
    }
    for (const { token_session, passings } of this.api.sessions.values()) {
      for (const { num_passing, bib } of passings.values()) {
        const there = known.get(`${token_session}/${num_passing}`);
        if (there !== bib)
          wrong.push(`${consumer}: ${token_session.slice(0, 6)}/${num_passing} is ${there}, not ${bib}`);
      }
    }
    if (known.size !== totalOf(this.api)) wrong.push(`${consumer}: ${known.size} for ${totalOf(this.api)}`);
    return wrong;
  }

  /** Resolves when a consumer's database holds as much as the API. */
  async caughtUp(consumer: string, ms = 60_000): Promise<void> {
    await until(
      async () => new Set((await this.rows(consumer)).map(({ key }) => key)).size >= totalOf(this.api),
      `${consumer} has all`,
      ms,
    );
  }

  async faultsOfStream(servers: readonly NatsServer[]): Promise<string[]> {
    const nats: NatsConnection = await connected(servers);
    return faultsOf(this.api, await contentsOf(nats));
  }

  #file(consumer: string): string {
    return join(this.folder, `${consumer}.jsonl`);
  }
}
