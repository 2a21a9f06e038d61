// What came of a call, and what no outcome may be: an error of another kind, a secret in its text, a value its type forbids.
import { inspect } from 'node:util';
import { RufusClient, type RufusClientOptions, RufusError } from '../../src/index.js';
import { DEVICE, TOKEN } from '../support/operations.js';

export { DEVICE, TOKEN };
export const KEY = 'ror-9f8e7d6c5b4a39281706';

/** A shown token has 8 characters, a shown key 8: longer pieces of either are leaks. */
const PIECES = new RegExp([...piecesOf(TOKEN, 12), ...piecesOf(KEY.slice(4), 8)].join('|'), 'i');

function piecesOf(secret: string, length: number): string[] {
  return Array.from({ length: secret.length - length + 1 }, (_, start) => secret.slice(start, start + length));
}

const CODES = new Set([
  ...['config', 'closed', 'api_key', 'aborted', 'connection', 'timeout', 'invalid_request', 'invalid_response'],
  ...['bad_request', 'unauthenticated', 'permission_denied', 'not_found', 'conflict', 'payload_too_large'],
  ...['rate_limited', 'server_error', 'unexpected_status'],
  ...['outbox_full', 'outbox_busy', 'outbox_locked', 'outbox_closed', 'numbering_unknown', 'session_closed', 'storage'],
]);

/** Longer than any sentence of ours with everything that a peer may add to it. */
const LONGEST_MESSAGE = 2_000;

export function expectNoSecret(what: string, text: string): void {
  const found = PIECES.exec(text);
  if (found)
    throw new Error(`${what} shows a secret: …${text.slice(Math.max(0, found.index - 80), found.index + 80)}…`);
}

export function expectTyped(error: unknown): asserts error is RufusError {
  if (!(error instanceof RufusError)) {
    throw new Error(`not a RufusError: ${inspect(error)}`, { cause: error });
  }
  if (!CODES.has(error.code)) throw new Error(`unknown code ${error.code}`);
  if (!Number.isSafeInteger(error.attempts) || error.attempts < 0) throw new Error(`attempts ${error.attempts}`);
  if (typeof error.requestMaybeProcessed !== 'boolean') throw new Error('requestMaybeProcessed is no boolean');
  if (error.message === '' || error.message.length > LONGEST_MESSAGE) {
    throw new Error(`a message of ${error.message.length} characters`);
  }
  for (let link: unknown = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    expectNoSecret('a message', link.message);
    expectNoSecret('a stack', link.stack ?? '');
  }
  expectNoSecret('inspect', inspect(error, { depth: 8, showHidden: true, maxStringLength: null }));
  expectNoSecret('JSON', JSON.stringify(error));
}

export interface Outcome {
  readonly value?: unknown;
  readonly error?: RufusError;
  /** Fields reported as drift. */
  readonly drift: ReadonlySet<string>;
}

/** Runs a call on a client of its own and judges how it ends. */
export async function outcomeOf(
  options: RufusClientOptions,
  call: (client: RufusClient) => PromiseLike<unknown>,
): Promise<Outcome> {
  const drift = new Set<string>();
  const note = (message: string, fields?: object) => {
    expectNoSecret('a log line', `${message} ${JSON.stringify(fields)}`);
    if (fields !== undefined && 'field' in fields) drift.add(String(fields.field));
  };
  const client = new RufusClient({
    apiKey: KEY,
    baseUrl: 'https://api.example.test/v0',
    logger: { error: note, warn: note, info: note, debug: note },
    logLevel: 'debug',
    retry: { maxRetries: 1, baseDelayMs: 0, maxDelayMs: 0, maxRetryAfterMs: 0 },
    ...options,
  });
  try {
    return { value: await call(client), drift };
  } catch (error) {
    expectTyped(error);
    return { error, drift };
  } finally {
    await client.close();
  }
}
