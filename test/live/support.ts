// A device in a sandbox, somebody who writes to it, and somebody who follows it.
import { onTestFinished, vi } from 'vitest';
import {
  type DispatcherLike,
  type FollowBatch,
  type FollowCursor,
  type FollowOptions,
  type Passing,
  RufusClient,
  type RufusClientOptions,
} from '../../src/index.js';
import { following } from '../../src/live/follow.js';
import { Sandbox, type SandboxOptions } from '../../src/testing/index.js';
import { answerOf, type DispatchAnswer, type DispatchOptions } from '../support/client.js';

/** Short enough to wait for in real time. */
const QUICK: FollowOptions = { pollMs: { min: 5, max: 20 } };

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** performance.now() when it left. */
  readonly at: number;
}

/** The answer of one request instead of the sandbox's own; undefined lets the sandbox's pass. */
export type Alter = (
  asked: Asked,
  answer: () => Promise<DispatchAnswer>,
) => DispatchAnswer | undefined | Promise<DispatchAnswer | undefined>;

/** Remembers what is asked of a dispatcher, and may alter what it answers. */
export class Spy implements DispatcherLike {
  readonly asked: Asked[] = [];
  inFlight = 0;
  alter: Alter | undefined;
  readonly #dispatcher: DispatcherLike;

  constructor(dispatcher: DispatcherLike) {
    this.#dispatcher = dispatcher;
  }

  /** What was asked of the continuous query, the range reads, … */
  of(path: string): Asked[] {
    return this.asked.filter((each) => each.path.startsWith(path));
  }

  async request(options: DispatchOptions): Promise<DispatchAnswer> {
    const url = new URL(options.path, options.origin);
    const path = url.pathname.replace('/v0', '');
    const query = Object.fromEntries(url.searchParams);
    const asked = { method: options.method, path, query, at: performance.now() };
    this.asked.push(asked);
    this.inFlight++;
    try {
      const answer = () => this.#dispatcher.request(options);
      return (await this.alter?.(asked, answer)) ?? (await answer());
    } finally {
      this.inFlight--;
    }
  }
}

/** Changes the payload of the sandbox's JSON answers to paths that begin with `part`. */
export function altering(part: string, change: (payload: Record<string, unknown>, asked: Asked) => unknown): Alter {
  return async (asked, ask) => {
    if (!asked.path.startsWith(part)) return undefined;
    const answer = await ask();
    const parsed = JSON.parse(await answer.body.text()) as Record<string, unknown>;
    if (answer.statusCode !== 200) return answerOf(answer.statusCode, parsed);
    const body = 'body' in parsed ? (parsed.body as Record<string, unknown>) : parsed;
    return answerOf(200, change(body, asked));
  };
}

export const read = (num_passing: number) => ({
  num_passing,
  bib: String((num_passing * 7919) % 30_000),
  timestamp: '2026-04-20T13:17:00.000Z',
  latitude: 42.35,
});

export async function start(options: SandboxOptions = {}, clientOptions: RufusClientOptions = {}) {
  const sandbox = new Sandbox(options);
  const spy = new Spy(sandbox.dispatcher);
  const writer = new RufusClient({ apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher });
  const client = new RufusClient({
    apiKey: sandbox.keys.read,
    dispatcher: spy,
    logLevel: 'off',
    ...clientOptions,
  });
  const device = { type: 'reader', model: 'R1', serial_number: 'live-1' };
  // Loading takes real time, in which a fake clock moves on.
  await following.load();
  const { deviceid } = await writer.devices.bind(device);
  return {
    sandbox,
    spy,
    writer,
    client,
    deviceid,
    async open(alias?: string): Promise<string> {
      return (await writer.sessions.create({ deviceid, alias })).token_session;
    },
    /** Numbers in the order given. */
    async write(token: string, numbers: Iterable<number>): Promise<void> {
      const passings = Array.from(numbers, read);
      if (passings.length > 0) await writer.passings.insertMany(token, passings, { batchSize: 2_000 });
    },
    follow: (followOptions: FollowOptions = {}) => client.passings.follow(deviceid, { ...QUICK, ...followOptions }),
  };
}

export function* range(from: number, to: number): Generator<number> {
  for (let number = from; number <= to; number++) yield number;
}

/** Follows in the background and keeps what comes. Ended with the test. */
export class Reader {
  readonly batches: FollowBatch[] = [];
  /** Set once it has ended: what it ended with. */
  error: unknown;
  readonly done: Promise<void>;
  readonly #iterator: AsyncIterator<FollowBatch>;
  readonly #waiting = new Set<() => void>();

  constructor(follow: AsyncIterable<FollowBatch>, onBatch: (batch: FollowBatch) => unknown = () => {}) {
    this.#iterator = follow[Symbol.asyncIterator]();
    this.done = this.#run(onBatch);
    onTestFinished(() => this.stop());
  }

  async #run(onBatch: (batch: FollowBatch) => unknown): Promise<void> {
    try {
      for (let next = await this.#iterator.next(); !next.done; next = await this.#iterator.next()) {
        this.batches.push(next.value);
        await onBatch(next.value);
        for (const check of this.#waiting) check();
      }
    } catch (error) {
      this.error = error;
    }
    for (const check of this.#waiting) check();
  }

  get passings(): Passing[] {
    return this.batches.flatMap(({ passings }) => passings);
  }

  /** `num_passing` of everything that came of a session, in the order it came. */
  numbers(token?: string): number[] {
    return this.batches
      .filter(({ token_session }) => token === undefined || token_session === token)
      .flatMap(({ passings }) => passings.map(({ num_passing }) => num_passing));
  }

  get cursor(): FollowCursor | undefined {
    return this.batches.at(-1)?.cursor;
  }

  /** Until so many passings have come, or it has ended. */
  async until(count: number): Promise<this> {
    await this.when(() => this.passings.length >= count);
    return this;
  }

  when(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!isSo() && this.error === undefined) return;
        this.#waiting.delete(check);
        if (isSo()) resolve();
        else reject(this.error);
      };
      this.#waiting.add(check);
      check();
    });
  }

  async stop(): Promise<void> {
    await this.#iterator.return?.();
  }
}

/** So many further polls of the follower. */
export async function polls(spy: Spy, count: number): Promise<void> {
  const until = spy.of('/passings/device2').length + count;
  while (spy.of('/passings/device2').length < until || spy.inFlight > 0) await immediate();
}

const realImmediate = globalThis.setImmediate;
const immediate = () => new Promise<void>((resolve) => realImmediate(resolve));

/** A clock that only moves by hand, for timers as well as for both times of day. */
export function fakeClock() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return {
    /** Moves on in steps, each once the requests under way are answered as far as time allows. */
    async run(ms: number, stepMs = 50): Promise<void> {
      for (let left = ms; left > 0; left -= stepMs) {
        for (let turn = 0; turn < 3; turn++) await immediate();
        await vi.advanceTimersByTimeAsync(Math.min(stepMs, left));
      }
      for (let turn = 0; turn < 3; turn++) await immediate();
    },
  };
}
