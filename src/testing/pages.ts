import type { ApiRequest } from './exchange.js';
import type { StoredPassing } from './passing-list.js';
import { queryDateTime, queryInteger, Refusal } from './requests.js';
import type { Settings } from './settings.js';
import type { StoredSession } from './world.js';

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

export interface Window {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export const windowOf = ({ query }: ApiRequest): Window => ({
  from: queryDateTime(query, 'from'),
  to: queryDateTime(query, 'to'),
});

/** The rows from index `start` up to `end` that lie in the window, as far as they fall into the cut, which moves on. */
export function take(
  { passings }: StoredSession,
  start: number,
  end: number,
  window: Window,
  cut: Cut,
): StoredPassing[] {
  const { from, to } = window;
  if (from === undefined && to === undefined) {
    const begin = start + Math.min(cut.skip, Math.max(0, end - start));
    const rows = passings.slice(begin, Math.min(end, begin + cut.room));
    cut.skip -= begin - start;
    cut.room -= rows.length;
    return rows;
  }
  const rows: StoredPassing[] = [];
  for (let index = start; index < end && cut.room > 0; index += 1) {
    const row = passings.at(index)!;
    if ((from !== undefined && row.timestamp < from) || (to !== undefined && row.timestamp > to)) continue;
    if (cut.skip > 0) {
      cut.skip -= 1;
    } else {
      rows.push(row);
      cut.room -= 1;
    }
  }
  return rows;
}
