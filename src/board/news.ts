import type { Device, Session } from 'rufus-client';
import { type Follow, Links } from './links.js';
import type { Race } from './race.js';
import { type BatchRecord, shortToken, text } from './record.js';
import type { DeviceStatus, Update } from './wire.js';

type Health = Omit<DeviceStatus, 'follow'>;

const UNKNOWN: Health = { battery: null, charging: null, lastSeen: null, session: null };

/** All that there is to tell, and what of it is new. */
export class News {
  readonly #head: string;
  readonly #timeZone: string;
  readonly #race: Race;
  readonly #links = new Links(new Date());
  readonly #health = new Map<string, Health>();
  readonly #onNews: () => void;
  /** Devices whose status is new. */
  readonly #changed = new Set<string>();
  #link = JSON.stringify(this.#links.total);
  #notice: string | null = null;
  #isNoticeNew = false;
  #bodies: { readonly api: string; readonly full: string } | undefined;

  constructor(title: string, timeZone: string, race: Race, onNews: () => void) {
    this.#head = `{"title":${JSON.stringify(title)},"asOf":`;
    this.#timeZone = timeZone;
    this.#race = race;
    this.#onNews = onNews;
  }

  take(record: BatchRecord): void {
    this.#race.take(record);
    this.#tell();
  }

  /** A device that perhaps nothing is known about yet. */
  show(deviceid: string): void {
    if (this.#race.show(deviceid)) this.#tell(deviceid);
  }

  link(key: string, state: Follow['state'], since: Date, reason: string | null): void {
    if (this.#links.set(key, state, since, reason)) this.#tell(key);
  }

  device({ deviceid, alias, battery_percentage, charging, last_seen, last_telemetry_at, last_login }: Device): void {
    if (this.#race.show(deviceid, alias ? text(alias) : null)) this.#tell();
    const seen = last_seen ?? last_telemetry_at ?? last_login;
    this.#setHealth(deviceid, {
      battery: typeof battery_percentage === 'number' ? battery_percentage : null,
      charging: typeof charging === 'boolean' ? charging : null,
      lastSeen: seen ? text(seen) : null,
    });
  }

  session(deviceid: string, session: Pick<Session, 'token_session' | 'alias'> | null): void {
    const { token_session, alias } = session ?? {};
    const shown = token_session && { id: shortToken(token_session), alias: alias ? text(alias) : null };
    this.#setHealth(deviceid, { session: shown || null });
  }

  notice(notice: string): void {
    if (this.#notice === notice) return;
    this.#notice = notice;
    this.#isNoticeNew = true;
    this.#tell();
  }

  /** What is new since this was last asked; undefined where nothing is. */
  update(): string | undefined {
    const { devices, recent } = this.#race.changes();
    const link = JSON.stringify(this.#links.total);
    const update: Update = {
      asOf: new Date().toISOString(),
      ...(link !== this.#link && { link: this.#links.total }),
      ...(devices.length > 0 && { devices }),
      ...(recent.length > 0 && { recent }),
      ...(this.#changed.size > 0 && { status: this.#status(this.#changed) }),
      ...(this.#isNoticeNew && { notice: this.#notice }),
    };
    this.#link = link;
    this.#changed.clear();
    this.#isNoticeNew = false;
    return Object.keys(update).length > 1 ? JSON.stringify(update) : undefined;
  }

  /** The body of `/api/state`. */
  api(): string {
    return this.#whole('api');
  }

  /** The data of a `state` event. */
  full(): string {
    return this.#whole('full');
  }

  /** Made once, however many ask for it before something changes. */
  #whole(kind: 'api' | 'full'): string {
    if (this.#bodies === undefined) {
      const { devices, recent } = this.#race.state();
      const api = { link: this.#links.total, devices, recent };
      const status = this.#status(this.#race.deviceids);
      this.#bodies = {
        api: JSON.stringify(api).slice(1),
        full: JSON.stringify({ ...api, timeZone: this.#timeZone, status, notice: this.#notice }).slice(1),
      };
    }
    return `${this.#head}"${new Date().toISOString()}",${this.#bodies[kind]}`;
  }

  #status(deviceids: Iterable<string>): Record<string, DeviceStatus> {
    const statusOf = (id: string): DeviceStatus => ({
      ...(this.#health.get(id) ?? UNKNOWN),
      follow: this.#links.of(id),
    });
    return Object.fromEntries([...deviceids].map((deviceid) => [deviceid, statusOf(deviceid)]));
  }

  #setHealth(deviceid: string, part: Partial<Health>): void {
    const before = this.#health.get(deviceid) ?? UNKNOWN;
    const after = { ...before, ...part };
    this.#health.set(deviceid, after);
    if (JSON.stringify(before) !== JSON.stringify(after)) this.#tell(deviceid);
  }

  #tell(deviceid?: string): void {
    if (deviceid !== undefined) this.#changed.add(deviceid);
    this.#bodies = undefined;
    this.#onNews();
  }
}
