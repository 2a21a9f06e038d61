import { Sandbox } from 'rufus-client/testing';
import type { ProbeOptions } from './options.js';

/** The server to ask, and the key to ask it with. */
export interface Target extends AsyncDisposable {
  readonly baseUrl: string;
  readonly apiKey: string;
}

const REAL_SERVER = 'https://api.runonrufus.com/v0';

/** The environment's server with `--live`, a sandbox over HTTP otherwise. */
export async function openTarget({ live, sandbox: dialect }: ProbeOptions): Promise<Target> {
  if (live) {
    const { RUFUS_API_KEY: apiKey, RUFUS_BASE_URL: baseUrl = REAL_SERVER } = process.env;
    if (apiKey) return { baseUrl, apiKey, [Symbol.asyncDispose]: async () => {} };
    console.error('--live needs the environment variable RUFUS_API_KEY: a key with READ_WRITE access.');
    process.exit(2);
  }
  const sandbox = new Sandbox(dialect);
  const server = await sandbox.listen();
  return { baseUrl: server.url, apiKey: sandbox.keys.admin, [Symbol.asyncDispose]: () => server.close() };
}
