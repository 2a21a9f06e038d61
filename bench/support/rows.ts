import type { Passing, PassingInput } from '../../src/index.js';

export const TOKEN = 'A1'.repeat(32);
export const DEVICE = 'D1'.repeat(32);
export const KEY = 'ror-0123456789abcdef0123';

const START_MS = Date.UTC(2024, 3, 21, 9, 0, 0);
const CHECKPOINTS = 9;

/** A passing as a timing box sends it. Numbers count from 1. */
export function crossing(num_passing: number): PassingInput {
  const runner = Math.floor(num_passing / CHECKPOINTS);
  return {
    timestamp: new Date(START_MS + num_passing * 37).toISOString(),
    num_passing,
    bib: String(runner + 1),
    chip: `E2801190200${(num_passing * 7919).toString(16).toUpperCase().padStart(13, '0')}`,
    gender: runner % 2 === 0 ? 'F' : 'M',
  };
}

/** The same as the API gives it back. */
export function storedRow(
  num_passing: number,
  coordinates: 'string' | 'number',
): Passing | (Omit<Passing, 'latitude' | 'longitude'> & { latitude: string; longitude: string }) {
  const latitude = 41 + (num_passing % 1000) / 1e5;
  const longitude = 2 + (num_passing % 777) / 1e5;
  const where =
    coordinates === 'number'
      ? { latitude, longitude }
      : { latitude: latitude.toFixed(5), longitude: longitude.toFixed(5) };
  const { timestamp, bib, chip = null, gender = null } = crossing(num_passing);
  const row = { timestamp: String(timestamp), num_passing, bib, participant_id: `P${bib}`, chip, status: null };
  return { ...row, timezone: 'Europe/Madrid', gender, ...where, token_session: TOKEN, deviceid: DEVICE } as Passing;
}
