/**
 * Whether two parsed JSON values hold the same. With a stack of its own: JSON.parse reads any depth, while a comparison
 * that calls itself ends where the call stack does.
 */
export function isSameJson(one: unknown, other: unknown): boolean {
  const left = [one];
  const right = [other];
  while (left.length > 0) {
    const a = left.pop();
    const b = right.pop();
    if (a === b) continue;
    if (!isContainer(a) || !isContainer(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false;
      left.push(a[key]);
      right.push(b[key]);
    }
  }
  return true;
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
