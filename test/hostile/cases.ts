// How many cases: 2,000 in CI, whatever RUFUS_HOSTILE_CASES says in a long run. The seed of a failure is printed by fast-check.
import fc from 'fast-check';

const CASES = Number(process.env.RUFUS_HOSTILE_CASES ?? 2_000);
if (!Number.isSafeInteger(CASES) || CASES < 1) throw new RangeError('RUFUS_HOSTILE_CASES must be a whole number');

/** A case that takes longer than this hangs. */
const HANG_MS = 20_000;

/** Time for the test itself: no case should need more than a few milliseconds, but the machine may be busy. */
export const TEST_MS = 60_000 + CASES * 20;

const runsOf = (share: number) => Math.max(20, Math.round(CASES * share));

/** Holds a property for its share of all cases; one that does not settle fails like any other. */
export async function always<T>(
  share: number,
  arbitrary: fc.Arbitrary<T>,
  holds: (value: T) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, holds), {
    numRuns: runsOf(share),
    timeout: HANG_MS,
    endOnFailure: false,
  });
  expectNoPollution();
}

const PROTOTYPES = [Object, Array, Function, String, Number, Boolean, Promise, Error, Map, Set, RegExp, Date].map(
  ({ prototype }) => ({ prototype, keys: Reflect.ownKeys(prototype).length }),
);

/** No built-in prototype has gained or lost a property. */
function expectNoPollution(): void {
  for (const { prototype, keys } of PROTOTYPES) {
    if (Reflect.ownKeys(prototype).length !== keys) throw new Error(`polluted: ${String(Reflect.ownKeys(prototype))}`);
  }
}
