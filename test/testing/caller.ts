import { Agent } from 'undici';
import { Sandbox, type SandboxOptions } from '../../src/testing/index.js';
import type { DispatcherLike } from '../../src/types.js';

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** The parsed body, as it came. */
  raw: unknown;
  /** Out of its envelope. */
  body: ReplyBody;
}
/** Whichever of these an operation gives. */
interface ReplyBody {
  [field: string]: unknown;
  description: string;
  deviceid: string;
  token_session: string;
  resumed_from: number;
  pagination: { page: number; limit: number; total: number; has_more: boolean };
  result: Row[];
  passings: Row[];
}
interface Row {
  [field: string]: unknown;
  deviceid: string;
  num_passing: number;
}
export interface CallOptions {
  body?: unknown;
  key?: string | null;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Calls a sandbox, without a client between: what comes is what the sandbox gave. */
export class Caller {
  constructor(
    readonly dispatcher: DispatcherLike,
    readonly base: string,
    readonly key: string,
  ) {}

  request(method: string, path: string, { body, key = this.key, headers, signal }: CallOptions = {}) {
    const { origin, pathname } = new URL(this.base);
    return this.dispatcher.request({
      origin,
      path: pathname + path,
      method,
      headers: {
        ...(key !== null && { 'x-api-key': key }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal && { signal }),
    });
  }

  async call(method: string, path: string, options?: CallOptions): Promise<Reply> {
    const { statusCode, headers, body } = await this.request(method, path, options);
    const text = await body.text();
    const raw: { body?: unknown } | undefined = text === '' ? undefined : JSON.parse(text);
    return { status: statusCode, headers, raw, body: (raw?.body ?? raw) as ReplyBody };
  }

  async bind(serial_number: string): Promise<string> {
    const { body } = await this.call('POST', '/devices', { body: { type: 'reader', model: 'M1', serial_number } });
    return body.deviceid;
  }

  async open(deviceid: string, alias?: string): Promise<string> {
    const { body } = await this.call('POST', '/sessions', { body: { deviceid, ...(alias && { alias }) } });
    return body.token_session;
  }

  insert(token_session: string, numbers: readonly number[], extra: object = {}): Promise<Reply> {
    const passings_list = numbers.map((num_passing) => ({ ...passing(num_passing), ...extra }));
    return this.call('POST', '/passings', { body: { token_session, passings_list } });
  }
}

export const passing = (num_passing: number) => ({
  timestamp: new Date(Date.UTC(2026, 2, 15, 8) + num_passing * 1000).toISOString(),
  num_passing,
  bib: String(num_passing),
});

/** `1, 2 … n`, or from `first` on. */
export const numbers = (count: number, first = 1) => Array.from({ length: count }, (_, index) => first + index);

export const nums = (rows: readonly { num_passing: number }[]) => rows.map((row) => row.num_passing);

export interface Rig extends AsyncDisposable {
  sandbox: Sandbox;
  caller: Caller;
}

export async function inMemory(options?: SandboxOptions): Promise<Rig> {
  const sandbox = new Sandbox(options);
  const caller = new Caller(sandbox.dispatcher, 'https://api.example.test/v0', sandbox.keys.admin);
  return { sandbox, caller, [Symbol.asyncDispose]: async () => {} };
}

async function overHttp(options?: SandboxOptions): Promise<Rig> {
  const sandbox = new Sandbox(options);
  const server = await sandbox.listen();
  const agent = new Agent();
  const caller = new Caller(agent as unknown as DispatcherLike, server.url, sandbox.keys.admin);
  const close = async () => {
    await agent.destroy();
    await server.close();
  };
  return { sandbox, caller, [Symbol.asyncDispose]: close };
}

export const TRANSPORTS = [
  ['the dispatcher', inMemory],
  ['HTTP', overHttp],
] as const;
