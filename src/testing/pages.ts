import type { StoredPassing } from './passing-list.js';
import { type ApiRequest, queryDateTime, queryInteger, Refusal } from './requests.js';
import type { Settings } from './settings.js';

/** Which of the matching rows to give: `room` of them, after the first `skip`. */
export interface Cut {
  readonly page: number;
  skip: number;
  room: number;
}

/** Page 0, as well as none, turns paging off. */
export function cutOf({ query, settings }: ApiRequest): Cut {
  const page = queryInteger(query, 'page', 0) ?? 0;
  if (page === 0) return { page, skip: 0, room: Infinity };
  return { page, skip: (page - 1) * settings.pageSize, room: settings.pageSize };
}

/** Pages by number and limit, with a `pagination` object. */
export function numberedPage({ query, settings }: ApiRequest, total: number, maxLimit: number) {
  const page = queryInteger(query, 'page', 1) ?? 1;
  const limit = queryInteger(query, 'limit', 1, maxLimit) ?? Math.min(settings.pageSize, maxLimit);
  const start = (page - 1) * limit;
  return { start, end: start + limit, pagination: { page, limit, total, has_more: start + limit < total } };
}

/** An empty list as this sandbox shows it: itself, undefined for no list at all, or 404 for a page past the end. */
export function listed<T>(rows: T[], page: number, notFound: string, { endOfPages }: Settings): T[] | undefined {
  if (rows.length > 0 || endOfPages === 'empty') return rows;
  if (endOfPages === 'absent') return undefined;
  if (page > 1) throw new Refusal(404, { description: notFound });
  return rows;
}

/** Of the rows, those in the cut, which moves on. */
export function take(rows: readonly StoredPassing[], cut: Cut): StoredPassing[] {
  const taken = rows.slice(cut.skip, cut.skip + cut.room);
  cut.skip = Math.max(0, cut.skip - rows.length);
  cut.room -= taken.length;
  return taken;
}

/** A filter for what lies between the query's `from` and `to`, both included. */
export function windowOf({ query }: ApiRequest): (rows: StoredPassing[]) => StoredPassing[] {
  const from = queryDateTime(query, 'from');
  const to = queryDateTime(query, 'to');
  if (from === undefined && to === undefined) return (rows) => rows;
  return (rows) =>
    rows.filter(({ timestamp }) => (from === undefined || timestamp >= from) && (to === undefined || timestamp <= to));
}
