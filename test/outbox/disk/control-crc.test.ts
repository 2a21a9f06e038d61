import { expect, it, vi } from 'vitest';
import { crashStates } from './crash-harness.js';
import { Random } from './random.js';

// The control: the same check over a log that takes any line that looks like one. If it found nothing here, it would prove nothing there.
vi.mock('../../../src/outbox/disk/codec.js', async (original) => {
  const line = await original<typeof import('../../../src/outbox/disk/codec.js')>();
  return {
    ...line,
    decodeLine(bytes: Buffer) {
      const [, seq, json] = /^.{8} (\d+) (\{.*\})$/s.exec(bytes.toString('utf8')) ?? [];
      if (seq === undefined || json === undefined) return null;
      try {
        JSON.parse(json);
      } catch {
        return null;
      }
      return { seq: Number(seq), json: Buffer.from(json) };
    },
  };
});

it('catches a log that does not compare checksums', { timeout: 120_000 }, async () => {
  const wrong = await crashStates(300, new Random(4_711));
  expect(wrong.some((what) => what.includes('was altered'))).toBe(true);
});
