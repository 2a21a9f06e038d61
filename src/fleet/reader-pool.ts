import { createHash } from 'node:crypto';
import type { KV } from '@nats-io/kv';
import type { RufusClient } from '../client.js';
import { pause } from '../core/abort.js';
import type { FollowOptions } from '../types.js';
import { assign } from './assignment.js';
import { DeviceLog } from './device-log.js';
import { DeviceReader } from './device-reader.js';
import { type Beat, Membership } from './membership.js';
import { MOST_DEVICES } from './options.js';
import type { Recovery } from './recovery.js';
import type { Store } from './store.js';

const RELIST_MS = 60_000;
const RELIST_SOON_MS = 2_000;
const REFRESH_MS = 600_000;
/** A handover does not wait longer than this for a write under way: its place in the stream is fenced. */
const STOP_MS = 500;
const MOST_ERRORS = 50;

export interface PoolParts {
  readonly client: RufusClient;
  readonly store: Store;
  readonly recovery: Recovery;
  readonly cursors: KV;
  readonly workers: KV;
  readonly leaseMs: number;
}

export interface PoolOptions extends Pick<FollowOptions, 'pollMs' | 'holeTimeoutMs'> {
  readonly devices: readonly string[] | 'all';
  readonly maxDevices: number;
}

/** One reader worker: the readers of the devices that are its share. */
export class ReaderPool {
  readonly #parts: PoolParts;
  readonly #options: PoolOptions;
  readonly #membership: Membership;
  readonly #worker: string;
  readonly #readers = new Map<string, DeviceReader>();
  #devices: readonly string[] = [];
  #roster = '';
  #news: (() => void) | undefined;
  #hasNews = false;

  constructor(worker: string, parts: PoolParts, options: PoolOptions) {
    this.#worker = worker;
    this.#parts = parts;
    this.#options = options;
    this.#membership = new Membership(parts.workers, worker, {
      leaseMs: parts.leaseMs,
      say: () => this.#beat(),
      changed: () => this.#wake(),
    });
  }

  /** Works until the signal aborts; then its devices are free. */
  async run(signal: AbortSignal): Promise<void> {
    const stopWaking = (): void => this.#wake();
    signal.addEventListener('abort', stopWaking);
    const refresh = setInterval(() => {
      for (const reader of this.#readers.values()) reader.refresh();
    }, REFRESH_MS);
    const listing = this.#list(signal);
    try {
      this.#membership.start();
      while (!signal.aborted) {
        await this.#nextNews();
        // Others that start or come back at the same moment are waited for, or devices would move twice.
        await pause(Math.min(200, this.#parts.leaseMs / 10), signal);
        this.#hasNews = false;
        if (!signal.aborted && this.#membership.sees) await this.#balance();
      }
    } finally {
      clearInterval(refresh);
      signal.removeEventListener('abort', stopWaking);
      await listing;
      await this.#drop([...this.#readers.keys()]);
      await this.#membership.leave();
    }
  }

  #beat(): Beat {
    const failing = [...this.#readers.values()].filter(({ lastError }) => lastError !== null).slice(0, MOST_ERRORS);
    return {
      role: 'follow',
      devices: this.#readers.size,
      max: this.#options.maxDevices,
      roster: this.#roster,
      errors: Object.fromEntries(failing.map(({ deviceid, lastError }) => [deviceid, lastError!.slice(0, 200)])),
    };
  }

  #wake(): void {
    this.#hasNews = true;
    this.#news?.();
  }

  async #nextNews(): Promise<void> {
    if (this.#hasNews) return;
    await new Promise<void>((resolve) => {
      this.#news = resolve;
    });
  }

  /** Which devices there are. */
  async #list(signal: AbortSignal): Promise<void> {
    const { devices } = this.#options;
    if (devices !== 'all') {
      this.#setDevices(devices);
      return;
    }
    while (!signal.aborted) {
      let again = RELIST_MS;
      try {
        const listed: string[] = [];
        for await (const { deviceid } of this.#parts.client.devices.list({}, { signal })) listed.push(deviceid);
        this.#setDevices([...new Set(listed)].sort());
      } catch {
        // Those known are followed on. Is there none yet, the next try comes soon.
        if (this.#devices.length === 0) again = RELIST_SOON_MS;
      }
      await pause(again, signal);
    }
  }

  #setDevices(devices: readonly string[]): void {
    const roster = createHash('sha256').update(JSON.stringify(devices)).digest('base64url').slice(0, 22);
    if (roster === this.#roster) return;
    this.#devices = devices;
    this.#roster = roster;
    this.#wake();
  }

  /** Gives up what is others' share, then takes what is free of its own. */
  async #balance(): Promise<void> {
    const { maxDevices } = this.#options;
    const peers = this.#membership.peers(this.#roster);
    const holds = new Set([...this.#readers.keys()].filter((id) => !this.#isLost(id)));
    const members = [...peers, { worker: this.#worker, max: Math.min(maxDevices, MOST_DEVICES), holds }];
    const shared = this.#devices.filter((id) => !this.#isHeldByStranger(id, peers));
    const mine = assign(members, shared).get(this.#worker)!;
    await this.#drop([...this.#readers.keys()].filter((id) => !mine.has(id)));
    const free = [...mine].filter((id) => !this.#readers.has(id) && this.#membership.holderOf(id) === undefined);
    this.#take(free);
    await this.#say();
  }

  /** Of two that say they hold it, the first by name keeps it; who did not say so, or fell silent, has no claim. */
  #isLost(deviceid: string): boolean {
    const holder = this.#membership.holderOf(deviceid);
    return holder !== undefined && (holder < this.#worker || !this.#membership.held?.has(deviceid));
  }

  /** A worker of another list follows it: it is not shared out here. */
  #isHeldByStranger(deviceid: string, peers: readonly { worker: string }[]): boolean {
    const holder = this.#membership.holderOf(deviceid);
    return holder !== undefined && !peers.some(({ worker }) => worker === holder);
  }

  async #drop(deviceids: readonly string[]): Promise<void> {
    if (deviceids.length === 0) return;
    const stopped = deviceids.map((id) => this.#readers.get(id)!.stop());
    for (const id of deviceids) this.#readers.delete(id);
    await Promise.race([Promise.all(stopped), pause(STOP_MS, undefined)]);
    await this.#say();
  }

  #take(deviceids: readonly string[]): void {
    const { client, store, recovery, cursors } = this.#parts;
    for (const id of deviceids) {
      const log = new DeviceLog(store, recovery, cursors, id);
      this.#readers.set(id, new DeviceReader(id, client, log, this.#options));
    }
  }

  async #say(): Promise<void> {
    const { held } = this.#membership;
    const following = [...this.#readers.keys()];
    if (held?.size === following.length && following.every((id) => held.has(id))) return;
    await this.#membership.hold(following).catch(() => {
      setTimeout(() => this.#wake(), this.#parts.leaseMs / 4).unref();
    });
  }
}
