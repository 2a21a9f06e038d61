// Following with a damaged cursor, with options of any kind, and a server that answers anything.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FollowBatch, RufusAbortError, type RufusClient } from '../../src/index.js';
import { json, mutated, mutations, status, text } from './arbitraries.js';
import { always, TEST_MS } from './cases.js';
import { type FakeAnswer, peer } from './fake.js';
import { DEVICE, outcomeOf, TOKEN } from './outcome.js';
import { isPassings } from './public-types.js';

const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
  text,
  json,
  fc.constantFrom<unknown>(undefined, null, 0, -1, 1.5, Number.NaN, Infinity, [], {}),
);

/* ------------------------------------------------------------------ cursors */

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** A cursor that a follower may have given: holes above 0, below `last`, in order and apart. */
function isCursor(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { token_session, last, holes = [] } = value as Record<string, unknown>;
  if (typeof token_session !== 'string' || ['', '.', '..'].includes(token_session)) return false;
  if (/\p{Cs}/u.test(token_session) || !isCount(last) || !Array.isArray(holes)) return false;
  const ends = [...holes].flatMap((hole) => (Array.isArray(hole) && hole.length === 2 ? hole : [Number.NaN, 0]));
  if (!ends.every((end) => isCount(end) && end > 0 && end < last)) return false;
  return ends.every((end, index) => index === 0 || (index % 2 === 1 ? end >= ends[index - 1] : end > ends[index - 1]));
}

const count = fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 30 }) }, { weight: 1, arbitrary: anything });
const cursor = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        token_session: fc.oneof(fc.constant(TOKEN), fc.constant(TOKEN), anything),
        last: fc.oneof(fc.nat({ max: 40 }), count),
        holes: fc.oneof(
          fc.array(fc.tuple(count, count), { maxLength: 2 }),
          fc.constant([
            [2, 4],
            [7, 7],
          ]),
          anything,
        ),
      },
      { requiredKeys: ['token_session', 'last'] },
    ),
  },
  { weight: 1, arbitrary: anything },
);

const gone = { status: 404, body: JSON.stringify({ description: 'Device not found' }) };

/** Follows until the first batch or the end. */
const started = (options: unknown) => async (client: RufusClient) => {
  for await (const batch of client.passings.follow(DEVICE, options as never)) return batch;
  return undefined;
};

describe('follow', () => {
  it('begins at a sound cursor and refuses any other before it asks', { timeout: TEST_MS }, async () => {
    await always(0.04, cursor, async (given) => {
      const dispatcher = peer(gone);
      const { error } = await outcomeOf({ dispatcher }, started({ cursor: given }));
      const isSound = given === undefined || given === null || isCursor(given);
      expect(error?.code).toBe(isSound ? 'not_found' : 'config');
      expect(dispatcher.asked.length > 0).toBe(isSound);
    });
  });

  it('takes options of any kind, or says what is wrong', { timeout: TEST_MS }, async () => {
    const pollMs = fc.oneof(fc.record({ min: anything, max: anything }, { requiredKeys: [] }), anything);
    const options = fc.record({ pollMs, holeTimeoutMs: anything, signal: anything }, { requiredKeys: [] });
    const given = fc.oneof({ weight: 4, arbitrary: options }, { weight: 1, arbitrary: anything });
    await always(0.02, given, async (some) => {
      const { error } = await outcomeOf({ dispatcher: peer(gone) }, started(some));
      expect(['not_found', 'config']).toContain(error?.code);
    });
  });

  it('of any answers gives each passing once, in order, and can be ended', { timeout: TEST_MS }, async () => {
    const num = fc.nat({ max: 12 });
    const passings = fc
      .array(num, { maxLength: 6 })
      .map((numbers) =>
        numbers.map((num_passing) => ({ num_passing, bib: 'b', timestamp: '2024-04-21T09:30:00.000Z' })),
      );
    const session = fc.constantFrom(TOKEN, TOKEN, 'A'.repeat(64), 'B'.repeat(64));
    const poll = fc.record({
      description: fc.constant('ok'),
      deviceid: fc.constant(DEVICE),
      session_used: session,
      passings,
      result: fc.oneof(
        passings,
        fc.array(fc.record({ token_session: session, active: fc.boolean() }), { maxLength: 3 }),
      ),
    });
    const answer: fc.Arbitrary<FakeAnswer> = fc.oneof(
      { weight: 6, arbitrary: poll.map((body) => ({ status: 200, body: JSON.stringify(body) })) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(poll, mutations)
          .map(([body, changes]) => ({ status: 200, body: JSON.stringify(mutated(body, changes)) ?? '' })),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(status, json).map(([code, body]) => ({ status: code, body: JSON.stringify(body) ?? '' })),
      },
    );
    await always(0.01, fc.array(answer, { minLength: 1, maxLength: 12 }), async (answers) => {
      const stop = new AbortController();
      let idle = setTimeout(() => stop.abort(), 25);
      const script = peer(...answers);
      const dispatcher = {
        request: (options: Parameters<typeof script.request>[0]) => {
          clearTimeout(idle);
          idle = setTimeout(() => stop.abort(), 25);
          if (script.asked.length > 25) stop.abort();
          return script.request(options);
        },
      };
      const seen = new Set<string>();
      const { error } = await outcomeOf({ dispatcher }, async (client) => {
        const options = { signal: stop.signal, pollMs: { min: 0, max: 1 }, holeTimeoutMs: 5 };
        for await (const batch of client.passings.follow(DEVICE, options)) expectOnce(batch, seen);
      });
      clearTimeout(idle);
      expect(error).toBeDefined();
      if (stop.signal.aborted) expect(error).toBeInstanceOf(RufusAbortError);
    });
  });
});

function expectOnce(batch: FollowBatch, seen: Set<string>): void {
  const { passings, token_session, cursor } = batch;
  expect(isCursor(JSON.parse(JSON.stringify(cursor)))).toBe(true);
  expect(cursor.token_session).toBe(token_session);
  expect(isPassings(passings).filter((field) => field === 'num_passing')).toEqual([]);
  passings.forEach(({ num_passing }, index) => {
    const before = passings[index - 1]?.num_passing ?? -1;
    expect(num_passing).toBeGreaterThan(before);
    const name = `${token_session} ${num_passing}`;
    expect(seen.has(name)).toBe(false);
    seen.add(name);
  });
}
