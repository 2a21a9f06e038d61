import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DispatcherLike, Logger, PassingInput, RufusClientOptions } from '../../../src/index.js';
import { RufusClient } from '../../../src/index.js';
import { type OutboxSeams, openOutboxWith } from '../../../src/outbox/open.js';
import type { NewPassing, Outbox, OutboxEvents, OutboxOptions } from '../../../src/outbox/types.js';
import { Sandbox, type SandboxOptions } from '../../../src/testing/index.js';
import { answerOf, type DispatchAnswer, KEY } from '../../support/client.js';
import { TOKEN } from '../../support/operations.js';
import { HandClock, rest } from './clock.js';
import { MemoryFolder } from './memory-journal.js';

export const START = '2026-03-15T09:00:00.000Z';

export const runner = (n: number, more: Partial<NewPassing> = {}): NewPassing => ({
  timestamp: new Date(Date.parse(START) + n * 1000).toISOString(),
  bib: String(n),
  ...more,
});
/** Bibs 1 … n, or from `first` on. */
export const runners = (count: number, first = 1): NewPassing[] =>
  Array.from({ length: count }, (_, index) => runner(first + index));

export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'outbox-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export type Told = { [K in keyof OutboxEvents]: [K, ...OutboxEvents[K]] }[keyof OutboxEvents];
const NAMES: readonly (keyof OutboxEvents)[] = [
  'delivered',
  'retry',
  'state',
  'parked',
  'collision',
  'sessionClosed',
  'storage',
  'recovered',
  'clockStep',
  'numbersSkipped',
];
/** Everything an outbox tells from here on. */
export function listen(outbox: Outbox) {
  const told: Told[] = [];
  for (const name of NAMES) outbox.on(name, (...args) => told.push([name, ...args] as Told));
  return {
    told,
    of: <K extends keyof OutboxEvents>(name: K) =>
      told.filter((event) => event[0] === name).map((event) => event[1] as OutboxEvents[K][0]),
  };
}

/** A logger that keeps what the outbox says, as `level: message`, and what came with it. */
export function logbook() {
  const lines: string[] = [];
  const fields: object[] = [];
  const at = (level: string) => (message: string, more?: object) => {
    if (!message.startsWith('outbox: ')) return;
    lines.push(`${level}: ${message.slice('outbox: '.length)}`);
    fields.push(more ?? {});
  };
  const logger: Logger = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
  return { options: { logger, logLevel: 'info' as const }, lines, fields };
}

/* ------------------------------------------------------------------ by script, in memory, time turned by hand */

export interface Insert {
  readonly token_session: string;
  readonly nums: number[];
  readonly bibs: string[];
  readonly passings: PassingInput[];
}
export type Reply = DispatchAnswer | Error | Promise<DispatchAnswer | Error>;

/** The answer of a server that takes all of it. */
export const stored = ({ token_session, nums }: Insert, duplicate_count = 0): DispatchAnswer =>
  answerOf(201, {
    token_session,
    inserted_count: nums.length - duplicate_count,
    duplicate_count,
    description: 'Success',
  });

/** Plays the server: what a request with these passings is answered. */
export class Script implements DispatcherLike {
  readonly inserts: Insert[] = [];
  readonly others: string[] = [];
  readonly #queue: ((insert: Insert) => Reply)[] = [];
  /** Where the queue is empty. */
  always: (insert: Insert) => Reply = (insert) => stored(insert);
  /** Everything but inserts. */
  other: (method: string, path: string, body: string | null) => Reply = (method, path) =>
    new Error(`${method} ${path} was not expected`);

  replies(...replies: (((insert: Insert) => Reply) | Reply)[]) {
    this.#queue.push(...replies.map((reply) => (typeof reply === 'function' ? reply : () => reply)));
    return this;
  }

  readonly request: DispatcherLike['request'] = async ({ method, path, body, signal }) => {
    const text = typeof body === 'string' ? body : body ? Buffer.from(body).toString() : null;
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const answer = await Promise.race([this.#answer(method, path, text), aborted]);
    if (answer instanceof Error) throw answer;
    return answer;
  };

  #answer(method: string, path: string, body: string | null): Reply {
    if (method !== 'POST' || !path.endsWith('/passings')) {
      this.others.push(`${method} ${path}`);
      return this.other(method, path, body);
    }
    const { token_session, passings_list } = JSON.parse(body ?? '') as {
      token_session: string;
      passings_list: PassingInput[];
    };
    const insert: Insert = {
      token_session,
      nums: passings_list.map(({ num_passing }) => num_passing),
      bibs: passings_list.map(({ bib }) => bib),
      passings: passings_list,
    };
    this.inserts.push(insert);
    return (this.#queue.shift() ?? this.always)(insert);
  }
}

export interface ScriptedOutbox {
  readonly outbox: Outbox;
  readonly script: Script;
  readonly folder: MemoryFolder;
  readonly clock: HandClock;
  readonly events: ReturnType<typeof listen>;
}
/** An outbox without disk, network and time. It has told and sent nothing yet but what opening takes. */
export async function scripted(
  options: Partial<OutboxOptions> = {},
  parts: Partial<Pick<ScriptedOutbox, 'script' | 'folder' | 'clock'>> &
    Omit<OutboxSeams, 'clock'> &
    Pick<RufusClientOptions, 'logger' | 'logLevel'> = {},
): Promise<ScriptedOutbox> {
  const { script = new Script(), folder = new MemoryFolder(), clock = new HandClock(), random = () => 1 } = parts;
  const { openJournal = folder.open, logger, logLevel = 'off' } = parts;
  const client = new RufusClient({
    apiKey: KEY,
    dispatcher: script,
    logger,
    logLevel,
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
  });
  const outbox = await openOutboxWith(
    { client, directory: 'memory', session: { token_session: TOKEN, startAt: 1 }, ...options },
    { clock, random, openJournal },
  );
  const events = listen(outbox);
  await rest();
  return { outbox, script, folder, clock, events };
}

/* ------------------------------------------------------------------ the real thing, on disk and over HTTP */

export async function sandboxed(options: SandboxOptions = {}) {
  const sandbox = new Sandbox(options);
  const server = await sandbox.listen();
  const clientOf = (more: RufusClientOptions = {}) => {
    const client = new RufusClient({
      apiKey: sandbox.keys.readWrite,
      baseUrl: server.url,
      logLevel: 'off',
      retry: { baseDelayMs: 1, maxDelayMs: 2 },
      ...more,
    });
    onTestFinished(() => client.close());
    return client;
  };
  onTestFinished(() => server.close());
  const client = clientOf();
  const { deviceid } = await client.devices.bind({ type: 'reader', model: 'M1', serial_number: 'SN-1' });
  return { sandbox, server, client, clientOf, deviceid };
}

/** Closed at the end of the test; impatient, so that a test need not be. */
export async function opened(options: OutboxOptions, seams: OutboxSeams = {}): Promise<Outbox> {
  const outbox = await openOutboxWith(
    { backoff: { firstMs: 5, maxMs: 20 }, batch: { lingerMs: 0 }, ...options },
    seams,
  );
  onTestFinished(async () => void (await outbox.close()));
  return outbox;
}

/** `appended === delivered + parked + pending`. */
export function counts(outbox: Outbox) {
  const { appended, delivered, parked, pending } = outbox.stats();
  return { appended, delivered, parked, pending };
}

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
