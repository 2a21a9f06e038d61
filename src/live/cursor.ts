import { RufusConfigError } from '../core/errors.js';
import { type Known, refuseUnknown } from '../core/known.js';
import { isRecord } from '../core/payload.js';
import { idFault } from '../core/validation/parameters.js';
import type { FollowCursor } from '../types.js';

const FIELDS: Known<FollowCursor> = { token_session: true, last: true, holes: true };

/**
 * The cursor that the caller has stored, checked; undefined where there is none.
 *
 * @throws {RufusConfigError} for a damaged one: following from the beginning instead would deliver everything twice.
 */
export function checkedCursor(value: unknown): FollowCursor | undefined {
  if (value === undefined || value === null) return undefined;
  const fault = faultOf(value);
  if (fault === undefined) {
    // A misspelled `holes` would lose late passings.
    refuseUnknown('cursor', value, FIELDS);
    return value as FollowCursor;
  }
  throw new RufusConfigError(
    `passings.follow: the cursor is damaged: ${fault}. Pass one exactly as a batch carried it, or none to begin with the newest session.`,
    { operation: 'passings.follow' },
  );
}

/** Where the cursor is wrong and what was expected there. Never its content, which may be a token. */
function faultOf(cursor: unknown): string | undefined {
  if (typeof cursor === 'string') return 'expected an object, got text (parse the JSON first)';
  if (!isRecord(cursor)) return 'expected an object';
  const { token_session, last, holes } = cursor;
  const idProblem = idFault(token_session);
  if (idProblem !== undefined) return `token_session: ${idProblem}`;
  if (!isNumber(last)) return 'last: expected an integer of at least 0';
  if (holes === undefined) return undefined;
  if (!Array.isArray(holes)) return 'holes: expected a list';
  let end = 0;
  for (const [index, hole] of holes.entries()) {
    const at = `holes[${index}]`;
    if (!Array.isArray(hole) || hole.length !== 2 || !hole.every(isNumber)) return `${at}: expected two integers`;
    const [first, until] = hole as [number, number];
    if (first > until) return `${at}: expected its first number not to exceed its last`;
    if (first <= end) return `${at}: expected to lie above ${index === 0 ? '0' : 'the hole before it'}`;
    if (until >= last) return `${at}: expected to lie below last`;
    end = until;
  }
  return undefined;
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
