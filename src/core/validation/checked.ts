import type { Issue } from '../../types.js';

/** What a check of the caller's input gives: the input as the wire takes it, or what is wrong with it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export function checked<T>(value: T, issues: readonly Issue[]): Checked<T> {
  return issues.length === 0 ? { ok: true, value } : { ok: false, issues };
}
