import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import type { StoredBatch } from '../../../src/fleet/batches.js';
import {
  type Fleet,
  type FleetBatch,
  type FleetOptions,
  type FleetServeOptions,
  openFleet,
} from '../../../src/fleet/index.js';
import type { RaceApi } from './race-api.js';

/** Fast, so that tests are. */
export const PACE = { pollMs: { min: 20, max: 60 } };

/** Closed at the end of the test. */
export async function opened(options: FleetOptions): Promise<Fleet> {
  const fleet = await openFleet({ leaseMs: 1_000, ...options });
  onTestFinished(() => fleet.close());
  return fleet;
}

/** A worker that runs until it is stopped, or the test ends. */
export function running(work: (signal: AbortSignal) => Promise<void>): { stop(): Promise<void> } {
  const controller = new AbortController();
  const done = work(controller.signal);
  done.catch(() => {});
  const stop = async (): Promise<void> => {
    controller.abort();
    await done;
  };
  onTestFinished(() => stop().catch(() => {}));
  return { stop };
}

/** A gateway that runs as `running` does, and that boxes reach already. */
export async function serving(
  fleet: Fleet,
  nats: NatsConnection,
  options: FleetServeOptions = {},
): Promise<{ stop(): Promise<void> }> {
  const gateway = running((signal) => fleet.serve({ ...options, signal }));
  const isHeard = (): Promise<boolean> =>
    nats.request('rufus.call.nobody').then(
      () => true,
      () => false,
    );
  await until(isHeard, 'the gateway serves');
  return gateway;
}

export async function until(holds: () => boolean | Promise<boolean>, what: string, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`still not after ${ms} ms: ${what}`);
    await sleep(20);
  }
}

export interface InStream extends StoredBatch {
  readonly seq: number;
  readonly subject: string;
}

/** All that the stream holds, oldest first. */
export async function contentsOf(nats: NatsConnection, name = 'rufus'): Promise<InStream[]> {
  const jsm = await jetstreamManager(nats);
  const { state } = await jsm.streams.info(`${name}-in`);
  const batches: InStream[] = [];
  if (state.messages === 0) return batches;
  const consumer = await jetstream(nats).consumers.get(`${name}-in`);
  // What expires meanwhile is not waited for.
  for await (const message of await consumer.fetch({ max_messages: state.messages, expires: 1_000 })) {
    batches.push({ ...message.json<StoredBatch>(), seq: message.seq, subject: message.subject });
    if (message.info.pending === 0) break;
  }
  return batches;
}

/** What does not hold of "each passing once, in order". The API is the truth. */
export function faultsOf(api: RaceApi, batches: readonly StoredBatch[]): string[] {
  const wrong: string[] = [];
  const seen = new Map<string, number>();
  const highest = new Map<string, number>();
  for (const { deviceid, token_session, passings, late } of batches) {
    if (api.sessions.get(token_session)?.deviceid !== deviceid)
      wrong.push(`a batch of ${deviceid.slice(0, 6)} is another's`);
    for (const { num_passing } of passings) {
      const key = `${token_session.slice(0, 6)}/${num_passing}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      if (late) continue;
      if (num_passing <= (highest.get(token_session) ?? -1))
        wrong.push(`${key} came after ${highest.get(token_session)}`);
      highest.set(token_session, num_passing);
    }
  }
  for (const [key, times] of seen) if (times > 1) wrong.push(`${key} is there ${times} times`);
  for (const { token_session, passings } of api.sessions.values()) {
    for (const number of passings.keys()) {
      const key = `${token_session.slice(0, 6)}/${number}`;
      if (!seen.has(key)) wrong.push(`${key} is missing`);
    }
  }
  return wrong;
}

export const totalOf = (api: RaceApi): number =>
  [...api.sessions.values()].reduce((sum, { passings }) => sum + passings.size, 0);

/** A database with a natural key, and the order in which it was written. */
export class Results {
  readonly rows = new Map<string, string>();
  readonly order: string[] = [];
  batches = 0;
  redelivered = 0;

  take({ token_session, passings, redelivered }: FleetBatch): void {
    this.batches++;
    if (redelivered) this.redelivered++;
    for (const { num_passing, bib } of passings) {
      const key = `${token_session}/${num_passing}`;
      if (!this.rows.has(key)) this.order.push(key);
      this.rows.set(key, bib);
    }
  }

  /** What differs from what the API holds. */
  faults(api: RaceApi): string[] {
    const wrong: string[] = [];
    for (const { token_session, passings } of api.sessions.values()) {
      for (const { num_passing, bib } of passings.values()) {
        const row = this.rows.get(`${token_session}/${num_passing}`);
        if (row !== bib) wrong.push(`${token_session.slice(0, 6)}/${num_passing}: ${row} instead of ${bib}`);
      }
    }
    if (this.rows.size !== totalOf(api)) wrong.push(`${this.rows.size} rows for ${totalOf(api)} passings`);
    return wrong;
  }
}

/** A consumer that stores and acknowledges until it is stopped. */
export function consuming(fleet: Fleet, results: Results, consumer = 'results'): { stop(): Promise<void> } {
  return running(async (signal) => {
    try {
      for await (const batch of fleet.passings({ consumer, signal })) {
        results.take(batch);
        await batch.ack();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
}
