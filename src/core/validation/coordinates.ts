const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const CAPITAL_E = 69;
const SMALL_E = 101;

/** Decimal notation only: Number() alone would also take `0x10`, `Infinity` and a blank. */
function isDecimal(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const allowed =
      (code >= ZERO && code <= NINE) ||
      code === POINT ||
      code === MINUS ||
      code === PLUS ||
      code === CAPITAL_E ||
      code === SMALL_E;
    if (!allowed) return false;
  }
  return true;
}

/** A coordinate that came as text: its number, null where it is empty, undefined where it is no finite number. */
export function readCoordinate(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (!isDecimal(trimmed)) return undefined;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : undefined;
}

/** Makes the row's coordinates numbers, in place. What is still text afterwards is no number. */
export function normalizeCoordinates(row: Record<string, unknown>): void {
  const { latitude, longitude } = row;
  if (typeof latitude === 'string') row.latitude = normalized(latitude);
  if (typeof longitude === 'string') row.longitude = normalized(longitude);
}

function normalized(text: string): number | string | null {
  const number = readCoordinate(text);
  return number === undefined ? text : number;
}
