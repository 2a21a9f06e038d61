// The process that is killed. It says what it is about to append before it does, and what it may rely on after it was told.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { RufusClient } from '../../../src/index.js';
import { NumberingUnknownError, openOutbox } from '../../../src/outbox/index.js';
import type { Outbox, OutboxOptions } from '../../../src/outbox/types.js';
import { Random } from '../disk/random.js';
import { isHuge, isPoison, passingOf } from './passings.js';

export interface RacerOptions {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly directory: string;
  readonly deviceid: string;
  readonly onSessionClosed: OutboxOptions['onSessionClosed'];
  readonly firstId: number;
  readonly seed: number;
  /** Does not race: delivers all there is, and tells what is left. */
  readonly finish: boolean;
  /** Changes to a new session now and then, and appends only what the server takes. */
  readonly switching: boolean;
  /** Does all that an operator may do, at random: other sessions and devices, pauses, rewinds; starts in every way there is. */
  readonly meddling: boolean;
  /** Before that: goes on with a new session, and sends there what was parked with the old one. */
  readonly switchSession: boolean;
}

/** Written before it returns, all of it: a pipe may take a long line in pieces, or ask to wait. */
function say(what: string, facts: unknown): void {
  let rest = Buffer.from(`${what} ${JSON.stringify(facts)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

function watch(outbox: Outbox): void {
  outbox.on('collision', (collision) => say('collision', collision));
  outbox.on('recovered', ({ corruptRecords }) => corruptRecords > 0 && say('corrupt', corruptRecords));
  outbox.on('sessionClosed', (closed) => say('closed', closed));
}

/** The device of the race, and another one that the outbox may be sent away to. */
const device = { type: 'reader', model: 'M1', serial_number: 'SN-1' };
const spare = { ...device, serial_number: 'SN-2' };

function meddle(outbox: Outbox, random: Random, { deviceid }: RacerOptions): void {
  const change = (session: OutboxOptions['session']): void => {
    const signal = random.chance(0.3) ? AbortSignal.timeout(random.int(400)) : undefined;
    const timeoutMs = random.chance(0.7) ? 50 + random.int(3_000) : undefined;
    outbox.switchSession(session, { signal, timeoutMs }).catch(() => {});
  };
  const acts = [
    () => change({ deviceid, open: 'new' }),
    () => change({ deviceid, open: 'new', alias: 'Heat' }),
    () => change({ device, open: 'new' }),
    () => change({ deviceid, open: 'active-or-new' }),
    () => change({ token_session: outbox.token_session }),
    () => change({ device: spare, open: 'active-or-new' }),
    () => outbox.pause(),
    () => outbox.resume(),
    () => outbox.resume(),
    () => void outbox.rewind({ from: new Date(0), to: new Date(4e12) }).catch(() => {}),
  ];
  random.pick(acts)();
}

async function race(outbox: Outbox, options: RacerOptions): Promise<never> {
  const { firstId, seed, switching, meddling, deviceid } = options;
  const random = new Random(seed);
  const underWay = new Set<Promise<unknown>>();
  for (let id = firstId; ; ) {
    const nextId = (): number => {
      while (switching && (isPoison(id) || isHuge(id))) id++;
      return id++;
    };
    const ids = Array.from({ length: 1 + random.int(random.chance(0.2) ? 30 : 4) }, nextId);
    if (switching && random.chance(0.06)) {
      outbox.switchSession({ deviceid, open: 'new' }, { timeoutMs: 50 + random.int(3_000) }).then(
        (token) => say('switched', token),
        (error: unknown) => say('stayed', String(error)),
      );
    }
    if (meddling && random.chance(0.25)) meddle(outbox, random, options);
    say('intent', ids);
    const append = outbox.append(ids.map(passingOf)).then(
      (receipts) => say('ack', { ids, nums: receipts.map((receipt) => [receipt.token_session, receipt.num_passing]) }),
      (error: unknown) => say('refused', String(error)),
    );
    underWay.add(append);
    void append.finally(() => underWay.delete(append));
    if (underWay.size > 20) await Promise.race(underWay);
    // A backlog that only grows leaves no session: now and then a race has a quiet moment.
    if (meddling && random.chance(0.2)) outbox.resume();
    const most = switching || meddling ? (random.chance(0.1) ? 0 : 60) : Number.POSITIVE_INFINITY;
    while (outbox.stats().pending > most) await sleep(5);
    if (random.chance(0.5)) await sleep(random.int(6));
  }
}

async function finish(outbox: Outbox, options: RacerOptions): Promise<void> {
  await outbox.drained();
  if (options.switchSession) {
    await outbox.switchSession({ deviceid: options.deviceid, open: 'new' });
    await outbox.requeue(({ reason }) => reason === 'session-closed');
    await outbox.drained();
  }
  const fresh = options.firstId;
  say('intent', [fresh]);
  const { token_session, num_passing } = await outbox.append(passingOf(fresh));
  say('ack', { ids: [fresh], nums: [[token_session, num_passing]] });
  await outbox.drained();
  const parked = [];
  for await (const each of outbox.parked()) parked.push(each);
  say('parked', parked);
  say('stats', outbox.stats());
  say('closing', await outbox.close());
}

/** Without a history the outbox cannot be opened in bad weather. */
async function persistently(open: () => Promise<Outbox>, { meddling }: RacerOptions): Promise<Outbox> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      say('shut', String(error));
      if (!(error instanceof NumberingUnknownError) && !meddling) throw error;
    }
  }
}

async function main(): Promise<void> {
  say('ready', process.pid);
  const options = await new Promise<RacerOptions>((resolve) => {
    process.stdin.once('data', (line) => resolve(JSON.parse(String(line)) as RacerOptions));
  });
  process.stdin.destroy();
  const { apiKey, baseUrl, directory, deviceid, onSessionClosed } = options;
  const client = new RufusClient({
    apiKey,
    baseUrl,
    logLevel: 'off',
    timeoutMs: options.finish ? 5_000 : 300,
    retry: { baseDelayMs: 20 },
  });
  const random = new Random(options.seed);
  const session = (): OutboxOptions['session'] => {
    const open = options.meddling && random.chance(0.4) ? 'new' : 'active-or-new';
    if (options.meddling && random.chance(0.3)) return { device: spare, open };
    return options.meddling && random.chance(0.5) ? { device, open } : { deviceid, open };
  };
  const settings = { client, directory, onSessionClosed, batch: { max: 40, lingerMs: 5 }, probeMs: 40 };
  const outbox = await persistently(
    () => openOutbox({ ...settings, session: session(), backoff: { firstMs: 5, maxMs: 60 } }),
    options,
  );
  say('open', outbox.stats());
  watch(outbox);
  if (!options.finish) return race(outbox, options);
  await finish(outbox, options);
  await client.close();
}

main().catch((error: unknown) => {
  say('failed', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  process.exitCode = 1;
});
