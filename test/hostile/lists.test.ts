// A server whose pages make no sense, or never end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Passing, RufusClient } from '../../src/index.js';
import { json, mutated, mutations } from './arbitraries.js';
import { expectAllowed } from './calls.js';
import { always, TEST_MS } from './cases.js';
import { type FakeAnswer, peer } from './fake.js';
import { expectTyped, outcomeOf, TOKEN } from './outcome.js';

const row = fc.record({
  timestamp: fc.constant('2024-04-21T09:30:00.000Z'),
  num_passing: fc.nat({ max: 9 }),
  bib: fc.string(),
});
const good = fc.array(row, { maxLength: 3 }).map((result) => ({ description: 'Passings found', result }));
const paged = fc.tuple(good, fc.boolean()).map(([page, has_more]) => ({ ...page, pagination: { has_more } }));
const page: fc.Arbitrary<FakeAnswer> = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(good, paged).map((body) => ({ status: 200, body: JSON.stringify(body) })) },
  {
    weight: 2,
    arbitrary: fc.tuple(paged, mutations).map(([body, changes]) => ({
      status: 200,
      body: JSON.stringify(mutated(body, changes)) ?? '',
    })),
  },
  { weight: 1, arbitrary: json.map((body) => ({ status: 404, body: JSON.stringify(body) ?? '' })) },
  { weight: 1, arbitrary: fc.constantFrom(500, 429, 302).map((status) => ({ status, body: '' })) },
);

describe('a list', () => {
  it('of any pages ends, and gives them in order', { timeout: TEST_MS }, async () => {
    const given = fc.tuple(
      fc.array(page, { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 3 }),
      fc.integer({ min: 1, max: 40 }),
    );
    await always(0.05, given, async ([pages, prefetch, limit]) => {
      const dispatcher = peer(...pages);
      const { value, drift } = await outcomeOf({ dispatcher, retry: false }, (client) =>
        client.passings.listBySession(TOKEN, { prefetch }).toArray({ limit }),
      );
      // The last page is repeated for ever: what is read beyond it is one page more, and those fetched ahead.
      expect(dispatcher.asked.length).toBeLessThanOrEqual(pages.length + 2 + prefetch);
      dispatcher.asked.forEach((path, index) => {
        expect(path).toMatch(new RegExp(`\\?page=${index + 1}$`));
      });
      if (value === undefined) return;
      expectAllowed('passings.listBySession', value, 'tolerant', drift);
      expect((value as Passing[]).length).toBeLessThanOrEqual(limit);
    });
  });

  it('that never ends is read as far as it is wanted', { timeout: TEST_MS }, async () => {
    await always(0.01, fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 60 })), async ([prefetch, limit]) => {
      let num_passing = 0;
      const dispatcher = peer(() => {
        const result = [{ num_passing: ++num_passing, bib: '', timestamp: '' }];
        return { status: 200, body: JSON.stringify({ description: '', result, pagination: { has_more: true } }) };
      });
      const { value } = await outcomeOf({ dispatcher }, (client) =>
        client.passings.listBySession(TOKEN, { prefetch }).toArray({ limit }),
      );
      expect(value).toHaveLength(limit);
      expect(num_passing).toBeLessThanOrEqual(limit + prefetch);
    });
  });

  it('may be broken off, continued and asked twice', { timeout: TEST_MS }, async () => {
    const step = fc.constantFrom('next', 'next', 'return', 'two');
    await always(
      0.02,
      fc.tuple(fc.array(page, { minLength: 1, maxLength: 3 }), fc.array(step, { maxLength: 6 })),
      ([pages, steps]) =>
        outcomeOf({ dispatcher: peer(...pages), retry: false }, (client) => walk(client, steps)).then(() => {}),
    );
  });
});

async function walk(client: RufusClient, steps: readonly string[]): Promise<void> {
  const iterator = client.passings.listBySession(TOKEN)[Symbol.asyncIterator]();
  for (const step of steps) {
    const under =
      step === 'return'
        ? [iterator.return?.()]
        : step === 'two'
          ? [iterator.next(), iterator.next()]
          : [iterator.next()];
    for (const end of await Promise.allSettled(under)) if (end.status === 'rejected') expectTyped(end.reason);
  }
  await iterator.return?.();
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
}
