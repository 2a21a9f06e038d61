import type { RufusClientOptions } from 'rufus-client';
import { Sandbox } from 'rufus-client/testing';

/** A server to run an example against, and what a client needs to reach it. */
export interface Target extends AsyncDisposable {
  readonly options: RufusClientOptions;
  readonly name: string;
  /** Not there with `--live`. */
  readonly sandbox?: Sandbox;
}

/** The real API, as the environment gives it, with `--live` and RUFUS_API_KEY; a sandbox over HTTP otherwise. */
export async function openTarget(): Promise<Target> {
  if (isLive()) return { options: {}, name: 'RUFUS Cloud', [Symbol.asyncDispose]: async () => {} };
  const sandbox = new Sandbox();
  const server = await sandbox.listen();
  return {
    options: { apiKey: sandbox.keys.readWrite, baseUrl: server.url },
    name: `a sandbox on ${new URL(server.url).host}`,
    sandbox,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** The same in one line, without a socket: `new RufusClient(clientOptions())`. */
export function clientOptions(): RufusClientOptions {
  if (isLive()) return {};
  const sandbox = new Sandbox();
  return { apiKey: sandbox.keys.readWrite, dispatcher: sandbox.dispatcher };
}

function isLive(): boolean {
  if (!process.argv.includes('--live')) return false;
  if (process.env.RUFUS_API_KEY) return true;
  console.error('--live needs the environment variable RUFUS_API_KEY.');
  process.exit(2);
}
