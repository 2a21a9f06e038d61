// Headers of an answer: Retry-After in every spelling, and anything else that a gateway may add.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RufusAPIError } from '../../src/index.js';
import { headers, text } from './arbitraries.js';
import { always, TEST_MS } from './cases.js';
import { peer } from './fake.js';
import { outcomeOf, TOKEN } from './outcome.js';

const retryAfter = async (value: string | string[]): Promise<number | undefined> => {
  const dispatcher = peer({ status: 429, body: '{}', headers: { 'retry-after': value } });
  const { error } = await outcomeOf({ dispatcher, retry: false }, (client) => client.sessions.get(TOKEN));
  return (error as RufusAPIError).retryAfterMs;
};

const seconds = fc.nat({ max: 10_000_000 });
/** What HTTP can carry and a clock can show. */
const instant = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true });

describe('Retry-After', () => {
  it('in seconds, as they stand', { timeout: TEST_MS }, async () => {
    const blank = fc.constantFrom('', ' ', '\t', '  ');
    await always(0.01, fc.tuple(seconds, blank, blank), async ([value, before, behind]) => {
      expect(await retryAfter(`${before}${value}${behind}`)).toBe(value * 1_000);
    });
  });

  it('as a date of HTTP, from now on', { timeout: TEST_MS }, async () => {
    await always(0.01, instant, async (date) => {
      const earliest = Math.floor(date.getTime() / 1_000) * 1_000 - Date.now();
      const ms = await retryAfter(date.toUTCString());
      expect(ms).toBeLessThanOrEqual(Math.max(0, earliest));
      expect(ms).toBeGreaterThanOrEqual(Math.max(0, earliest - 10_000));
    });
  });

  it('in any other words: a pause that a clock can hold, or none', { timeout: TEST_MS }, async () => {
    const pieces = fc.array(fc.constantFrom('1', '9', '.', ',', '-', '+', 'e', ' ', 'GMT', 'Mon', 'Jan', '2099', ':'));
    const words = fc.oneof(
      text,
      pieces.map((some) => some.join('')),
      instant.map(String),
      seconds.map((n) => `-${n}`),
    );
    await always(0.03, fc.oneof(words, fc.array(words, { maxLength: 3 })), async (value) => {
      const ms = await retryAfter(value);
      if (ms === undefined) return;
      expect(Number.isFinite(ms)).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(0);
    });
  });
});

describe('any other header', () => {
  it('leaves a good answer good', { timeout: TEST_MS }, async () => {
    const body = JSON.stringify({ description: 'ok', result: [{ token_session: TOKEN, active: true }] });
    const harmless = headers.map(({ 'content-encoding': _, 'content-length': __, ...rest }) => rest);
    await always(0.03, harmless, async (some) => {
      const dispatcher = peer({ status: 200, body, headers: some });
      const { value } = await outcomeOf({ dispatcher }, (client) => client.sessions.get(TOKEN).withResponse());
      const { data, response } = value as { data: object; response: { headers: Headers; requestId?: string } };
      expect(data).toEqual({ token_session: TOKEN, active: true });
      expect([...response.headers.keys()].length).toBeLessThan(100);
      expect(['string', 'undefined']).toContain(typeof response.requestId);
    });
  });
});
