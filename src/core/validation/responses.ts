import type { Issue, ValidationMode } from '../../types.js';
import type { IdentityKind, ReadContext, Shape } from '../payload.js';
import { isRecord } from '../payload.js';
import { faultsBySchema } from './by-schema.js';
import { normalizeCoordinates } from './coordinates.js';
import { formatPath, MAX_ISSUES, type Path } from './issues.js';

/** Told of what is handed on as it came although the schema says otherwise. `field` is below the item: `bib`. */
export type DriftReport = (field: string, message: string) => void;

const IDENTITY: Readonly<Record<IdentityKind, { usable(value: unknown): boolean; expectation: string }>> = {
  string: { usable: (value) => typeof value === 'string', expectation: 'expected text' },
  integer: { usable: Number.isSafeInteger, expectation: 'expected an integer' },
  'string?': { usable: (value) => value == null || typeof value === 'string', expectation: 'expected text or null' },
  'integer?': {
    usable: (value) => value == null || Number.isSafeInteger(value),
    expectation: 'expected an integer or null',
  },
};

/** How the answer of a call is checked. */
export function readContext(mode: ValidationMode, onDrift: DriftReport): ReadContext {
  return {
    item: (shape, value, at) => checkItem(shape, value, mode, onDrift, at),
    items: (shape, rows, at) => checkItems(shape, rows, mode, onDrift, at),
  };
}

/**
 * Checks the items of an answer, in place: coordinates become numbers, nothing is rebuilt, no item is dropped.
 *
 * `tolerant` refuses only where what identifies an item is unusable, and reports any other mismatch; `strict` refuses
 * each. Unknown fields are welcome in both, and so is null or nothing in an optional field.
 *
 * @param onDrift Told once of each field that drifts.
 * @param at The path of the list, for the issues.
 * @returns Why the whole answer must be refused; empty where it is accepted.
 */
export function checkItems(
  shape: Shape,
  rows: readonly unknown[],
  mode: ValidationMode,
  onDrift: DriftReport,
  at: Path,
): Issue[] {
  const issues: Issue[] = [];
  const reported: Record<string, unknown> = {};
  const report: DriftReport = (field, message) => {
    if (Object.hasOwn(reported, field)) return;
    reported[field] = shape.example?.[field];
    onDrift(field, message);
  };
  for (let index = 0; index < rows.length && issues.length < MAX_ISSUES; index++) {
    const row = rows[index];
    if (isSound(shape, row)) continue;
    if (mode === 'tolerant' && isSoundBut(reported, shape, row)) continue;
    issues.push(...checkItem(shape, row, mode, report, [...at, index]));
  }
  return issues.slice(0, MAX_ISSUES);
}

/** Checks one item, or the body around a shape's `payload`, as {@link checkItems} does. */
export function checkItem(shape: Shape, value: unknown, mode: ValidationMode, onDrift: DriftReport, at: Path): Issue[] {
  if (!isRecord(value)) return [{ path: at, message: `expected an object (${shape.name})` }];
  if (isSound(shape, value)) return [];
  const faults = faultsOf(shape, value);
  const refused = mode === 'strict' ? faults : identityFaults(shape, value);
  if (refused.length === 0) for (const { path, message } of faults) onDrift(formatPath(path), message);
  return refused.map(({ path, message }) => ({ path: [...at, ...path], message }));
}

/** To the caller, ids that are null are absent ones, as the public type says. */
function dropNullIds(row: Record<string, unknown>): void {
  if (row.token_session === null) delete row.token_session;
  if (row.deviceid === null) delete row.deviceid;
}

/** Normalizes coordinates and ids, and says whether the precheck accepts the item: if not, the schema decides. */
function isSound(shape: Shape, value: unknown): boolean {
  if (!isRecord(value)) return false;
  if (shape.coordinates) {
    normalizeCoordinates(value);
    dropNullIds(value);
  }
  return shape.precheck?.(value) ?? false;
}

/**
 * Whether nothing is new about the item: with the fields whose drift is reported already put right, the precheck accepts it.
 * zod takes microseconds to refuse a row, and a field that drifts does so in each row of a page.
 */
function isSoundBut(reported: Record<string, unknown>, shape: Shape, value: unknown): boolean {
  if (!isRecord(value) || identityFaults(shape, value).length > 0) return false;
  return shape.precheck?.({ ...value, ...reported }) ?? false;
}

/** Every mismatch with the schema, apart from the payload's. */
function faultsOf(shape: Shape, value: Record<string, unknown>): Issue[] {
  const faults: Issue[] = [];
  if (shape.coordinates) {
    for (const field of ['latitude', 'longitude']) {
      if (typeof value[field] === 'string') faults.push({ path: [field], message: 'expected a finite number' });
    }
  }
  const { payload } = shape;
  const subject = payload === undefined ? value : { ...value, [payload]: undefined };
  const found = faultsBySchema(shape.schema, subject);
  return [...faults, ...found.filter(({ path }) => path[0] !== payload)];
}

function identityFaults(shape: Shape, value: Record<string, unknown>): Issue[] {
  return Object.entries(shape.identity)
    .filter(([field, kind]) => !IDENTITY[kind].usable(value[field]))
    .map(([field, kind]) => ({ path: [field], message: IDENTITY[kind].expectation }));
}
