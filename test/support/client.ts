import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type DispatcherLike, RufusClient, type RufusClientOptions } from '../../src/index.js';
import type { ScriptedServer } from './server.js';

export const KEY = 'ror-0123456789abcdef0123';

/** A client of the scripted server, quiet, with pauses too short to wait for; closed with the server. */
export function clientOf(server: ScriptedServer, options: RufusClientOptions = {}): RufusClient {
  const client = new RufusClient({ ...defaults(options), baseUrl: server.url });
  server.afterClose(() => client.close());
  return client;
}

/** The same for a client that no scripted server stands behind. */
export function clientAt(baseUrl: string, options: RufusClientOptions = {}): RufusClient {
  const client = new RufusClient({ ...defaults(options), baseUrl });
  onTestFinished(() => client.close());
  return client;
}

function defaults({ retry, ...options }: RufusClientOptions): RufusClientOptions {
  return {
    apiKey: KEY,
    logLevel: 'off',
    retry: retry === false ? false : { baseDelayMs: 1, maxDelayMs: 2, ...retry },
    ...options,
  };
}

/** A port of loopback that nobody listens on. */
export async function refusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export type DispatchOptions = Parameters<DispatcherLike['request']>[0];
export type DispatchAnswer = Awaited<ReturnType<DispatcherLike['request']>>;

/** A dispatcher of a user's own that is no undici: it fails or answers by script, and remembers what it was asked. */
export function fakeDispatcher(...answers: (Error | DispatchAnswer)[]) {
  const calls: DispatchOptions[] = [];
  const dispatcher: DispatcherLike = {
    async request(options) {
      calls.push(options);
      const answer = answers[Math.min(calls.length, answers.length) - 1];
      if (!answer) throw new Error('the fake dispatcher has no answer');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { dispatcher, calls };
}

export function answerOf(statusCode: number, body: unknown, headers: Record<string, string> = {}): DispatchAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    statusCode,
    headers: { 'content-type': 'application/json', ...headers },
    body: {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from(text);
      },
      text: async () => text,
      dump: async () => {},
    },
  };
}

export const failure = (code: string, message = `connect ${code}`): Error =>
  Object.assign(new Error(message), { code });

/** The rejection of a promise, for asserting on more than its class. */
export async function rejection<E extends Error>(
  errorClass: abstract new (...args: never[]) => E,
  promise: PromiseLike<unknown>,
): Promise<E> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof errorClass) return error;
    throw new Error(
      `expected ${errorClass.name}, got ${error instanceof Error ? `${error.name}: ${error.message}` : error}`,
      {
        cause: error,
      },
    );
  }
  throw new Error(`expected ${errorClass.name}, but it resolved`);
}
