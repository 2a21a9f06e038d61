import { setTimeout as sleep } from 'node:timers/promises';
import type { Device, FollowBatch } from 'rufus-client';
import type { Journal } from './journal.js';
import { type Follow, linkAfter } from './links.js';
import { News } from './news.js';
import type { BoardSettings } from './options.js';
import type { Pace } from './pace.js';
import type { Race } from './race.js';
import { recordOf } from './record.js';
import { Roster } from './roster.js';
import { Stream } from './stream.js';
import { watch } from './watch.js';
import type { RunnerCrossings } from './wire.js';

/** How long a start waits for the devices' names. Without network it goes on without them. */
const NAMES_WITHIN_MS = 3_000;
/** Among the links: the list of devices, which is no device. */
const LIST = '';

/** Follows the devices, counts, and tells whoever listens. */
export class Board {
  readonly stream: Stream;
  readonly #settings: BoardSettings;
  readonly #pace: Pace;
  readonly #race: Race;
  readonly #journal: Journal | undefined;
  readonly #news: News;
  readonly #roster: Roster;
  readonly #startedAt = Date.now();
  readonly #stop = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #updatedAt = Number.NEGATIVE_INFINITY;
  #update: NodeJS.Timeout | undefined;
  #beats: NodeJS.Timeout | undefined;

  constructor(settings: BoardSettings, race: Race, journal: Journal | undefined, pace: Pace) {
    this.#settings = settings;
    this.#pace = pace;
    this.#race = race;
    this.#journal = journal;
    this.#news = new News(settings.title, settings.timeZone, race, () => this.#schedule());
    this.stream = new Stream(() => this.#fullState(), pace.stallMs);
    const listener = {
      device: (device: Device) => this.#meet(device),
      session: this.#news.session.bind(this.#news),
      listed: (failure: unknown) => this.#listed(failure),
    };
    this.#roster = new Roster(settings.client, settings.devices === 'all', listener, this.#stop.signal);
  }

  /** Resolves once RUFUS has told of the devices, or has failed to, or takes too long about it. */
  async start(): Promise<void> {
    const { devices } = this.#settings;
    // Until RUFUS has answered, it has not.
    for (const key of devices === 'all' ? [LIST] : devices) this.#news.link(key, 'outage', new Date(), null);
    const known = devices === 'all' ? this.#roster.list() : Promise.all(devices.map((id) => this.#watch(id)));
    const timer = new AbortController();
    await Promise.race([known, sleep(NAMES_WITHIN_MS, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
    this.#running.set(
      LIST,
      this.#roster.keep(() => this.#race.deviceids, this.#pace.rosterMs),
    );
    this.#beats = setInterval(() => this.stream.beat(`{"asOf":"${new Date().toISOString()}"}`), this.#pace.beatMs);
  }

  /** JSON of `/api/state`. */
  state(): string {
    return this.#news.api();
  }

  /** JSON of `/api/runner`. */
  runner(bib: string): string {
    return JSON.stringify({ bib, crossings: this.#race.crossingsOf(bib) } satisfies RunnerCrossings);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#update);
    clearInterval(this.#beats);
    this.stream.close();
    await Promise.all(this.#running.values());
    await this.#journal?.close();
  }

  /** Resolves once it is known whether RUFUS answers for this device. */
  #watch(deviceid: string): Promise<void> {
    this.#news.show(deviceid);
    return new Promise((resolve) => {
      const listener = {
        cursor: () => this.#race.cursorOf(deviceid),
        device: (device: Device) => this.#news.device({ ...device, deviceid }),
        batch: (batch: FollowBatch) => this.#take(deviceid, batch),
        link: (state: Follow['state'], since: Date, reason: string | null) => {
          this.#news.link(deviceid, state, since, reason);
          resolve();
        },
      };
      this.#running.set(deviceid, watch(this.#settings.client, deviceid, listener, this.#stop.signal, this.#pace));
    });
  }

  async #take(deviceid: string, batch: FollowBatch): Promise<void> {
    const record = recordOf(deviceid, batch, this.#startedAt, Date.now());
    await this.#journal?.append(record);
    this.#news.take(record);
    const failure = this.#journal?.failure;
    if (failure !== undefined) {
      this.#news.notice(
        `The state file cannot be written: ${failure.message}. A restart will read again what came since.`,
      );
    }
  }

  #meet(device: Device): void {
    this.#news.device(device);
    if (!this.#running.has(device.deviceid)) void this.#watch(device.deviceid);
  }

  #listed(failure: unknown): void {
    const state = failure === undefined ? 'live' : linkAfter(failure);
    if (state === 'ended') this.#news.notice(`The list of devices cannot be read: ${(failure as Error).message}`);
    else this.#news.link(LIST, state, new Date(), null);
  }

  /** Soon, but not more often than pages need. */
  #schedule(): void {
    if (this.#update !== undefined || this.#stop.signal.aborted) return;
    const waitMs = Math.max(0, this.#updatedAt + this.#pace.updateMs - performance.now());
    this.#update = setTimeout(() => this.#publish(), waitMs);
  }

  #publish(): void {
    clearTimeout(this.#update);
    this.#update = undefined;
    this.#updatedAt = performance.now();
    const update = this.#news.update();
    if (update !== undefined) this.stream.publish('update', update);
  }

  /** What it holds is in no event that follows. */
  #fullState(): string {
    this.#publish();
    return this.#news.full();
  }
}
