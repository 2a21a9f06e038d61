import { describe, expect, test } from 'vitest';
import { passingTime, RufusClient, RufusResponseValidationError } from '../../src/index.js';
import { json } from '../support/behaviours.js';
import { startServer } from '../support/server.js';

const UNUSABLE = [
  'yesterday',
  '',
  '2023-02-30T09:20:26Z',
  '22/01/2023 09:20:26',
  '2023-01-22 09:20:26',
  '2023-01-22T09:20:26',
];

describe('the time of a passing', () => {
  test('is the moment that its text names', () => {
    expect(passingTime({ timestamp: '2023-01-22T09:20:26.123Z' }).toISOString()).toBe('2023-01-22T09:20:26.123Z');
    expect(passingTime({ timestamp: '2023-01-22T09:20:26+02:00' }).toISOString()).toBe('2023-01-22T07:20:26.000Z');
  });

  test.each([null, undefined, 5])('is not read from %j', (passing) => {
    expect(() => passingTime(passing as never)).toThrow(RufusResponseValidationError);
  });

  test.each([...UNUSABLE, null, 5, undefined])('is not guessed from %j', (timestamp) => {
    expect(() => passingTime({ timestamp: timestamp as string })).toThrow(RufusResponseValidationError);
  });
});

describe('times of answers', () => {
  const passing = (timestamp: string) => ({ timestamp, num_passing: 1, bib: '7' });
  const session = (first: string) => ({ description: 'ok', result: [{ token_session: 'T', active: true, first }] });
  const device = (last_login: string) => ({ description: 'ok', result: { deviceid: 'D', last_login } });
  const events = (start_date: string) => ({
    description: 'ok',
    pagination: { page: 1, limit: 1, total: 1, has_more: false },
    result: [{ event_token: 'E', start_date }],
  });
  type Call = (client: RufusClient) => PromiseLike<unknown>;
  const CALLS: [string, string, (time: string) => object, Call][] = [
    [
      'passings',
      'timestamp',
      (t) => ({ description: 'ok', result: [passing(t)] }),
      (c) => c.passings.listBySession('T'),
    ],
    [
      'a poll',
      'timestamp',
      (t) => ({ description: 'ok', session_used: 'T', passings: [passing(t)] }),
      (c) => c.passings.poll('D'),
    ],
    ['a session', 'first', session, (c) => c.sessions.get('T')],
    ['a device', 'last_login', device, (c) => c.devices.get('D')],
    ['events', 'start_date', events, (c) => c.events.list()],
  ];

  test.each(CALLS)(
    'that are none are told of once and handed on, or refused in strict: %s',
    async (_, field, body, call) => {
      for (const time of UNUSABLE) {
        const server = (await startServer()).always(json(200, body(time)));
        const lines: object[] = [];
        const log = (message: string, fields?: object): void => void lines.push({ message, ...fields });
        const logger = { error: log, warn: log, info: log, debug: log };
        const client = new RufusClient({ baseUrl: server.url, apiKey: 'k', logger });
        server.afterClose(() => client.close());
        expect(JSON.stringify(await call(client))).toContain(JSON.stringify(time));
        await call(client);
        expect(lines).toMatchObject([{ field, expected: expect.stringContaining('local time') }]);
        const strict = client.withOptions({ validation: 'strict' });
        await expect(call(strict)).rejects.toBeInstanceOf(RufusResponseValidationError);
      }
    },
  );

  test.each(CALLS)('that have a zone are not drift: %s', async (_, _field, body, call) => {
    const server = (await startServer()).always(json(200, body('2023-01-22T09:20:26+02:00')));
    const client = new RufusClient({ baseUrl: server.url, apiKey: 'k', validation: 'strict' });
    server.afterClose(() => client.close());
    await expect(call(client)).resolves.toBeDefined();
  });
});
