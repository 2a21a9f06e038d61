import { PassingList, type StoredPassing } from './passing-list.js';
import type { SandboxKeys } from './types.js';
import { type StoredDevice, type StoredSession, World } from './world.js';

const FORMAT = 'rufus-sandbox 1';

/** A world as JSON. Private to this library: another version may have another one. */
export interface Snapshot {
  readonly format: typeof FORMAT;
  readonly keys: SandboxKeys;
  readonly devices: readonly Omit<StoredDevice, 'sessions'>[];
  /** In the order in which they were opened, those of all devices. */
  readonly sessions: readonly (Omit<StoredSession, 'device' | 'passings'> & {
    readonly deviceid: string;
    readonly passings: readonly StoredPassing[];
  })[];
}

export function snapshotOf({ keys, devices, sessions }: World): Snapshot {
  return {
    format: FORMAT,
    keys,
    devices: [...devices.values()].map(({ sessions: _, ...device }) => device),
    sessions: [...sessions.values()].map(({ device, passings, ...session }) => ({
      ...session,
      deviceid: device.deviceid,
      passings: passings.slice(),
    })),
  };
}

export function isSnapshot(value: unknown): value is Snapshot {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT;
}

/** `keys`: in place of those that it had. */
export function worldOf({ keys, devices, sessions }: Snapshot, others: Partial<SandboxKeys>): World {
  const dates = [...devices, ...sessions].map(({ creation_date }) => Date.parse(creation_date));
  const world = new World({ ...keys, ...others }, Math.max(0, ...dates));
  for (const device of devices) world.devices.set(device.deviceid, { ...device, sessions: [] });
  for (const { deviceid, passings: rows, ...session } of sessions) {
    const device = world.devices.get(deviceid)!;
    const passings = new PassingList();
    passings.add(rows, true);
    const stored = { ...session, device, passings };
    device.sessions.push(stored);
    world.sessions.set(stored.token_session, stored);
  }
  return world;
}
