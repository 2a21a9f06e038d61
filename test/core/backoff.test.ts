import { expect, test } from 'vitest';
import { exponentialDelay, jittered } from '../../src/core/retry.js';

test.each([
  [500, 8_000, 0, 500],
  [500, 8_000, 3, 4_000],
  [500, 8_000, 4, 8_000],
  [500, 8_000, 5_000, 8_000],
  [0, 8_000, 5_000, 0],
  [1, Number.POSITIVE_INFINITY, 64, 2 ** 64],
  [1, Number.POSITIVE_INFINITY, 65, 2 ** 64],
])('from %i ms up to %i ms, doubled %i times: %i ms', (baseMs, maxMs, doublings, expected) => {
  expect(exponentialDelay(baseMs, maxMs, doublings)).toBe(expected);
});

test.each([
  [0, 0, 0],
  [0, 0.75, 750],
  [0.5, 0, 500],
  [0.5, 0.75, 875],
  [1, 0.75, 1_000],
])('jitter from %f of the delay, at %f of the random range', (least, random, expected) => {
  expect(jittered(1_000, least, () => random)).toBe(expected);
});
