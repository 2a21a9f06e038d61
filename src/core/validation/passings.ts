import type { PassingInput as WirePassing } from '../../generated/types.gen.js';
import type { Issue } from '../../types.js';
import { isRecord } from '../payload.js';
import { timestampExpectation, wireTimestamp } from '../timestamp.js';
import type { SchemaName } from './by-schema.js';
import { type Checked, checked, type DeferredCheck, MAX_ISSUES } from './issues.js';
import { checkId } from './parameters.js';
import { copyOptionalFields, isUnnumberedPassing, isWirePassing, UNNUMBERED_FIELDS } from './passing-row.js';
import { schemas } from './schemas.js';

export type { WirePassing };
export type UnnumberedPassing = Omit<WirePassing, 'num_passing'>;

/** What a passing must look like. */
interface Form {
  readonly numbered: boolean;
  readonly known: ReadonlySet<string>;
  readonly precheck: (row: Record<string, unknown>) => boolean;
  readonly schema: SchemaName;
}

const NUMBERED: Form = {
  numbered: true,
  known: new Set(['num_passing', ...UNNUMBERED_FIELDS]),
  precheck: isWirePassing,
  schema: 'PassingInput',
};
const UNNUMBERED: Form = {
  numbered: false,
  known: new Set(UNNUMBERED_FIELDS),
  precheck: isUnnumberedPassing,
  schema: 'UnnumberedPassing',
};

/**
 * The passings as they are sent: new objects, timestamps in the wire's form, undefined fields left out, null kept. The schemas have
 * to be loaded.
 *
 * @param first Index of the first one in what the caller handed over, where these are a batch of it.
 */
export function wirePassings(passings: unknown, first = 0): Checked<WirePassing[]> {
  return deferWire(passings, first)();
}

function deferWire(passings: unknown, first: number): DeferredCheck<WirePassing[]> {
  return isValidated(passings) ? () => ({ ok: true, value: passings }) : defer(NUMBERED, passings, first);
}

/** The passings to insert into a session, as they are sent. */
export function checkInsertion({
  token_session,
  passings,
}: {
  token_session: unknown;
  passings: unknown;
}): DeferredCheck<{ token_session: string; passings_list: WirePassing[] }> {
  const issues = checkId('token_session', token_session);
  if (issues.length > 0) return () => ({ ok: false, issues });
  const check = deferWire(passings, 0);
  return () => {
    const list = check();
    return list.ok ? { ok: true, value: { token_session: token_session as string, passings_list: list.value } } : list;
  };
}

const validated = new WeakSet<object>();

/**
 * Declares that these were validated before, so that a list of them is not validated again: what was accepted and stored under
 * an older version must reach the server, whatever this version would say to it. For internal use: the list is sent as it is.
 */
export function asValidated<T extends object>(passings: T[]): T[] {
  validated.add(passings);
  return passings;
}

const isValidated = (passings: unknown): passings is WirePassing[] =>
  typeof passings === 'object' && passings !== null && validated.has(passings);

/** The same for passings that are to get their numbers later. */
export function wireUnnumbered(passings: unknown): Checked<UnnumberedPassing[]> {
  return defer<UnnumberedPassing>(UNNUMBERED, passings, 0)();
}

function defer<P extends UnnumberedPassing>(as: Form, passings: unknown, first: number): DeferredCheck<P[]> {
  if (!Array.isArray(passings) || passings.length === 0) {
    const message = Array.isArray(passings) ? 'expected at least one item' : 'expected a list';
    return () => ({ ok: false, issues: [{ path: ['passings'], message }] });
  }
  const wire: P[] = [];
  const issues: Issue[] = [];
  const rowChecks: RowCheck[] = [];
  for (let index = 0; index < passings.length && issues.length < MAX_ISSUES; index++) {
    const passing: unknown = passings[index];
    let check: RowCheck;
    if (isRecord(passing)) {
      const row = readPassing(as, passing);
      wire.push(row as Record<string, unknown> & P);
      if (as.precheck(row) && !hasUnknownField(as, passing)) continue;
      check = rowCheck(as, passing, row, first + index);
    } else check = () => [{ path: ['passings', first + index], message: 'expected an object' }];
    // At once where that is possible: so many faulty rows need not be copied.
    if (schemas.loaded === undefined) rowChecks.push(check);
    else issues.push(...check());
  }
  return () => {
    for (const check of rowChecks) if (issues.length < MAX_ISSUES) issues.push(...check());
    if (as.numbered && issues.length === 0) issues.push(...repeated(wire as unknown as WirePassing[], first));
    return checked(wire, issues.slice(0, MAX_ISSUES));
  };
}

/** Numbers that come twice: the server would count the second as a duplicate and drop it. */
function repeated(passings: readonly WirePassing[], first: number): Issue[] {
  // In ascending order, as almost all are, none comes twice.
  if (passings.every(({ num_passing }, index) => index === 0 || num_passing > passings[index - 1]!.num_passing))
    return [];
  const seen = new Map<number, number>();
  return passings.flatMap(({ num_passing }, index) => {
    const before = seen.get(num_passing);
    if (before === undefined) seen.set(num_passing, index);
    return before === undefined
      ? []
      : [{ path: ['passings', first + index, 'num_passing'], message: `is that of passings[${first + before}], too` }];
  });
}

/** As it is sent. Reads each field once: it may be a getter. */
function readPassing(as: Form, passing: Record<string, unknown>): Record<string, unknown> {
  const { bib } = passing;
  const timestamp = wireTimestamp(passing.timestamp);
  const row: Record<string, unknown> = as.numbered
    ? { timestamp, num_passing: passing.num_passing, bib }
    : { timestamp, bib };
  copyOptionalFields(passing, row);
  return row;
}

function hasUnknownField(as: Form, passing: Record<string, unknown>): boolean {
  for (const field in passing) if (!as.known.has(field)) return true;
  return false;
}

/** Finds what the schema has against a row that the precheck has rejected: nothing, perhaps. */
type RowCheck = () => Issue[];

/** `{...passing}` is there for its unknown fields. */
function rowCheck(as: Form, passing: Record<string, unknown>, row: Record<string, unknown>, index: number): RowCheck {
  const at = ['passings', index];
  const faults: Issue[] = [];
  if (row.timestamp === undefined) {
    faults.push({ path: [...at, 'timestamp'], message: timestampExpectation(passing.timestamp) });
  }
  const subject = { ...passing, ...row, timestamp: row.timestamp ?? '2000-01-01T00:00:00.000Z' };
  return () => [...faults, ...schemas.loaded!.faultsBySchema(as.schema, subject, at, [...as.known])];
}
