import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyReader } from '../../src/core/wire/answer.js';

const words = fc.oneof(
  fc.string({ maxLength: 700 }),
  fc.string({ unit: 'binary', maxLength: 700 }),
  fc
    .array(fc.constantFrom('Zürich', 'plain ', '🏃', '\u0000', '\ufeff'), { maxLength: 60 })
    .map((parts) => parts.join('')),
);

describe('a body that comes in pieces', () => {
  test('is decoded as a whole, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        words,
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom(200, 500),
        async (text, size, status) => {
          const bytes = Buffer.from(text);
          const reader = new BodyReader(status, {}, 1_000_000);
          for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size));
          const answer = await reader.finish();
          // What it is in UTF-8, without the mark at its beginning.
          expect('text' in answer && answer.text).toBe(new TextDecoder().decode(bytes));
        },
      ),
      { numRuns: 300 },
    );
  });
});
