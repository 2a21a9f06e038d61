import { RufusClient } from 'rufus-client';
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
