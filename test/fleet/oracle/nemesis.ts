// Whatever can go wrong at a race, in an order that the seed decides.
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../outbox/disk/random.js';
import type { Link } from '../support/link.js';
import type { NatsServer } from '../support/nats-server.js';
import type { Post, Race } from './race.js';
import { LEASE_MS } from './race.js';

/** Does harm, and returns what undoes it. */
type Harm = () => Promise<() => Promise<void>>;

export interface Ground {
  readonly race: Race;
  readonly servers: readonly NatsServer[];
  /** Between servers, by the pair that they connect; and from the course to the centre. */
  readonly lines: ReadonlyMap<string, readonly Link[]>;
}

const MOST_AT_ONCE = 3;

export class Nemesis {
  /** What was done, and how often. */
  readonly done = new Map<string, number>();
  readonly #random: Random;
  readonly #ground: Ground;
  readonly #busy = new Set<unknown>();
  readonly #healing = new Set<Promise<void>>();
  #weather: 'fair' | 'storm' | 'down' = 'fair';

  constructor(seed: number, ground: Ground) {
    this.#random = new Random(seed);
    this.#ground = ground;
    const { api } = ground.race;
    api.before = () => {
      if (this.#weather === 'down') return 'reset';
      if (this.#weather === 'fair' || !this.#random.chance(0.3)) return undefined;
      return this.#random.pick([
        'reset',
        'hang',
        { status: 503, body: { description: 'Later' } },
        { status: 200, body: '<html>' },
      ] as const);
    };
    // What was done, but nobody learns of it.
    api.after = () => (this.#weather === 'storm' && this.#random.chance(0.2) ? 'reset' : undefined);
  }

  async steps(count: number): Promise<void> {
    for (let step = 0; step < count; step++) {
      while (this.#healing.size >= MOST_AT_ONCE) await Promise.race(this.#healing);
      await this.#step();
      await sleep(20 + this.#random.int(150));
    }
    await this.calm();
  }

  async calm(): Promise<void> {
    while (this.#healing.size > 0) await Promise.all(this.#healing);
  }

  async #step(): Promise<void> {
    const { race, servers, lines } = this.#ground;
    const random = this.#random;
    const post = random.pick(race.posts);
    const server = random.pick(servers);
    const [pair, links] = random.pick([...lines]);
    const short = 100 + random.int(700);
    // Longer than a lease: others take over meanwhile.
    const long = LEASE_MS + 200 + random.int(1_500);
    const choices: [what: string, whom: unknown, ms: number, harm: Harm][] = [
      ['kill a process', post, 50 + random.int(300), () => this.#kill(post)],
      ['kill a process', post, 50 + random.int(300), () => this.#kill(post)],
      ['pause a process', post, random.pick([short, long]), () => this.#pause(post)],
      ['cut off a process', post, random.pick([short, long]), () => this.#cut(post.links)],
      ['kill a server', 'server', short, () => this.#killServer(server)],
      ['pause a server', 'server', random.pick([short, long]), () => this.#pauseServer(server)],
      [`cut ${pair}`, pair, random.pick([short, long]), () => this.#cut(links)],
      ['storm at the API', 'api', short, () => this.#change('storm')],
      ['API down', 'api', short, () => this.#change('down')],
    ];
    const [what, whom, ms, harm] = random.pick(choices);
    // Of the servers a minority at a time, and nobody twice at once.
    if (this.#busy.has(whom)) return this.#step();
    this.#busy.add(whom);
    const name = what.startsWith('cut n') ? 'cut two servers apart' : what;
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
    const undo = await harm();
    const healing: Promise<void> = sleep(ms)
      .then(undo)
      .finally(() => {
        this.#busy.delete(whom);
        this.#healing.delete(healing);
      });
    this.#healing.add(healing);
  }

  async #kill(post: Post): Promise<() => Promise<void>> {
    await post.worker.kill();
    return () => post.restart();
  }

  async #pause({ worker }: Post): Promise<() => Promise<void>> {
    worker.pause();
    return async () => worker.resume();
  }

  async #cut(links: readonly Link[]): Promise<() => Promise<void>> {
    for (const link of links) link.cut();
    return async () => {
      for (const link of links) link.mend();
    };
  }

  async #killServer(server: NatsServer): Promise<() => Promise<void>> {
    await server.stop();
    return async () => {
      await server.start();
      await server.healthy();
    };
  }

  async #pauseServer(server: NatsServer): Promise<() => Promise<void>> {
    server.pause();
    return async () => server.resume();
  }

  async #change(weather: 'storm' | 'down'): Promise<() => Promise<void>> {
    this.#weather = weather;
    return async () => {
      this.#weather = 'fair';
    };
  }
}
