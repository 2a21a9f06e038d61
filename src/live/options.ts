import { RufusConfigError } from '../core/errors.js';
import { type Known, refuseUnknown } from '../core/option-names.js';
import { asInteger, checkedOptions } from '../core/options.js';
import { isRecord } from '../core/payload.js';
import { idFault } from '../core/validation/parameters.js';
import type { FollowAllCursor, FollowAllOptions, FollowCursor, FollowOptions } from '../types.js';

const OPTIONS: Known<FollowOptions> = { cursor: true, signal: true, pollMs: true, holeTimeoutMs: true, onState: true };
const ALL_OPTIONS: Known<FollowAllOptions> = { ...OPTIONS, onEnd: true };
const CURSOR: Known<FollowCursor> = { token_session: true, last: true, holes: true };

const DEFAULT_POLL: PollMs = { min: 500, max: 5_000 };
const DEFAULT_HOLE_TIMEOUT_MS = 120_000;

export interface PollMs {
  readonly min: number;
  readonly max: number;
}

export interface FollowSettings {
  readonly cursor: FollowCursor | undefined;
  readonly pollMs: PollMs;
  readonly holeTimeoutMs: number;
  readonly onState: FollowOptions['onState'];
}

/** The options as they were given; only their names are checked, the values by {@link followSettings}. */
export const knownOptions = (options: FollowOptions): FollowOptions => checkedOptions('options', options, OPTIONS);

export function followSettings(options: FollowOptions): FollowSettings {
  const { cursor, pollMs = {}, holeTimeoutMs = DEFAULT_HOLE_TIMEOUT_MS, onState } = options;
  checkListeners({ onState });
  return {
    onState,
    cursor: checkedCursor(cursor),
    pollMs: resolvePollMs(pollMs),
    holeTimeoutMs:
      holeTimeoutMs === Number.POSITIVE_INFINITY ? holeTimeoutMs : asInteger('holeTimeoutMs', holeTimeoutMs, 0),
  };
}

/** What concerns all devices is checked; the rest by each of them. */
export function followAllSettings(options: FollowAllOptions): FollowAllOptions & { cursor: FollowAllCursor } {
  const { onState, onEnd } = checkedOptions('options', options, ALL_OPTIONS);
  const cursor = checkedCursors(options.cursor);
  checkListeners({ onEnd, onState });
  return { ...options, cursor };
}

/** Where only one end is given, the default of the other is adapted to it. */
export function resolvePollMs(pollMs: NonNullable<FollowOptions['pollMs']>): PollMs {
  const { min, max } = checkedOptions('pollMs', pollMs, { min: true, max: true });
  if (min !== undefined) asInteger('pollMs.min', min, 0);
  if (max !== undefined) asInteger('pollMs.max', max, 0);
  const resolved = {
    min: min ?? Math.min(DEFAULT_POLL.min, max ?? DEFAULT_POLL.min),
    max: max ?? Math.max(DEFAULT_POLL.max, min ?? DEFAULT_POLL.max),
  };
  if (resolved.min <= resolved.max) return resolved;
  throw new RufusConfigError('`pollMs.min` must not exceed `pollMs.max`.');
}

function checkListeners(listeners: Readonly<Record<string, unknown>>): void {
  for (const [name, listener] of Object.entries(listeners)) {
    if (listener === undefined || typeof listener === 'function') continue;
    throw new RufusConfigError(`\`${name}\` must be a function.`);
  }
}

function checkedCursors(cursor: unknown): FollowAllCursor {
  if (cursor === undefined || cursor === null) return {};
  if (isRecord(cursor)) return cursor as FollowAllCursor;
  throw new RufusConfigError(
    'passings.followAll: the cursor is damaged: expected an object with a cursor for each deviceid. Pass one exactly as a batch carried it.',
    { operation: 'passings.followAll' },
  );
}

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
    refuseUnknown('cursor', value, CURSOR);
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
