import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface ServerOptions {
  /** Each answer waits this long. */
  latencyMs?: number;
  /** Passings of the session, in pages of 5,000. */
  rows?: number;
  coordinates?: 'string' | 'number';
  /** The pages are made from a template as they are asked for: whole ones, numbered as `TemplatedPages` says. */
  templated?: boolean;
  /** What each device's continuous query brings, from the first request on. */
  live?: { perSecond: number; seconds: number };
}

export interface Server extends AsyncDisposable {
  readonly origin: string;
  /** With the `/v0` of the API. */
  readonly baseUrl: string;
}

/** The API's side, in a process of its own. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const child = fork(new URL('./server-process.js', import.meta.url), [JSON.stringify(options)], { execArgv: [] });
  const [port] = await once(child, 'message');
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    baseUrl: `${origin}/v0`,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}
