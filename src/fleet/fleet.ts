import { hostname } from 'node:os';
import { nuid } from '@nats-io/transport-node';
import { checkSignal, onAbort, pause } from '../core/abort.js';
import { RufusConfigError } from '../core/errors.js';
import type { Known } from '../core/option-names.js';
import { asInteger, checkedOptions } from '../core/options.js';
import { warmUp } from '../core/warm-up.js';
import { resolvePollMs } from '../live/options.js';
import { FleetUnavailableError } from './errors.js';
import { Gateway } from './gateway.js';
import { type Buckets, layOut } from './layout.js';
import { type Beat, Membership } from './membership.js';
import { encoded, Names } from './names.js';
import { checkedDevices, checkedToken, type FleetSettings, fleetSettings, MOST_DEVICES } from './options.js';
import { PassingsIterator } from './passings.js';
import { ReaderPool } from './reader-pool.js';
import { dropConsumersAhead, isIntact, Recovery } from './recovery.js';
import { statusOf } from './status.js';
import { Store } from './store.js';
import { isPassing, unavailable } from './trouble.js';
import {
  Fleet,
  type FleetBatch,
  type FleetFollowOptions,
  type FleetOptions,
  type FleetPassingsOptions,
  type FleetServeOptions,
  type FleetStatus,
} from './types.js';

const FOLLOW: Known<FleetFollowOptions> = {
  devices: true,
  pollMs: true,
  holeTimeoutMs: true,
  maxDevices: true,
  signal: true,
};
const SERVE: Known<FleetServeOptions> = { allow: true, concurrency: true, signal: true };
const PASSINGS: Known<FleetPassingsOptions> = { consumer: true, deviceid: true, signal: true };

/** So long it takes servers that start together, after a power cut say, to find each other and to elect leaders. */
const OPEN_MS = 10_000;
const RETRY_MS = 250;

/**
 * Joins the fleet of this name: makes its stream and its buckets where they are missing. Servers that have only just started, or lost one of
 * theirs, get 10 seconds to agree on a leader.
 *
 * @throws RufusConfigError - an option is missing or wrong; a stream exists that differs; the server lacks what is needed
 * @throws FleetUnavailableError - no JetStream, no quorum, no answer
 *
 * @example
 * const nats = await connect({ servers: ['n1', 'n2', 'n3'], maxReconnectAttempts: -1, waitOnFirstConnect: true });
 * const fleet = await openFleet({ client, nats, replicas: 3 });
 */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const settings = fleetSettings(options);
  if (settings.nats.isClosed()) throw new FleetUnavailableError('openFleet: the NATS connection is closed.');
  const store = await Store.over(settings.nats, new Names(settings.name));
  const giveUpAt = performance.now() + OPEN_MS;
  for (;;) {
    try {
      const buckets = await layOut(settings, store);
      // Before anything is written: see there.
      await dropConsumersAhead(store);
      return new NatsFleet(settings, store, buckets);
    } catch (error) {
      if (error instanceof RufusConfigError) throw error;
      if (!isPassing(error) || performance.now() > giveUpAt) throw unavailable('openFleet', error);
      await pause(RETRY_MS, undefined);
    }
  }
}

class NatsFleet extends Fleet {
  readonly #settings: FleetSettings;
  readonly #store: Store;
  readonly #buckets: Buckets;
  readonly #recovery: Recovery;
  readonly #ended = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(settings: FleetSettings, store: Store, buckets: Buckets) {
    super();
    this.#settings = settings;
    this.#store = store;
    this.#buckets = buckets;
    this.#recovery = new Recovery(settings.nats, async (remembered) => {
      await layOut(settings, store);
      await dropConsumersAhead(store);
      for (const [witness, mark] of remembered) if (!(await isIntact(store, mark))) await witness.wentBack();
    });
  }

  async follow(options: FleetFollowOptions): Promise<void> {
    const { devices, pollMs, holeTimeoutMs, maxDevices, signal } = checkedOptions('options', options, FOLLOW);
    checkSignal(signal);
    const pool = new ReaderPool(
      workerName(),
      { ...this.#settings, ...this.#buckets, store: this.#store, recovery: this.#recovery },
      {
        devices: checkedDevices(devices),
        pollMs: pollMs && resolvePollMs(pollMs),
        holeTimeoutMs:
          holeTimeoutMs === undefined || holeTimeoutMs === Number.POSITIVE_INFINITY
            ? holeTimeoutMs
            : asInteger('holeTimeoutMs', holeTimeoutMs, 0),
        maxDevices: maxDevices === undefined ? MOST_DEVICES : asInteger('maxDevices', maxDevices, 1),
      },
    );
    await this.#run('follow', signal, (until) => pool.run(until));
  }

  passings(options: FleetPassingsOptions): AsyncIterable<FleetBatch> {
    const { consumer, deviceid, signal } = checkedOptions('options', options, PASSINGS);
    checkSignal(signal);
    checkedToken('consumer', consumer);
    if (deviceid !== undefined) checkedToken('deviceid', deviceid);
    const parts = {
      store: this.#store,
      recovery: this.#recovery,
      leaseMs: this.#settings.leaseMs,
      ended: this.#ended.signal,
    };
    return {
      [Symbol.asyncIterator]: () => {
        this.#assertOpen('passings');
        const iterator = new PassingsIterator(parts, { consumer, deviceid, signal });
        this.#running.add(iterator.done);
        void iterator.done.then(() => this.#running.delete(iterator.done));
        return iterator;
      },
    };
  }

  async serve(options: FleetServeOptions = {}): Promise<void> {
    const { allow, concurrency = 64, signal } = checkedOptions('options', options, SERVE);
    checkSignal(signal);
    if (allow !== undefined && typeof allow !== 'function') throw new RufusConfigError('`allow` must be a function.');
    const worker = workerName();
    const { client, leaseMs } = this.#settings;
    const gateway = new Gateway({
      client,
      store: this.#store,
      worker,
      allow,
      concurrency: asInteger('concurrency', concurrency, 1),
    });
    const beat: Beat = { role: 'serve', devices: 0, max: 0, roster: '', errors: {} };
    await this.#run('serve', signal, async (until) => {
      const membership = new Membership(this.#buckets.workers, worker, { leaseMs, say: () => beat, changed: () => {} });
      membership.start();
      await gateway.run(until).finally(() => membership.leave());
    });
  }

  async status(): Promise<FleetStatus> {
    try {
      return await statusOf(this.#store, this.#buckets, this.#settings.leaseMs);
    } catch (error) {
      throw unavailable('fleet.status', error);
    }
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await Promise.allSettled(this.#running);
    this.#recovery.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Until the caller's signal aborts, or the fleet or its connection is closed. */
  async #run(
    what: string,
    signal: AbortSignal | undefined,
    work: (until: AbortSignal) => Promise<void>,
  ): Promise<void> {
    this.#assertOpen(what);
    const { client, nats } = this.#settings;
    const until = new AbortController();
    const end = (): void => until.abort();
    if (signal?.aborted) return;
    const endings = [onAbort(this.#ended.signal, end), ...(signal === undefined ? [] : [onAbort(signal, end)])];
    void nats.closed().then(end);
    // No box and no device waits later for a file of ours.
    const running = warmUp(client).then(() => work(until.signal));
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
      for (const stopWatching of endings) stopWatching();
    }
    if (nats.isClosed() && !this.#ended.signal.aborted && !signal?.aborted) {
      throw new FleetUnavailableError(`fleet.${what}: the NATS connection was closed.`);
    }
  }

  #assertOpen(what: string): void {
    if (this.#ended.signal.aborted) {
      throw new RufusConfigError(`fleet.${what}: this fleet is closed. Open it anew.`, { code: 'closed' });
    }
  }
}

/** For people who look at the status, and unlike any other. */
function workerName(): string {
  return `${encoded(hostname()).slice(0, 60)}-${process.pid}-${nuid.next().slice(-8)}`;
}
