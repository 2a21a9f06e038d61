import type { NatsConnection } from '@nats-io/transport-node';
import type { RufusClient } from 'rufus-client';
import type { Outbox } from 'rufus-client/outbox';
import { misuse } from '../command-error.js';
import type { Context } from '../context.js';
import { NatsDoor } from '../fleet/connection.js';
import { loadFleet } from '../fleet/load.js';
import type { NatsOptions } from '../fleet/options.js';

export interface RouteOptions extends NatsOptions {
  readonly box?: string;
}

/** How passings get to RUFUS. */
export interface Route {
  readonly client: RufusClient;
  /** Shows the outbox to whoever watches over all of them. Returns what ends it. */
  report(outbox: Outbox): () => Promise<void>;
  close(): Promise<void>;
}

/** With a key, or as a box that has none, through the gateways of a fleet. */
export async function routeOf(context: Context, options: RouteOptions): Promise<Route> {
  const { box, nats } = options;
  if (box !== undefined) return boxRoute(context, box, options);
  if (nats !== undefined) throw misuse('--nats goes with --box NAME: the serial number of the device.');
  const none = async (): Promise<void> => {};
  return { client: await context.client(), report: () => none, close: none };
}

const OF_A_KEY = {
  apiKeyFile: '--api-key-file',
  profile: '--profile',
  baseUrl: '--base-url',
  proxy: '--proxy',
} as const;
/** The last report may take so long. */
const LEAVING_MS = 500;

async function boxRoute(context: Context, box: string, options: NatsOptions): Promise<Route> {
  for (const [name, option] of Object.entries(OF_A_KEY)) {
    if (context.options[name as keyof typeof OF_A_KEY] === undefined) continue;
    throw misuse(`${option} does not go with --box: a box has no key, and calls no server but NATS.`);
  }
  const { fleetClient, reportOutbox, delay } = await loadFleet();
  const door = await NatsDoor.find(context, options, box);
  const over = new AbortController();
  // Lines are taken before there is a connection.
  const connecting = door.connectPatiently(over.signal, { insists: true });
  let connection: NatsConnection | undefined;
  connecting.then(
    (made) => {
      connection = made;
    },
    () => {},
  );
  const place = { nats: connecting, box, name: options.fleet };
  const client = fleetClient({ ...place, ...context.clientOptions });
  return {
    client,
    report: (outbox) => reportOutbox(outbox, place),
    async close() {
      over.abort();
      await client.close();
      if (connection === undefined) return;
      await Promise.race([connection.drain().catch(() => {}), delay(LEAVING_MS)]);
      await connection.close();
    },
  };
}
