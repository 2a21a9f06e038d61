import { setTimeout as sleep } from 'node:timers/promises';
import type { Device, FollowBatch, FollowCursor, RufusClient } from 'rufus-client';
import { type Follow, linkAfter } from './links.js';
import type { Pace } from './pace.js';

/** Who is told what becomes of a device. */
export interface Listener {
  cursor(): FollowCursor | undefined;
  device(device: Device): void;
  link(state: Follow['state'], since: Date, reason: string | null): void;
  batch(batch: FollowBatch): Promise<void>;
}

/** Follows a device until `signal`. What would end a follower is told, and tried again: a key may be mended, a device bound again. */
export async function watch(
  client: RufusClient,
  deviceid: string,
  listener: Listener,
  signal: AbortSignal,
  pace: Pace,
): Promise<void> {
  const onState = ({ state, since }: { state: 'live' | 'outage'; since: Date }) => listener.link(state, since, null);
  while (!signal.aborted) {
    const askedAt = new Date();
    try {
      // A follower says nothing about its first answer. This one proves the key and the device.
      listener.device(await client.devices.get(deviceid, { signal }));
      listener.link('live', new Date(), null);
      const cursor = listener.cursor();
      for await (const batch of client.passings.follow(deviceid, { cursor, signal, pollMs: pace.pollMs, onState })) {
        await listener.batch(batch);
      }
    } catch (error) {
      if (signal.aborted) return;
      const state = linkAfter(error);
      listener.link(state, state === 'outage' ? askedAt : new Date(), state === 'ended' ? messageOf(error) : null);
      await sleep(state === 'outage' ? pace.outageMs : pace.refusedMs, undefined, { signal }).catch(() => {});
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
