import { randomBytes } from 'node:crypto';
import type { RaceEvent } from '../types.js';
import { PassingList, type StoredPassing } from './passing-list.js';
import type { SandboxKeys } from './types.js';

export interface StoredDevice {
  readonly deviceid: string;
  readonly type: string;
  readonly model: string;
  readonly serial_number: string;
  readonly alias: string | null;
  readonly firmware: string | null;
  readonly creation_date: string;
  last_seen: string | null;
  /** Oldest first. */
  readonly sessions: StoredSession[];
}

export interface StoredSession {
  readonly token_session: string;
  readonly device: StoredDevice;
  readonly alias: string | null;
  readonly creation_date: string;
  active: boolean;
  readonly passings: PassingList;
}

export type NewDevice = Pick<StoredDevice, 'type' | 'model' | 'serial_number' | 'alias' | 'firmware'>;

const identifier = () => randomBytes(32).toString('hex').toUpperCase();
const key = () => `ror-${randomBytes(10).toString('hex')}`;

/** Everything the server side of one company holds: what is bound, what is open, what was recorded. */
export class World {
  readonly keys: SandboxKeys;
  readonly devices = new Map<string, StoredDevice>();
  readonly sessions = new Map<string, StoredSession>();
  #lastInstant: number;

  /** Without what it held before, it is empty. `lastInstant`: nothing new is dated before. */
  constructor(keys: Partial<SandboxKeys> = {}, lastInstant = 0) {
    this.keys = { read: key(), write: key(), readWrite: key(), admin: key(), ...keys };
    this.#lastInstant = lastInstant;
  }

  clear(): void {
    this.devices.clear();
    this.sessions.clear();
  }

  /** A serial number is unique in the company, whatever the model: `undefined` where it is free. */
  boundAs(serial_number: string): StoredDevice | undefined {
    return [...this.devices.values()].find((device) => device.serial_number === serial_number);
  }

  bind(device: NewDevice): StoredDevice {
    const bound = { ...device, deviceid: identifier(), creation_date: this.#instant(), last_seen: null, sessions: [] };
    this.devices.set(bound.deviceid, bound);
    return bound;
  }

  unbind(device: StoredDevice): void {
    this.devices.delete(device.deviceid);
    for (const session of device.sessions) this.sessions.delete(session.token_session);
  }

  /** One active session per device: the one before is closed. */
  open(device: StoredDevice, alias: string | null): StoredSession {
    for (const session of device.sessions) session.active = false;
    const session: StoredSession = {
      token_session: identifier(),
      device,
      alias,
      creation_date: this.#instant(),
      active: true,
      passings: new PassingList(),
    };
    device.sessions.push(session);
    this.sessions.set(session.token_session, session);
    return session;
  }

  /** Says how many were new. */
  record(session: StoredSession, batch: readonly StoredPassing[], keepRepeats: boolean): number {
    session.device.last_seen = this.#instant();
    return session.passings.add(batch, keepRepeats);
  }

  /** Never the same twice: sessions are told apart by age. */
  #instant(): string {
    this.#lastInstant = Math.max(Date.now(), this.#lastInstant + 1);
    return new Date(this.#lastInstant).toISOString();
  }
}

/** Events cannot be written over the API: these three are always there. */
export const DEMO_EVENTS: readonly RaceEvent[] = [
  {
    event_token: '5C0DE'.padEnd(64, '0'),
    name: 'Sandbox Marathon',
    edition: '1',
    location: 'Barcelona',
    start_date: '2026-03-15T07:30:00.000Z',
    end_date: '2026-03-15T14:00:00.000Z',
    status: 'finished',
  },
  {
    event_token: '5C0DE'.padEnd(64, '1'),
    name: 'Sandbox Trail',
    edition: '7',
    location: 'Girona',
    start_date: '2026-09-06T05:00:00.000Z',
    end_date: null,
    status: 'published',
  },
  {
    event_token: '5C0DE'.padEnd(64, '2'),
    name: 'Sandbox 10K',
    edition: null,
    location: null,
    start_date: null,
    end_date: null,
    status: null,
  },
];
