import type { Issue, PageQuery } from '../../types.js';
import { isRecord } from '../payload.js';
import { timestampExpectation, wireTimestamp } from '../timestamp.js';
import { type Checked, checked, unknownField } from './issues.js';

/** It holds a lone half of a surrogate pair, which no URL can carry. */
export function isBroken(text: string): boolean {
  return /\p{Cs}/u.test(text);
}

/** What is wrong with a `deviceid` or `token_session`, undefined where nothing is. Such an id becomes a part of a path. */
export function idFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'expected text';
  if (value === '') return 'expected text that is not empty';
  if (value === '.' || value === '..') return 'expected an id, not a step in a path';
  return isBroken(value) ? 'expected well-formed Unicode text' : undefined;
}

/** The same as issues, under the name that the caller knows. */
export function checkId(field: string, value: unknown): Issue[] {
  const message = idFault(value);
  return message === undefined ? [] : [{ path: [field], message }];
}

export type QueryParams = Readonly<Record<string, string | number>>;

/** How a field of a query is read: to what the wire takes, or to what was expected instead. */
type Rule = (value: unknown) => { readonly wire: string | number } | { readonly expected: string };
/** A rule for each field of a query: complete by type, and in the order in which they are sent. */
export type Rules<Query> = { readonly [Field in keyof Query]-?: Rule };

export function integer(least: number, most = Number.MAX_SAFE_INTEGER): Rule {
  const expected =
    most === Number.MAX_SAFE_INTEGER
      ? `expected an integer, at least ${least}`
      : `expected an integer from ${least} to ${most}`;
  return (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
      ? { wire: value }
      : { expected };
}

export const instant: Rule = (value) => {
  const wire = wireTimestamp(value);
  return wire === undefined ? { expected: timestampExpectation(value) } : { wire };
};

export const id: Rule = (value) => {
  const expected = idFault(value);
  return expected === undefined ? { wire: value as string } : { expected };
};

/** The most pages fetched ahead: each is held in memory until it is asked for. */
const MAX_PREFETCH = 64;

/** What every list takes beside its own fields. */
export const PAGING: Rules<PageQuery> = { page: integer(1), prefetch: integer(0, MAX_PREFETCH) };

/** Reads the query by its rules; fields that are undefined are left out, unknown ones are faults. */
export function readQuery(rules: Readonly<Record<string, Rule>>, query: unknown): Checked<QueryParams> {
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

/** Encoded, with its question mark; empty where there is nothing to ask for. */
export function queryString(params: QueryParams): string {
  const pairs = Object.entries(params).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
