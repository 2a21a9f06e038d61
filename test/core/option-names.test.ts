import { describe, expect, test } from 'vitest';
import { nearest, refuseUnknown } from '../../src/core/option-names.js';
import { RufusClient, RufusConfigError } from '../../src/index.js';
import { openOutbox } from '../../src/outbox/index.js';
import { Sandbox } from '../../src/testing/index.js';

const sandbox = new Sandbox();
const client = new RufusClient({ dispatcher: sandbox.dispatcher, apiKey: sandbox.keys.admin });
const passing = { num_passing: 1, bib: '7', timestamp: new Date() };

/** Options as somebody without a compiler would write them. */
const odd = (options: object): never => options as never;

async function refusal(act: () => unknown): Promise<string> {
  const error: unknown = await (async () => act())().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RufusConfigError);
  return (error as Error).message;
}

describe('an unknown option is refused by its name', () => {
  const session = { token_session: 'T', startAt: 1 };
  const cases: [string, string | undefined, () => unknown][] = [
    ['baseURL', 'baseUrl', () => new RufusClient(odd({ apiKey: 'k', baseURL: 'http://127.0.0.1' }))],
    ['timeout', 'timeoutMs', () => new RufusClient(odd({ apiKey: 'k', timeout: 5 }))],
    ['retries', 'retry', () => new RufusClient(odd({ apiKey: 'k', retries: 5 }))],
    ['signal', undefined, () => new RufusClient(odd({ apiKey: 'k', signal: new AbortController().signal }))],
    ['retry.maxRetry', 'maxRetries', () => new RufusClient(odd({ apiKey: 'k', retry: { maxRetry: 5 } }))],
    ['appInfo.versions', 'version', () => new RufusClient(odd({ apiKey: 'k', appInfo: { name: 'a', versions: '1' } }))],
    ['loglevel', 'logLevel', () => client.withOptions(odd({ loglevel: 'off' }))],
    ['timeout', 'timeoutMs', () => client.devices.get('D', odd({ timeout: 5 }))],
    ['retry.retries', 'maxRetries', () => client.devices.get('D', odd({ retry: { retries: 5 } }))],
    ['timeout', 'timeoutMs', () => client.devices.list({}, odd({ timeout: 5 }))],
    ['batchsize', 'batchSize', () => client.passings.insertMany('T', [passing], odd({ batchsize: 5 }))],
    ['querry', 'query', () => client.request('GET', '/devices', odd({ querry: {} }))],
    ['limits', 'limit', () => client.devices.list().toArray(odd({ limits: 5 }))],
    ['timeout', 'timeoutMs', () => client.devices.list({}, odd({ timeout: 5 })).toArray({ limit: 0 })],
    [
      'timeout',
      'timeoutMs',
      () =>
        client.devices
          .list({}, odd({ timeout: 5 }))
          .pages()
          [Symbol.asyncIterator]()
          .next(),
    ],
    ['retry.retries', 'maxRetries', () => client.withOptions(odd({ retry: { retries: 5 } }))],
    ['appInfo.title', undefined, () => client.withOptions(odd({ appInfo: { name: 'a', title: 'b' } }))],
    [
      'cursor.hole',
      'holes',
      () =>
        client.passings
          .follow('D', odd({ cursor: { token_session: 'T', last: 4, hole: [[1, 2]] } }))
          [Symbol.asyncIterator]()
          .next(),
    ],
    [
      'curser',
      'cursor',
      () =>
        client.passings
          .follow('D', odd({ curser: null }))
          [Symbol.asyncIterator]()
          .next(),
    ],
    [
      'pollMs.minimum',
      'min',
      () =>
        client.passings
          .follow('D', odd({ pollMs: { minimum: 5 } }))
          [Symbol.asyncIterator]()
          .next(),
    ],
    ['maxDiskByte', 'maxDiskBytes', () => openOutbox(odd({ client, directory: '/nowhere', session, maxDiskByte: 5 }))],
    [
      'batch.maxByte',
      'maxBytes',
      () => openOutbox(odd({ client, directory: '/nowhere', session, batch: { maxByte: 5 } })),
    ],
    ['retain.hour', 'hours', () => openOutbox(odd({ client, directory: '/nowhere', session, retain: { hour: 5 } }))],
    ['backoff.max', 'maxMs', () => openOutbox(odd({ client, directory: '/nowhere', session, backoff: { max: 5 } }))],
    [
      'session.startsAt',
      'startAt',
      () => openOutbox(odd({ client, directory: '/nowhere', session: { token_session: 'T', startsAt: 1 } })),
    ],
    [
      'session.opens',
      'open',
      () => openOutbox(odd({ client, directory: '/nowhere', session: { deviceid: 'D', open: 'new', opens: 1 } })),
    ],
    ['envelop', 'envelope', () => new Sandbox(odd({ envelop: 'flat' }))],
    ['fault.time', 'times', () => sandbox.fault(odd({ kind: 'hang', time: 2 }))],
  ];
  test.each(cases)('%s, for which %s was meant', async (name, meant, act) => {
    const message = await refusal(act);
    expect(message).toContain(`\`${name}\``);
    expect(message).toContain(meant === undefined ? 'Known are:' : `Did you mean \`${meant}\`?`);
    expect(sandbox.state.devices).toEqual([]);
  });

  test('unless it is undefined', async () => {
    const { deviceid } = await client.devices.bind(
      { type: 'a', model: 'b', serial_number: 'c' },
      odd({ timeout: undefined }),
    );
    await expect(client.devices.get(deviceid, odd({ tiemout: undefined }))).resolves.toMatchObject({ deviceid });
    await client.devices.unbind(deviceid);
    expect(() => refuseUnknown('', { a: undefined }, {})).not.toThrow();
  });

  test('and one that looks like a token is not shown', async () => {
    const token = 'A1'.repeat(32);
    expect(await refusal(() => client.devices.get('D', odd({ [token]: 1 })))).not.toContain(token);
  });
});

describe('what is no option is refused, too', () => {
  const odds: [string, () => unknown][] = [
    ['options', () => client.devices.list({}, odd(5 as never))],
    ['options', () => client.devices.list({}, null as never)],
    ['headers', () => client.withOptions({ headers: new Headers({ a: 'b' }) as never })],
    ['headers', () => client.withOptions({ headers: new Map([['a', 'b']]) as never })],
    ['headers', () => client.withOptions({ headers: 'a: b' as never })],
    ['logger', () => client.withOptions({ logger: { warn() {} } as never })],
    ['logger', () => client.withOptions({ logger: 'console' as never })],
  ];
  test.each(odds)('%s', async (name, act) => {
    expect(await refusal(act)).toContain(`\`${name}\` must`);
  });

  test('repeatable, of which any text would mean yes', async () => {
    const call = client.request('GET', '/devices', { repeatable: 'no' as never });
    await expect(call).rejects.toMatchObject({ code: 'invalid_request', issues: [{ path: ['repeatable'] }] });
  });
});

test('only what is near is suggested', () => {
  expect(nearest('sorce', ['source', 'signal'])).toBe('source');
  expect(nearest('TIMEOUT_MS', ['timeoutMs', 'totalTimeoutMs'])).toBe('timeoutMs');
  expect(nearest('retyr', ['retry'])).toBe('retry');
  expect(nearest('colour', ['timeoutMs', 'retry', 'signal'])).toBeUndefined();
  expect(nearest('x'.repeat(100_000), ['retry'])).toBeUndefined();
});
