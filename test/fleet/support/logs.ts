import type { NatsConnection } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';
import { DeviceLog } from '../../../src/fleet/device-log.js';
import { type FleetOptions, openFleet } from '../../../src/fleet/index.js';
import { type Buckets, layOut } from '../../../src/fleet/layout.js';
import { Names } from '../../../src/fleet/names.js';
import { fleetSettings } from '../../../src/fleet/options.js';
import { Recovery } from '../../../src/fleet/recovery.js';
import { Store } from '../../../src/fleet/store.js';
import type { FollowBatch } from '../../../src/index.js';
import { passings } from './race-api.js';

export interface Desk {
  readonly store: Store;
  readonly buckets: Buckets;
  log(deviceid: string): DeviceLog;
}

/** What a reader writes with, without the reader. */
export async function desk(options: FleetOptions): Promise<Desk> {
  const settings = fleetSettings(options);
  // Waits for servers that have just started.
  await (await openFleet(options)).close();
  const store = await Store.over(settings.nats as NatsConnection, new Names(settings.name));
  const buckets = await layOut(settings, store);
  const recovery = new Recovery(settings.nats, async () => {});
  onTestFinished(() => recovery.stop());
  return { store, buckets, log: (deviceid) => new DeviceLog(store, recovery, buckets.cursors, deviceid) };
}

/** A batch of one session, from `first` on. */
export function batchOf(first: number, count: number, token_session = 'S'): FollowBatch {
  return {
    passings: passings(first, count),
    token_session,
    session_alias: null,
    late: false,
    cursor: { token_session, last: first + count - 1 },
  };
}
