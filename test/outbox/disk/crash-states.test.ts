import { expect, it } from 'vitest';
import { crashStates } from './crash-harness.js';
import { cycles, Random, seedOf } from './random.js';

const SEED = seedOf(4_711);
const STATES = cycles(2_000);

it(`recovers from ${STATES} states a crash can leave the newest segment in`, { timeout: 600_000 }, async () => {
  const wrong = await crashStates(STATES, new Random(SEED));
  expect(wrong.slice(0, 5)).toEqual([]);
});
