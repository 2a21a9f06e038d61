// Answers that are wrong in every way that JSON, or no JSON, can be wrong.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Page } from '../../src/index.js';
import { headers, json, jsonText, mutated, mutations, refusedStatus, status } from './arbitraries.js';
import { CALLS, judged, rowsOf } from './calls.js';
import { always, TEST_MS } from './cases.js';

const operation = fc.constantFrom(...CALLS);
const validation = fc.constantFrom('tolerant' as const, 'strict' as const);
const wrap = (enveloped: boolean, body: unknown) => (enveloped ? { body } : body);

/** What comes out of a row is what went in, but for coordinates that were text and ids that were null. */
function expectSameRow(operation: string, row: unknown, given: unknown): void {
  const { latitude, longitude, ...rest } = row as Record<string, unknown>;
  const { latitude: givenLatitude, longitude: givenLongitude, ...givenRest } = given as Record<string, unknown>;
  for (const id of ['token_session', 'deviceid']) {
    if (givenRest[id] === null && operation.startsWith('passings.')) delete givenRest[id];
  }
  expect(JSON.stringify(rest)).toBe(JSON.stringify(givenRest));
  for (const [is, was] of [
    [latitude, givenLatitude],
    [longitude, givenLongitude],
  ]) {
    if (typeof was === 'string' && typeof is === 'number') expect(is).toBe(Number(was));
    else if (typeof was === 'string' && was.trim() === '') expect(is).toBeNull();
    else expect(is).toEqual(was);
  }
}

describe('an answer', () => {
  it('mutated from a good one', { timeout: TEST_MS }, async () => {
    await always(
      0.4,
      fc.tuple(operation, mutations, validation, fc.boolean()),
      async ([call, changes, mode, enveloped]) => {
        const body = JSON.stringify(mutated(wrap(enveloped, call.body), changes)) ?? '';
        const { value, error } = await judged(call, { status: call.status, body }, mode);
        if (error !== undefined) {
          expect(error.code).toBe('invalid_response');
          return;
        }
        const rows = rowsOf(call.name, body);
        if (rows === undefined) return;
        const { items } = value as Page<unknown>;
        expect(items).toHaveLength(rows.length);
        items.forEach((item, index) => {
          expectSameRow(call.name, item, rows[index]);
        });
      },
    );
  });

  it('of any JSON', { timeout: TEST_MS }, async () => {
    await always(0.15, fc.tuple(operation, jsonText, validation), async ([call, body, mode]) => {
      const { error } = await judged(call, { status: call.status, body }, mode);
      if (error !== undefined) expect(error.code).toBe('invalid_response');
    });
  });

  it('of any JSON around good rows and in them', { timeout: TEST_MS }, async () => {
    const rows = fc.array(json, { maxLength: 3 });
    await always(0.05, fc.tuple(operation, rows, json, validation), async ([call, more, extra, mode]) => {
      const good = call.body as Record<string, unknown>;
      const result = Array.isArray(good.result) ? [...good.result, ...more] : good.result;
      await judged(call, { status: call.status, body: JSON.stringify({ ...good, result, extra }) }, mode);
    });
  });

  it('refused with any JSON, and any headers', { timeout: TEST_MS }, async () => {
    const words = json.chain((value) => fc.constantFrom(value, { description: value }, { message: value }));
    const given = fc.tuple(operation, refusedStatus, words, headers, fc.boolean());
    await always(0.1, given, async ([call, code, body, more, enveloped]) => {
      const { error } = await judged(
        call,
        { status: code, body: JSON.stringify(wrap(enveloped, body)), headers: more },
        'tolerant',
      );
      if (error !== undefined) expect(error.code).not.toMatch(/^(config|invalid_request)$/);
    });
  });

  it('of any bytes, cut anywhere, with any status and headers', { timeout: TEST_MS }, async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.string({ unit: 'binary', maxLength: 64 }).map((text) => Buffer.from(text)),
      jsonText.map((text) => Buffer.from(text)),
      jsonText.map((text) => Buffer.from(text.slice(0, -1))),
      jsonText.map((text) => Buffer.from(`\uFEFF${text}`)),
      jsonText.map((text) => Buffer.from(text, 'utf16le')),
    );
    const cuts = fc.array(fc.nat({ max: 80 }), { maxLength: 5 });
    await always(0.1, fc.tuple(operation, status, bytes, cuts, headers), async ([call, code, body, at, more]) => {
      await judged(call, { status: code, body, cuts: at, headers: more }, 'tolerant');
    });
  });
});
