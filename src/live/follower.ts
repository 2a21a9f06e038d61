import { NotFoundError, RufusConfigError } from '../core/errors.js';
import type { Transport } from '../core/transport.js';
import type { FollowBatch, Session } from '../types.js';
import { HoleSearch } from './hole-search.js';
import type { FollowSettings } from './options.js';
import { deliver, Position } from './position.js';
import { FollowerRequests, type PollResult } from './requests.js';
import { CATCHING_UP, Schedule } from './schedule.js';

/** While a device has no session, each poll gets the same 404. One in so many is examined. */
const LOOK_INTO_404 = 10;

/** Polls a device without end, and turns the answers into batches with each passing once. */
export class Follower {
  readonly #requests: FollowerRequests;
  readonly #settings: FollowSettings;
  readonly #schedule: Schedule;
  readonly #search: HoleSearch;
  #position: Position | undefined;
  #polledAt = 0;
  /** The API, not only the cursor, has named the session as one of this device. */
  #isConfirmed = false;
  /** Sessions that were read to their end: never returned to, whatever the server answers. */
  readonly #readToEnd = new Set<string>();
  #notFound: { readonly description: string | undefined; times: number } | undefined;

  constructor(transport: Transport, deviceid: string, settings: FollowSettings, signal: AbortSignal) {
    const { cursor, holeTimeoutMs } = settings;
    this.#settings = settings;
    this.#requests = new FollowerRequests(transport, deviceid, signal);
    this.#schedule = new Schedule(settings, transport.log, signal);
    this.#search = new HoleSearch(this.#requests, this.#schedule, holeTimeoutMs);
    if (cursor !== undefined) this.#position = Position.at(cursor, performance.now());
  }

  async *batches(): AsyncGenerator<FollowBatch, never, void> {
    for (;;) {
      const polled = await this.#schedule.untilAnswered(() => this.#poll());
      const answeredAt = performance.now();
      // Counted from the request, so that the round trip is not added; but after a slow answer at least half the pause.
      const after = (ms: number): number => Math.max(this.#polledAt + ms, answeredAt + ms / 2);
      let brought = polled === undefined ? 0 : yield* this.#take(polled);
      if (this.#position?.holes.isEmpty === false) {
        // Holes are searched until the next poll is due: passings in order do not wait for them.
        const spareMs = brought < CATCHING_UP ? this.#settings.pollMs.min : 0;
        brought += yield* this.#search.pass(this.#position, after(spareMs));
      }
      await this.#schedule.sleepUntil(this.#wakeAt(after(this.#schedule.afterPoll(brought))));
    }
  }

  /** When the next poll is due, or earlier if a hole is to be searched for the last time. */
  #wakeAt(pollAt: number): number {
    const { holeTimeoutMs } = this.#settings;
    const since = this.#position?.holes.oldestAfter(performance.now() - holeTimeoutMs);
    return since === undefined ? pollAt : Math.min(pollAt, since + holeTimeoutMs);
  }

  async *#take({ token_session, alias, passings, isForeign }: PollResult): AsyncGenerator<FollowBatch, number, void> {
    const position = this.#position;
    if (position !== undefined && position.token_session !== token_session) {
      if (!(yield* this.#leaveFor(token_session, position))) return 0;
      this.#position = undefined;
    } else if (position !== undefined && isForeign && !this.#isConfirmed) {
      await this.#assertOwn(position.token_session, await this.#listSessions());
    }
    this.#isConfirmed = true;
    this.#position ??= new Position(token_session);
    this.#position.alias = alias ?? this.#position.alias;
    return yield* deliver(this.#position, passings);
  }

  /** Reads the current session to its end, and every session between it and the newer one. `false` if that one is not newer. */
  async *#leaveFor(newer: string, position: Position): AsyncGenerator<FollowBatch, boolean, void> {
    const listed = await this.#listSessions();
    const current = await this.#assertOwn(position.token_session, listed);
    const sessions = listed.includes(current) ? listed : [current, ...listed];
    const between = sessionsBetween(sessions, current.token_session, newer);
    if (between === undefined || this.#readToEnd.has(newer)) return false;
    position.alias ??= current.alias ?? null;
    yield* this.#readOut(position);
    for (const { token_session, alias = null } of between) {
      if (this.#readToEnd.has(token_session)) continue;
      this.#position = new Position(token_session, alias);
      yield* this.#readOut(this.#position);
    }
    return true;
  }

  /** Reads a session until an answer brings nothing new: a short page is not the end. Then its holes once more. */
  async *#readOut(position: Position): AsyncGenerator<FollowBatch, void, void> {
    const { token_session } = position;
    for (let before: number | undefined = Number.NaN; before !== position.last; ) {
      before = position.last;
      const first = before === undefined ? undefined : before + 1;
      yield* deliver(position, await this.#schedule.untilAnswered(() => this.#requests.range(token_session, first)));
    }
    yield* this.#search.lastPass(position);
    this.#readToEnd.add(token_session);
  }

  #listSessions(): Promise<Session[]> {
    return this.#schedule.untilAnswered(() => this.#requests.sessions());
  }

  /** @throws {NotFoundError} where the session is gone, {@link RufusConfigError} where it is another device's. */
  async #assertOwn(token_session: string, listed: readonly Session[]): Promise<Session> {
    const known = listed.find((session) => session.token_session === token_session);
    if (known !== undefined) return known;
    const session = await this.#schedule.untilAnswered(() => this.#requests.session(token_session));
    // The list may lag behind. But for a session that only the cursor has named, it is the only evidence.
    if (this.#isConfirmed) return session;
    throw new RufusConfigError(
      'passings.follow: the session of the cursor is not one of this device. Keep a cursor for each device.',
      { operation: 'passings.follow' },
    );
  }

  async #poll(): Promise<PollResult | undefined> {
    this.#polledAt = performance.now();
    try {
      const polled = await this.#requests.poll(this.#position?.token_session, this.#position?.last);
      this.#notFound = undefined;
      return polled;
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      await this.#lookInto(error);
      return undefined;
    }
  }

  /** A 404 of the continuous query may only mean that there is no session yet. Throws if the device or the session is gone. */
  async #lookInto({ description }: NotFoundError): Promise<void> {
    const known = this.#notFound;
    if (known !== undefined && known.description === description && known.times++ % LOOK_INTO_404 !== 0) return;
    await this.#requests.device();
    const position = this.#position;
    if (position !== undefined) await this.#assertOwn(position.token_session, await this.#listSessions());
    this.#notFound = known?.description === description ? known : { description, times: 1 };
  }
}

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
