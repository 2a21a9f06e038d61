import { type FollowCursor, passingTime } from 'rufus-client';
import { type BatchRecord, type Row, shortToken } from './record.js';
import { Runners } from './runners.js';
import { Tally } from './tally.js';
import type { Counts, Crossing } from './wire.js';

const MOST_RECENT = 50;

/** What has changed since somebody last asked. */
export interface RaceChanges {
  readonly devices: readonly Counts[];
  readonly recent: readonly Crossing[];
}

/** Everything that the board counts: what the records add up to, whoever brings them. */
export class Race {
  readonly #devices = new Map<string, { alias: string | null; readonly tally: Tally }>();
  /** Of devices that the state file knows and nobody has asked for, too. */
  readonly #tallies = new Map<string, Tally>();
  readonly #runners = new Runners();
  /** Newest first. */
  #recent: readonly Crossing[] = [];
  #news = 0;
  readonly #changed = new Set<string>();

  get deviceids(): readonly string[] {
    return [...this.#devices.keys()];
  }

  /** Shows it, after those that are shown already; without an alias under the one it has. `false` where that is nothing new. */
  show(deviceid: string, alias?: string | null): boolean {
    const known = this.#devices.get(deviceid);
    if (known !== undefined && (alias === undefined || alias === known.alias)) return false;
    if (known === undefined) this.#devices.set(deviceid, { alias: alias ?? null, tally: this.#tallyOf(deviceid) });
    else known.alias = alias ?? null;
    this.#changed.add(deviceid);
    return true;
  }

  cursorOf(deviceid: string): FollowCursor | undefined {
    return this.#tallies.get(deviceid)?.cursor;
  }

  take(record: BatchRecord): void {
    const { deviceid, cursor, from, at } = record;
    const tally = this.#tallyOf(deviceid);
    const session = shortToken(cursor.token_session);
    const fresh: Crossing[] = [];
    for (const row of tally.advance(record)) {
      const [num_passing, timestamp, bib, chip] = row;
      const timeMs = timeOf(row);
      const delayMs = timeMs >= from ? at - timeMs : null;
      const crossing = { deviceid, session, num_passing, timestamp, bib, chip, delayMs };
      tally.count({ bib, timestamp, num_passing }, timeMs, this.#runners.add(crossing), record);
      fresh.push(crossing);
    }
    if (fresh.length === 0) return;
    this.#changed.add(deviceid);
    this.#recent = [...fresh.slice(-MOST_RECENT).reverse(), ...this.#recent].slice(0, MOST_RECENT);
    this.#news = Math.min(MOST_RECENT, this.#news + fresh.length);
  }

  /** Everything, in the order in which the devices were shown. */
  state(): RaceChanges {
    const devices = this.deviceids.map((deviceid) => this.#counts(deviceid, (tally) => tally.minutes.all()));
    return { devices, recent: this.#recent };
  }

  changes(): RaceChanges {
    const changed = this.deviceids.filter((deviceid) => this.#changed.has(deviceid));
    const devices = changed.map((deviceid) => this.#counts(deviceid, (tally) => tally.minutes.changes()));
    const recent = this.#recent.slice(0, this.#news);
    this.#changed.clear();
    this.#news = 0;
    return { devices, recent };
  }

  crossingsOf(bib: string): ReturnType<Runners['crossingsOf']> {
    return this.#runners.crossingsOf(bib);
  }

  #tallyOf(deviceid: string): Tally {
    let tally = this.#tallies.get(deviceid);
    if (tally === undefined) {
      tally = new Tally();
      this.#tallies.set(deviceid, tally);
    }
    return tally;
  }

  #counts(deviceid: string, minutes: (tally: Tally) => Counts['perMinute']): Counts {
    const { alias, tally } = this.#devices.get(deviceid)!;
    const { reads, runners, last } = tally;
    return { deviceid, alias, reads, runners, last, perMinute: minutes(tally) };
  }
}

function timeOf([, timestamp]: Row): number {
  try {
    return passingTime({ timestamp }).getTime();
  } catch {
    return Number.NaN;
  }
}
