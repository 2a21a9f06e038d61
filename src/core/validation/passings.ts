import type { PassingInput as WirePassing } from '../../generated/types.gen.js';
import { PassingInput } from '../../generated/zod.gen.js';
import type { Issue } from '../../types.js';
import { isRecord } from '../envelope.js';
import { timestampExpectation, wireTimestamp } from '../timestamp.js';
import { type Checked, checked } from './checked.js';
import { issuesOf, MAX_ISSUES } from './issues.js';
import { isWirePassing } from './passing-row.js';

export type { WirePassing };

const OPTIONAL = ['participant_id', 'chip', 'latitude', 'longitude', 'status', 'timezone', 'gender'] as const;
const KNOWN: ReadonlySet<string> = new Set(['timestamp', 'num_passing', 'bib', ...OPTIONAL]);

/**
 * The passings as they are sent: new objects, timestamps in the wire's form, undefined fields left out, null kept.
 *
 * @param first Index of the first one in what the caller handed over, where these are a batch of it.
 */
export function wirePassings(passings: unknown, first = 0): Checked<WirePassing[]> {
  if (!Array.isArray(passings)) return { ok: false, issues: [{ path: ['passings'], message: 'expected a list' }] };
  if (passings.length === 0) {
    return { ok: false, issues: [{ path: ['passings'], message: 'expected at least one item' }] };
  }
  const wire: WirePassing[] = [];
  const issues: Issue[] = [];
  for (let index = 0; index < passings.length && issues.length < MAX_ISSUES; index++) {
    const passing: unknown = passings[index];
    if (!isRecord(passing)) {
      issues.push({ path: ['passings', first + index], message: 'expected an object' });
      continue;
    }
    const row = readPassing(passing);
    const faults = isWirePassing(row) && !hasUnknownField(passing) ? [] : faultsOf(passing, row, first + index);
    // Whatever the hurried check missed, a passing without a fault goes out.
    if (faults.length === 0) wire.push(row as Record<string, unknown> & WirePassing);
    else issues.push(...faults);
  }
  return checked(wire, issues.slice(0, MAX_ISSUES));
}

/** Reads each field once: it may be a getter. */
function readPassing(passing: Record<string, unknown>): Record<string, unknown> {
  const row: Record<string, unknown> = {
    timestamp: wireTimestamp(passing.timestamp),
    num_passing: passing.num_passing,
    bib: passing.bib,
  };
  for (const field of OPTIONAL) {
    const value = passing[field];
    if (value !== undefined) row[field] = value;
  }
  return row;
}

function hasUnknownField(passing: Record<string, unknown>): boolean {
  for (const field in passing) if (!KNOWN.has(field)) return true;
  return false;
}

/** What the schema has against it. `{...passing}` is there for its unknown fields. */
function faultsOf(passing: Record<string, unknown>, row: Record<string, unknown>, index: number): Issue[] {
  const at = ['passings', index];
  const faults: Issue[] = [];
  if (row.timestamp === undefined) {
    faults.push({ path: [...at, 'timestamp'], message: timestampExpectation(passing.timestamp) });
  }
  const parsed = PassingInput.safeParse({ ...passing, ...row, timestamp: row.timestamp ?? '2000-01-01T00:00:00.000Z' });
  if (!parsed.success) faults.push(...issuesOf(parsed.error, at));
  return faults;
}
