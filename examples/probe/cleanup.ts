import { type RufusClient, RufusError } from 'rufus-client';
import type { Ground } from './ground.js';

/** Unbinds the device, and with it its sessions and passings; says what stays where the key may not. */
export async function cleanUp({ client, device, deviceid }: Ground): Promise<string> {
  try {
    await client.devices.unbind(deviceid);
    return `Nothing: the device \`${device.serial_number}\` was unbound, and its sessions and passings are gone with it.`;
  } catch (error) {
    await closeActive(client, deviceid);
    const reason = error instanceof RufusError ? error.code : String(error);
    return `The device with the serial number \`${device.serial_number}\` (alias "${device.alias}") with two closed sessions: the key could not unbind it (${reason}).`;
  }
}

async function closeActive(client: RufusClient, deviceid: string): Promise<void> {
  const active = await client.sessions.getActive(deviceid).catch(() => null);
  if (active !== null) await client.sessions.close(active.token_session).catch(() => {});
}
