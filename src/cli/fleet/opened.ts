import type { RufusClient } from 'rufus-client';
import type { Fleet } from 'rufus-client/fleet';
import { CommandError } from '../command-error.js';
import type { Context } from '../context.js';
import { NatsDoor } from './connection.js';
import { loadFleet } from './load.js';
import type { FleetCommandOptions } from './options.js';

const RETRY_MS = 1_000;

/** How a command joins the fleet. */
export interface Joining {
  /** With the key: it calls the API. */
  readonly needsKey: boolean;
  /** It waits for servers that do not answer yet, as a service does. */
  readonly waits: boolean;
}

/** Opens the fleet, works with it, and closes it. */
export async function withOpened(
  context: Context,
  options: FleetCommandOptions,
  { needsKey, waits }: Joining,
  work: (fleet: Fleet, client: RufusClient) => Promise<void>,
): Promise<void> {
  await loadFleet();
  const door = await NatsDoor.find(context, options);
  const client = needsKey ? await context.client() : await context.makeClient({ apiKey: 'none' });
  if (needsKey) await demandKey(client, context);
  const nats = await unlessStopped(context, waits ? door.connectPatiently(context.signal) : door.connect());
  try {
    const fleet = await unlessStopped(context, open(context, { client, nats }, options, waits));
    try {
      await work(fleet, client);
    } finally {
      await fleet.close();
    }
  } finally {
    await nats.close();
    // The one with the key is the context's.
    if (!needsKey) await client.close();
  }
}

async function open(
  { screen, signal }: Context,
  parts: { client: RufusClient; nats: Parameters<typeof import('rufus-client/fleet').openFleet>[0]['nats'] },
  { fleet: name, replicas, lease, retainHours, retainBytes }: FleetCommandOptions,
  waits: boolean,
): Promise<Fleet> {
  const { openFleet, delay } = await loadFleet();
  const retain = { hours: retainHours, maxBytes: retainBytes };
  for (let told = ''; ; await delay(RETRY_MS)) {
    try {
      return await openFleet({ ...parts, name, replicas, leaseMs: lease, retain });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (!waits || code !== 'fleet_unavailable' || signal.aborted || parts.nats.isClosed()) throw error;
      if (message !== told) screen.warn(`${message} Trying again until they can.`);
      told = message;
    }
  }
}

/** What is refused now will be refused to a worker, too, which would wait for better times. */
async function demandKey(client: RufusClient, { call }: Context): Promise<void> {
  const asking = client.withOptions({ retry: false, logLevel: 'off' }).devices.list({ limit: 1 }, call);
  await asking.catch((error: { status?: number }) => {
    if (error.status === 401 || error.status === 403) throw error;
  });
}

/** A signal ends the wait at once; what was waited for ends with the process. */
async function unlessStopped<T>({ signal }: Context, wait: Promise<T>): Promise<T> {
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new CommandError('Stopped.'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([wait, stopped]);
}
