import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node';
import type { RufusClient } from 'rufus-client';
import { type Fleet, FleetUnavailableError, openFleet } from 'rufus-client/fleet';

/**
 * From the environment: NATS_URL (several by commas), and where the servers ask for it NATS_USER with NATS_PASSWORD, and NATS_CA, the file of
 * the authority that signed their certificates. It waits for a server, and comes back as often as it takes.
 */
export function connectFromEnv(): Promise<NatsConnection> {
  const { NATS_URL = '127.0.0.1:4222', NATS_USER: user, NATS_PASSWORD: pass, NATS_CA: caFile } = process.env;
  const options: ConnectionOptions = {
    servers: NATS_URL.split(','),
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
  };
  if (caFile !== undefined) options.tls = { ca: readFileSync(caFile, 'utf8') };
  // An inbox of its own: nobody else may listen where the answers come.
  if (user !== undefined) Object.assign(options, { user, pass, inboxPrefix: `_INBOX.${user}` });
  return connect(options);
}

/**
 * With as many copies of what is stored as FLEET_REPLICAS says: 1 by default, 3 for a race. Servers that have just started, or lost one of
 * theirs, agree on a leader first and answer nothing meanwhile: it is tried again until they do.
 */
export async function openFromEnv(
  client: RufusClient,
  nats: NatsConnection,
  { FLEET_REPLICAS = '1' }: NodeJS.ProcessEnv = process.env,
): Promise<Fleet> {
  const replicas = Number(FLEET_REPLICAS) as 1 | 3 | 5;
  for (;;) {
    try {
      return await openFleet({ client, nats, replicas });
    } catch (error) {
      if (!(error instanceof FleetUnavailableError) || nats.isClosed()) throw error;
      console.warn(error.message);
      await setTimeout(1_000);
    }
  }
}

/** Aborts when a service manager, or Ctrl-C, ends this process. */
export function untilStopped(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}
