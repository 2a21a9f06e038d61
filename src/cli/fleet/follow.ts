import type { Fleet } from 'rufus-client/fleet';
import type { Context } from '../context.js';
import { withOpened } from './opened.js';
import type { FleetCommandOptions } from './options.js';

export interface FollowCommandOptions extends FleetCommandOptions {
  /** Milliseconds. */
  readonly pollMin?: number;
  readonly pollMax?: number;
  readonly maxDevices?: number;
}

const LOOK_MS = 30_000;

/** Works as a reader until it is stopped. */
export async function follow(
  context: Context,
  devices: readonly string[],
  options: FollowCommandOptions,
): Promise<void> {
  const { pollMin: min, pollMax: max, maxDevices } = options;
  await withOpened(context, options, { needsKey: true, waits: true }, async (fleet) => {
    context.screen.note(`Following ${devices.length === 0 ? 'every device of the account' : devices.join(', ')}.`);
    const looking = setInterval(teller(fleet, context), LOOK_MS);
    await fleet
      .follow({
        devices: devices.length === 0 ? 'all' : devices,
        pollMs: { ...(min !== undefined && { min }), ...(max !== undefined && { max }) },
        ...(maxDevices !== undefined && { maxDevices }),
        signal: context.signal,
      })
      .finally(() => clearInterval(looking));
  });
}

/** Tells what keeps devices from being followed, once. */
function teller(fleet: Fleet, { screen }: Context): () => void {
  let told = new Map<string, string>();
  return () => {
    void fleet
      .status()
      .then(({ devices }) => {
        const failing = devices.flatMap(({ deviceid, lastError }) =>
          lastError === null ? [] : [[deviceid, lastError] as const],
        );
        for (const [deviceid, error] of failing) {
          if (told.get(deviceid) !== error) screen.warn(`device ${deviceid} cannot be followed: ${error}`);
        }
        told = new Map(failing);
      })
      .catch(() => {});
  };
}
