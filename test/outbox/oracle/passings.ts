import type { NewPassing } from '../../../src/outbox/types.js';

// Every passing of the oracle's races is made from its id alone, so that whoever holds one can tell whether it is as it was.

/** The server answers 400 to any request with one of these. */
export const isPoison = (id: number): boolean => id % 211 === 7;
/** Alone more than the server takes. */
export const isHuge = (id: number): boolean => id % 997 === 5;
export const MAX_BODY_BYTES = 4_000;

export const passingOf = (id: number): NewPassing & { timestamp: string } => ({
  timestamp: new Date(Date.UTC(2026, 2, 15, 9) + id * 37).toISOString(),
  bib: String(id),
  chip: `E280${String(id * 7919).padStart(14, '0')}`,
  ...(id % 3 === 0 && { latitude: 41.38 + (id % 1000) / 1e5, longitude: 2.17 }),
  ...(id % 5 === 0 && { status: `Zieleinlauf "süd"\n${id}` }),
  ...(isHuge(id) && { status: 'x'.repeat(MAX_BODY_BYTES) }),
});

export const idOf = ({ bib }: { bib: string }): number => Number(bib);
