import { type PassingInput, RufusClient } from 'rufus-client';
import { Sandbox, type SandboxOptions } from 'rufus-client/testing';
import { onTestFinished } from 'vitest';

export interface Account {
  readonly sandbox: Sandbox;
  readonly url: string;
  /** With the key that may read and write. */
  readonly env: { readonly RUFUS_BASE_URL: string; readonly RUFUS_API_KEY: string };
  readonly client: RufusClient;
}

/** A sandbox over HTTP, until the end of the test. */
export async function openAccount(options: SandboxOptions = {}): Promise<Account> {
  const sandbox = new Sandbox(options);
  const server = await sandbox.listen();
  onTestFinished(() => server.close());
  const env = { RUFUS_BASE_URL: server.url, RUFUS_API_KEY: sandbox.keys.readWrite };
  const client = new RufusClient({ apiKey: sandbox.keys.admin, dispatcher: sandbox.dispatcher });
  return { sandbox, url: server.url, env, client };
}

/** A device with a session that holds these passings. */
export async function filled(
  { client }: Account,
  passings: readonly PassingInput[],
  serial_number = '0042',
): Promise<{ deviceid: string; token_session: string }> {
  const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'R1', serial_number });
  const { token_session } = await client.sessions.create({ deviceid, alias: 'Finish' });
  await client.passings.insertMany(token_session, passings);
  return { deviceid, token_session };
}

/** Plain passings, a second each. */
export function passings(count: number, first = 1): PassingInput[] {
  return Array.from({ length: count }, (_, index) => ({
    num_passing: first + index,
    bib: String((first + index) % 700),
    timestamp: new Date(Date.UTC(2026, 4, 3, 9) + (first + index) * 1_000).toISOString(),
  }));
}
