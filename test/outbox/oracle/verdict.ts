import type { Passing } from '../../../src/index.js';
import type { OutboxStats, ParkedPassing } from '../../../src/outbox/types.js';
import type { Arrival } from './hostile-front.js';
import { idOf, isHuge, isPoison, passingOf } from './passings.js';

/** All that was said, done and found in one race. */
export interface Evidence {
  /** Lists, as they were about to be appended. */
  readonly intents: readonly (readonly number[])[];
  /** Passings whose append resolved, and the number they were given. */
  readonly acked: ReadonlyMap<number, string>;
  readonly collisions: readonly unknown[];
  readonly corrupt: readonly unknown[];
  /** Sessions whose passings may have been given other numbers in another. */
  readonly closed: ReadonlySet<string>;
  readonly arrivals: readonly Arrival[];
  readonly parked: readonly ParkedPassing[];
  readonly stats: OutboxStats;
  readonly server: ReadonlyMap<string, readonly Passing[]>;
}

/** What does not hold. */
export function faults(evidence: Evidence): string[] {
  const wrong: string[] = [];
  const { intents, acked, arrivals, parked, stats, server, closed } = evidence;
  const stored = new Map<number, string[]>();
  for (const [token, passings] of server) {
    for (const passing of passings) {
      const id = idOf(passing);
      stored.set(id, [...(stored.get(id) ?? []), `${token}/${passing.num_passing}`]);
    }
  }
  const aside = new Map(parked.map((each) => [idOf(each.passing), each]));
  const places = (id: number): string[] => [...(stored.get(id) ?? []), ...(aside.has(id) ? ['parked'] : [])];

  for (const [id, address] of acked) {
    const where = places(id);
    if (where.length !== 1) wrong.push(`acked ${id} is in ${where.length} places: ${where}`);
    const [token = ''] = address.split('/');
    const moved = closed.has(token);
    if (where[0] !== 'parked' && !moved && where[0] !== address)
      wrong.push(`acked ${id} as ${address}, stored as ${where[0]}`);
  }

  const asked = new Set(intents.flat());
  for (const passings of server.values()) {
    for (const { num_passing: _, deviceid: __, token_session: ___, ...passing } of passings) {
      const id = idOf(passing);
      if (!asked.has(id)) wrong.push(`stored ${id} was never appended`);
      else if (!isSame(passing, passingOf(id))) wrong.push(`stored ${id} is not as it was appended`);
      if (isPoison(id)) wrong.push(`poison ${id} was stored`);
    }
  }
  for (const { passing, reason } of parked) {
    const id = idOf(passing);
    const due = isHuge(id) ? 'too-large' : isPoison(id) ? 'rejected' : undefined;
    if (reason !== due) wrong.push(`${id} is parked as ${reason}, expected ${due}`);
    if (!asked.has(id) || !isSame(passing, passingOf(id))) wrong.push(`parked ${id} is not as it was appended`);
  }
  for (const list of intents) {
    const there = list.filter((id) => places(id).length > 0).length;
    if (there !== 0 && there !== list.length)
      wrong.push(`of the list from ${list[0]} only ${there} of ${list.length} are there`);
  }

  for (const [token, passings] of server) {
    const taken = parked.filter((each) => each.token_session === token).map((each) => each.num_passing);
    const numbers = [...passings.map((passing) => passing.num_passing), ...taken].sort((a, b) => a - b);
    const hole = numbers.findIndex((number, index) => number !== index + 1);
    if (hole !== -1) wrong.push(`session ${token.slice(0, 4)}: ${numbers[hole]} where ${hole + 1} was expected`);
  }
  const latest = new Map<string, number>();
  for (const { token_session, num_passing } of arrivals) {
    const before = latest.get(token_session) ?? 0;
    if (num_passing < before)
      wrong.push(`session ${token_session.slice(0, 4)}: ${num_passing} arrived after ${before}`);
    latest.set(token_session, num_passing);
  }

  if (evidence.collisions.length > 0) wrong.push(`collisions: ${JSON.stringify(evidence.collisions)}`);
  if (evidence.corrupt.length > 0) wrong.push(`corrupt records: ${evidence.corrupt}`);
  const total = [...server.values()].reduce((sum, passings) => sum + passings.length, 0);
  if (stats.pending !== 0) wrong.push(`${stats.pending} are still pending`);
  if (stats.delivered !== total) wrong.push(`${stats.delivered} delivered, but ${total} stored`);
  if (stats.parked !== parked.length) wrong.push(`${stats.parked} parked, but ${parked.length} shown`);
  if (stats.appended !== stats.delivered + stats.parked) wrong.push(`${stats.appended} appended`);
  return wrong;
}

/** The server gives coordinates as text, and null for what was not sent. */
function isSame(one: object, other: object): boolean {
  const plain = (passing: object): string =>
    JSON.stringify(
      Object.entries(passing)
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([field, value]) => [field, field === 'latitude' || field === 'longitude' ? Number(value) : value])
        .sort(),
    );
  return plain(one) === plain(other);
}
