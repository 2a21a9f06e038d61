import type { Issue } from '../../types.js';
import { isRecord } from '../envelope.js';
import { timestampExpectation, wireTimestamp } from '../timestamp.js';
import { type Checked, checked } from './checked.js';
import { idFault } from './ids.js';
import { unknownField } from './issues.js';

export type QueryParams = Readonly<Record<string, string | number>>;

/** What a list asks for: parameters that stay the same from page to page, and how to walk the pages. */
export interface ListQuery {
  readonly page: number;
  readonly prefetch: number;
  readonly params: QueryParams;
}

/** How a field of a query is read: to what the wire takes, or to what was expected instead. */
type Rule = (value: unknown) => { readonly wire: string | number } | { readonly expected: string };
type Rules = Readonly<Record<string, Rule>>;

function integer(least: number, most = Number.MAX_SAFE_INTEGER): Rule {
  const expected =
    most === Number.MAX_SAFE_INTEGER
      ? `expected an integer, at least ${least}`
      : `expected an integer from ${least} to ${most}`;
  return (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
      ? { wire: value }
      : { expected };
}

const instant: Rule = (value) => {
  const wire = wireTimestamp(value);
  return wire === undefined ? { expected: timestampExpectation(value) } : { wire };
};

const id: Rule = (value) => {
  const expected = idFault(value);
  return expected === undefined ? { wire: value as string } : { expected };
};

/** The most pages fetched ahead: each is held in memory until it is asked for. */
const MAX_PREFETCH = 64;

const LIST: Rules = { page: integer(1), prefetch: integer(0, MAX_PREFETCH) };

/** The fields of each list's query. */
export const listQueries = {
  devices: { ...LIST, limit: integer(1, 5000) },
  events: { ...LIST, limit: integer(1, 1000) },
  passingsBySession: { ...LIST, first: integer(0), last: integer(0) },
  passingsByDevice: { ...LIST, from: instant, to: instant },
} as const satisfies Record<string, Rules>;

const POLL: Rules = { token_session: id, last: integer(0), from: instant, to: instant, page: integer(0) };

/** Reads the query by its rules; fields that are undefined are left out, unknown ones are faults. */
function readQuery(rules: Rules, query: unknown): Checked<Record<string, string | number>> {
  if (query === undefined) return { ok: true, value: {} };
  if (!isRecord(query)) return { ok: false, issues: [{ path: ['query'], message: 'expected an object' }] };
  const issues: Issue[] = [];
  const wire: Record<string, string | number> = {};
  for (const [field, rule] of Object.entries(rules)) {
    const value = query[field];
    if (value === undefined) continue;
    const read = rule(value);
    if ('wire' in read) wire[field] = read.wire;
    else issues.push({ path: [field], message: read.expected });
  }
  for (const field of Object.keys(query)) {
    if (!Object.hasOwn(rules, field)) issues.push({ path: [field], message: unknownField(field, Object.keys(rules)) });
  }
  return checked(wire, issues);
}

/** The query of a list, by its name in {@link listQueries}. Nothing has a default on the wire but the page, which is 1. */
export function checkListQuery(list: keyof typeof listQueries, query: unknown): Checked<ListQuery> {
  const read = readQuery(listQueries[list], query);
  if (!read.ok) return read;
  const { page = 1, prefetch = 1, ...params } = read.value;
  return { ok: true, value: { page: Number(page), prefetch: Number(prefetch), params } };
}

/** The query of the continuous query. */
export function checkPollQuery(query: unknown): Checked<QueryParams> {
  return readQuery(POLL, query);
}
