// Options of the client and of a call, of any kind: refused by a typed error, or good enough to make a call with.
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { RufusClient } from '../../src/index.js';
import { json, text } from './arbitraries.js';
import { always, TEST_MS } from './cases.js';
import { peer } from './fake.js';
import { expectTyped, KEY, outcomeOf, TOKEN } from './outcome.js';

const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
  text,
  json,
  fc.constantFrom<unknown>(undefined, null, false, 0, -1, 1.5, 2 ** 31, Number.NaN, Infinity, '', Symbol('s'), [], {}),
);

/** Mostly right, so that more than the first option is looked at. */
const mostly = (...right: unknown[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: anything });

const headers = fc.oneof(
  fc.dictionary(
    fc.oneof(fc.constantFrom('host', 'x-api-key', 'api_key', 'content-length', 'X-A'), text),
    fc.oneof(text, anything),
  ),
  anything,
);
const retry = fc.oneof(
  fc.constant(false),
  fc.record({ maxRetries: mostly(0, 1), baseDelayMs: mostly(0), maxDelayMs: mostly(0), maxRetryAfterMs: mostly(0) }),
  anything,
);
const ofCall = {
  timeoutMs: mostly(1_000, 0.001, Infinity),
  totalTimeoutMs: mostly(1_000, Infinity),
  headers,
  validation: mostly('strict', 'tolerant'),
};

const answers = [
  { status: 200, body: JSON.stringify({ description: 'ok', result: [{ token_session: TOKEN, active: true }] }) },
  { status: 404, body: JSON.stringify({ description: 'Session not found', token_session: TOKEN }) },
] as const;

/** Ends as anything does, within the time that a retry of at most one takes. */
async function tried(options: unknown, callOptions?: unknown): Promise<void> {
  let client: RufusClient;
  try {
    client = new RufusClient(options as never);
  } catch (error) {
    expectTyped(error);
    return;
  }
  try {
    await client.sessions.get(TOKEN, callOptions as never);
  } catch (error) {
    expectTyped(error);
  } finally {
    await client.close();
  }
}

describe('options', () => {
  it('of the client', { timeout: TEST_MS }, async () => {
    const options = fc.record(
      {
        ...ofCall,
        apiKey: mostly(
          KEY,
          () => KEY,
          () => 7,
          () => Promise.reject(new Error(KEY)),
          `${KEY}\n`,
        ),
        authHeader: mostly('api_key', 'x-api-key'),
        baseUrl: mostly(
          'https://a.test/v0',
          'http://127.0.0.1:1/v0',
          new URL('https://a.test'),
          'http://a.test',
          'ftp://a',
          `https://${KEY}@a`,
        ),
        allowInsecure: anything,
        proxy: mostly(undefined),
        connections: mostly(undefined),
        maxResponseBytes: mostly(10_000, 1),
        middleware: mostly(undefined, [], [(context: never, next: (context: never) => unknown) => next(context)]),
        logger: mostly(undefined, null, {}),
        logLevel: mostly('off'),
        appInfo: mostly(undefined, { name: 'app', version: '1' }),
      },
      { requiredKeys: ['apiKey', 'baseUrl', 'logLevel'] },
    );
    await always(0.05, fc.tuple(options, retry, fc.constantFrom(...answers)), async ([some, repeat, answer]) => {
      // Whatever it says about repeats, a test has no time for many.
      const few = typeof repeat === 'object' && repeat !== null ? { ...repeat, maxRetries: 1, baseDelayMs: 0 } : repeat;
      await tried({ ...some, retry: few, dispatcher: peer(answer) });
    });
  });

  it('of the client, in place of all of them', { timeout: TEST_MS }, async () => {
    process.env.RUFUS_API_KEY = KEY;
    process.env.RUFUS_BASE_URL = 'http://127.0.0.1:1/v0';
    try {
      await always(0.01, anything, async (options) => {
        try {
          await new RufusClient(options as never).close();
        } catch (error) {
          expectTyped(error);
        }
      });
    } finally {
      delete process.env.RUFUS_API_KEY;
      delete process.env.RUFUS_BASE_URL;
    }
  });

  it('that replace those of another client', { timeout: TEST_MS }, async () => {
    const overrides = fc.oneof(
      anything,
      fc.record({ ...ofCall, retry, dispatcher: mostly(undefined) }, { requiredKeys: [] }),
    );
    await always(0.01, overrides, async (some) => {
      await outcomeOf({ dispatcher: peer(answers[0]) }, async (client) => client.withOptions(some as never));
    });
  });

  it('of a call', { timeout: TEST_MS }, async () => {
    const options = fc.record(
      { ...ofCall, signal: mostly(undefined, AbortSignal.abort(), null) },
      { requiredKeys: [] },
    );
    const given = fc.oneof({ weight: 4, arbitrary: options }, anything);
    await always(0.05, fc.tuple(given, fc.constantFrom(...answers)), async ([some, answer]) => {
      await outcomeOf({ dispatcher: peer(answer) }, (client) => client.sessions.get(TOKEN, some as never));
    });
  });

  it('of a list, an insertMany and a request()', { timeout: TEST_MS }, async () => {
    const rows = [{ num_passing: 1, bib: '1', timestamp: new Date(0) }];
    const many = fc.record(
      { batchSize: mostly(1, 500), onProgress: mostly(undefined, () => {}), totalTimeoutMs: mostly(1_000) },
      { requiredKeys: [] },
    );
    const body = JSON.stringify({ description: 'ok', token_session: TOKEN, result: [] });
    const options = fc.oneof(anything, many);
    await always(0.03, fc.tuple(options, anything), async ([some, other]) => {
      const dispatcher = peer({ status: 200, body });
      await outcomeOf({ dispatcher }, (client) => client.passings.insertMany(TOKEN, rows, some as never));
      await outcomeOf({ dispatcher }, (client) => client.passings.insertMany(TOKEN, other as never));
      await outcomeOf({ dispatcher }, (client) => client.passings.listBySession(TOKEN, {}, some as never));
      await outcomeOf({ dispatcher }, (client) => client.devices.list({}, some as never).toArray(other as never));
      await outcomeOf({ dispatcher }, async (client) => client.request('GET', '/a', some as never));
    });
  });
});
