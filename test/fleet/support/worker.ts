// A process of the fleet, to be killed, paused and cut off: `node worker.mjs JSON`. It says what it does, a JSON value a line.
import { appendFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type Fleet, fleetClient, openFleet, reportOutbox } from '../../../src/fleet/index.js';
import { Store } from '../../../src/fleet/store.js';
import { RufusClient } from '../../../src/index.js';
import { type Outbox, openOutbox } from '../../../src/outbox/index.js';

export interface WorkerOptions {
  readonly role: 'follow' | 'serve' | 'consume' | 'box';
  readonly name: string;
  readonly servers: readonly string[];
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly replicas?: 1 | 3;
  readonly leaseMs?: number;
  readonly pollMs?: { min: number; max: number };
  readonly timeoutMs?: number;
  readonly retainHours?: number;
  /** consume: where it writes what it got, and how it tells one passing from another. */
  readonly file?: string;
  readonly key?: 'natural' | 'sequence';
  readonly consumer?: string;
  /** consume: how long it works on a batch. */
  readonly workMs?: number;
  /** box: its folder, and what it reads until it is terminated: from this bib on, with a pause between two. */
  readonly folder?: string;
  readonly first?: number;
  readonly pauseMs?: number;
  /** Writes into the stream without any condition: the control that must be caught. */
  readonly unfenced?: boolean;
}

function say(fact: object): void {
  writeSync(1, `${JSON.stringify(fact)}\n`);
}

async function follow(fleet: Fleet, { pollMs }: WorkerOptions): Promise<void> {
  await fleet.follow({ devices: 'all', ...(pollMs && { pollMs }) });
}

async function consume(fleet: Fleet, options: WorkerOptions): Promise<void> {
  const { consumer = 'results', file = '', workMs = 0, name } = options;
  for await (const batch of fleet.passings({ consumer })) {
    if (workMs > 0) await sleep(workMs);
    const rows = batch.passings.map(({ num_passing, bib }) => ({
      key: `${batch.token_session}/${num_passing}`,
      bib,
      by: name,
      redelivered: batch.redelivered,
    }));
    // Whole lines, before the acknowledgement: a database that commits.
    appendFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await batch.ack();
  }
}

/** Takes a passing for known by where it lay in the stream: what nobody should do. */
async function consumeBySequence(nats: NatsConnection, { file = '', name }: WorkerOptions): Promise<void> {
  say({ ready: name });
  let highest = 0;
  for (;;) {
    try {
      const consumer = await jetstream(nats).consumers.get('rufus-in', { opt_start_seq: highest + 1 });
      for await (const message of await consumer.fetch({ max_messages: 100, expires: 1_000 })) {
        if (message.seq <= highest) continue;
        highest = message.seq;
        const { passings, token_session } = message.json<{
          token_session: string;
          passings: { num_passing: number; bib: string }[];
        }>();
        const rows = passings.map(({ num_passing, bib }) => ({ key: `${token_session}/${num_passing}`, bib }));
        appendFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      }
    } catch {
      await sleep(100);
    }
  }
}

async function waits(error: unknown): Promise<undefined> {
  say({ waits: String(error) });
  await sleep(100);
}

async function box(nats: NatsConnection, options: WorkerOptions): Promise<void> {
  const { name, folder = '', first = 1, pauseMs = 20, timeoutMs = 2_000 } = options;
  const client = fleetClient({ nats, box: name, logLevel: 'off', timeoutMs });
  const device = { type: 'reader', model: 'R1', serial_number: name };
  const open = (): Promise<Outbox> =>
    openOutbox({
      client,
      directory: folder,
      session: { device, open: 'active-or-new' },
      batch: { max: 50, lingerMs: 5 },
      backoff: { firstMs: 20, maxMs: 200 },
      probeMs: 100,
    });
  // Without a history it cannot be opened offline.
  let outbox = await open().catch(waits);
  while (outbox === undefined) outbox = await open().catch(waits);
  const stopReporting = reportOutbox(outbox, { nats, box: name, everyMs: 500 });
  outbox.on('collision', (collision) => say({ collision }));
  say({ ready: name });
  let isOver = false;
  process.once('SIGTERM', () => {
    isOver = true;
  });
  for (let bib = first + outbox.stats().appended; !isOver; bib++) {
    await outbox.append({ bib: String(bib), timestamp: new Date(1_780_000_000_000 + bib * 100) });
    await sleep(pauseMs * 2 * Math.random());
  }
  await outbox.drained();
  say({ stats: outbox.stats() });
  await stopReporting();
  await outbox.close();
}

async function main(options: WorkerOptions): Promise<void> {
  const {
    role,
    name,
    servers,
    apiUrl,
    apiKey,
    replicas = 1,
    leaseMs = 1_000,
    timeoutMs = 2_000,
    retainHours,
  } = options;
  if (options.unfenced) {
    Store.prototype.append = async function (subject, _place, payload) {
      return this.js.publish(subject, payload);
    };
  }
  const nats = await connect({
    servers: [...servers],
    ignoreClusterUpdates: true,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 20,
    pingInterval: 1_000,
    maxPingOut: 2,
  });
  if (role === 'box') {
    await box(nats, options);
    await nats.close();
    return;
  }
  if (role === 'consume' && options.key === 'sequence') return consumeBySequence(nats, options);
  const client = new RufusClient({ apiKey, baseUrl: apiUrl, logLevel: 'off', timeoutMs, appInfo: { name } });
  const retain = retainHours === undefined ? {} : { retain: { hours: retainHours } };
  const open = (): Promise<Fleet> => openFleet({ client, nats, replicas, leaseMs, ...retain });
  let fleet = await open().catch(waits);
  while (fleet === undefined) fleet = await open().catch(waits);
  const opened = fleet;
  say({ ready: name });
  process.once('SIGTERM', () => void opened.close());
  if (role === 'follow') await follow(fleet, options);
  else if (role === 'serve') await fleet.serve();
  else await consume(fleet, options);
  await fleet.close();
  await nats.close();
  await client.close();
}

main(JSON.parse(process.argv[2] ?? '{}') as WorkerOptions).catch((error: unknown) => {
  say({ failed: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  process.exit(1);
});
