import type { Session } from '../types.js';

/**
 * The sessions of a device between the current one and a later one, oldest first; undefined where the later one is in fact
 * older. One that is not in the list yet is the newest.
 *
 * Sorted by date: the order of the list counts only for sessions without a date.
 */
export function sessionsBetween(
  sessions: readonly Session[],
  current: string,
  later: string,
): readonly Session[] | undefined {
  const indexOf = (list: readonly Session[], token: string) => list.findIndex((each) => each.token_session === token);
  const laterAt = indexOf(sessions, later);
  const isNewestFirst = laterAt !== -1 && laterAt < indexOf(sessions, current);
  const timeline = byDate(isNewestFirst ? [...sessions].reverse() : sessions);
  const from = indexOf(timeline, current);
  const to = laterAt === -1 ? timeline.length : indexOf(timeline, later);
  return to < from ? undefined : timeline.slice(from + 1, to);
}

function byDate(sessions: readonly Session[]): Session[] {
  let before = Number.NEGATIVE_INFINITY;
  const dated = sessions.map((session) => {
    const date = Date.parse(session.creation_date ?? '');
    if (!Number.isNaN(date)) before = date;
    return { session, date: before };
  });
  // Between two that have no date before them the difference is NaN, which sorts as 0.
  return dated.sort((a, b) => a.date - b.date).map(({ session }) => session);
}
