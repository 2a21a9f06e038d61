import type { Clock } from '../../../src/outbox/clock.js';
import type { Disk } from '../../../src/outbox/disk/disk.js';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import type { Damage, Entry, Journal, JournalOptions, StoredPassing } from '../../../src/outbox/journal.js';
import type { Receipt } from '../../../src/outbox/types.js';
import type { FaultDisk } from './fault-disk.js';

// The oracle. It notes what was asked for and what was promised, plays the server, and says at the end what does not fit.

export const FOLDER = '/outbox';

/** Time passes by being looked at. */
export function handClock(): Clock & { pass(ms: number): void } {
  let now = 1_750_000_000_000;
  let mono = 1_000;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    wall: () => now,
    mono: () => mono,
    after(ms, run) {
      const timer = { at: mono + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass(ms) {
      now += ms;
      mono += ms;
      for (const timer of [...timers]) {
        if (timer.at > mono) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

export const passingOf = (id: number): StoredPassing => ({
  timestamp: new Date(1_750_000_000_000 + id * 37).toISOString(),
  bib: String(id),
  chip: `E280${String(id * 7919).padStart(12, '0')}`,
  ...(id % 3 === 0 ? { latitude: 41.38 + id / 1e6, longitude: 2.17 } : {}),
  ...(id % 5 === 0 ? { status: `Zieleinlauf "süd"\n${'x'.repeat(id % 50)}` } : {}),
});
/** The one session that does not begin at 1. */
export const S2_BEGINS = 5;

const idOf = (passing: StoredPassing): number => Number(passing.bib);
const key = ({ token_session, num_passing }: Receipt): string => `${token_session}/${num_passing}`;

export class Race<Ground extends { disk(): Disk } = FaultDisk> {
  /** What does not fit. */
  readonly wrong: string[] = [];
  /** Found damaged or cut, over all openings. */
  readonly damage = { tornBytes: 0, corruptRecords: 0 };
  /** Lists as they were asked for, whatever came of them. */
  readonly asked: number[][] = [];
  /** Passings whose append resolved. */
  readonly promised = new Map<number, Receipt>();
  /** What the server holds: the address, and which passing it is. */
  readonly stored = new Map<string, number>();
  /** Passings parked and not requeued, as far as was promised. */
  readonly parked = new Set<number>();
  /** Numbers of passings that were parked at some time. */
  readonly aside = new Set<string>();
  journal!: Journal;
  nextId = 1;
  private readonly latest = new Map<string, number>();
  readonly clock = handClock();

  constructor(
    public disk: Ground,
    private readonly options: Partial<JournalOptions> = {},
    private readonly segmentBytes = 4_000,
  ) {}

  async open(): Promise<void> {
    const note = ({ tornBytes, corruptRecords }: Damage): void => {
      this.damage.tornBytes += tornBytes;
      this.damage.corruptRecords += corruptRecords;
    };
    const { events, ...options } = this.options;
    this.journal = await openJournal(
      { directory: FOLDER, minFreeBytes: 0, clock: this.clock, ...options, events: { ...events, damaged: note } },
      {
        disk: this.disk.disk(),
        lock: async () => ({ release: async () => undefined }),
        segmentBytes: this.segmentBytes,
      },
    );
    note(this.journal.found);
    if (this.journal.session === null) await this.journal.startSession('S1');
  }

  async append(count: number, source?: { name: string; position: number }): Promise<void> {
    const ids = Array.from({ length: count }, () => this.nextId++);
    this.asked.push(ids);
    this.clock.pass(1);
    const receipts = await this.journal.append(ids.map(passingOf), source);
    for (const [index, id] of ids.entries()) this.promised.set(id, receipts[index]!);
    if (source !== undefined && this.journal.position(source.name) !== source.position)
      this.wrong.push('position not kept');
  }

  /** Reads a batch, has the server store it, and acknowledges; returns how many. */
  async deliver(max = 7): Promise<number> {
    const batch = await this.journal.read({ max, maxBytes: 1e6 });
    this.store(batch);
    if (batch.length > 0) await this.journal.acknowledge(batch.at(-1)!, { inserted: batch.length, requests: 1 });
    return batch.length;
  }

  /** The server's part, which is done whether or not the sender lives to hear of it. */
  store(batch: readonly Entry[]): void {
    for (const entry of batch) {
      const id = idOf(entry.passing);
      const known = this.stored.get(key(entry));
      if (JSON.stringify(entry.passing) !== JSON.stringify(passingOf(id))) this.wrong.push(`passing ${id} was altered`);
      if (known !== undefined && known !== id) this.wrong.push(`${key(entry)} given to ${known} and to ${id}`);
      if (known !== undefined) continue;
      const before = this.latest.get(entry.token_session) ?? 0;
      if (entry.num_passing <= before) this.wrong.push(`${key(entry)} arrived after ${before}`);
      this.latest.set(entry.token_session, entry.num_passing);
      this.stored.set(key(entry), id);
    }
  }

  async park(count: number): Promise<void> {
    const batch = await this.journal.read({ max: count, maxBytes: 1e6 });
    if (batch.length === 0) return;
    await this.journal.park(batch, { reason: 'rejected', status: 400, response: 'no' });
    for (const entry of batch) {
      this.parked.add(idOf(entry.passing));
      this.aside.add(key(entry));
    }
  }

  /** The server has closed `from`: what is left goes to `to`. */
  async replace(from: string, to: string): Promise<void> {
    const [first] = await this.journal.read({ max: 1, maxBytes: 1e6 });
    if (first?.token_session !== from) throw new Error(`the next passing is not of ${from}`);
    await this.journal.replaceSession({ from, to, first });
    if (this.journal.session !== to) this.wrong.push('session not replaced');
  }

  /** The server has closed the session of the next ones, while another is current already. */
  async move(count: number): Promise<void> {
    const batch = await this.journal.read({ max: count, maxBytes: 1e6 });
    for (const entry of batch) this.aside.add(key(entry));
    await this.journal.move(batch);
  }

  async requeue(filter: (id: number) => boolean = () => true): Promise<void> {
    await this.journal.requeue((entry) => {
      this.aside.add(key(entry));
      if (!filter(idOf(entry.passing))) return false;
      this.parked.delete(idOf(entry.passing));
      return true;
    });
  }

  /** Delivers all there is, and compares. */
  async settle(): Promise<void> {
    while ((await this.deliver(50)) > 0);
    const { journal, wrong } = this;
    const parked = new Map<number, Receipt>();
    for await (const entries of journal.parked()) {
      for (const entry of entries) {
        const id = idOf(entry.passing);
        if (parked.has(id)) wrong.push(`passing ${id} is parked twice`);
        if (JSON.stringify(entry.passing) !== JSON.stringify(passingOf(id))) wrong.push(`parked ${id} was altered`);
        parked.set(id, entry);
        this.aside.add(key(entry));
      }
    }
    const onServer = new Map<number, number>();
    for (const id of this.stored.values()) onServer.set(id, (onServer.get(id) ?? 0) + 1);
    for (const [id, times] of onServer) {
      if (times > 1) wrong.push(`passing ${id} stored ${times} times`);
      if (parked.has(id)) wrong.push(`passing ${id} stored and parked`);
    }
    for (const id of this.promised.keys()) {
      if (!onServer.has(id) && !parked.has(id)) wrong.push(`promised passing ${id} is lost`);
    }
    for (const ids of this.asked) {
      const there = ids.filter((id) => onServer.has(id) || parked.has(id)).length;
      if (there !== 0 && there !== ids.length) wrong.push(`${there} of a list of ${ids.length} survived`);
    }
    for (const id of this.parked) if (!parked.has(id)) wrong.push(`parked passing ${id} is not parked`);
    const { appended, delivered, parked: count, pending } = journal.stats();
    if (pending !== 0) wrong.push(`${pending} still pending`);
    if (delivered !== this.stored.size) wrong.push(`${delivered} delivered by the count, ${this.stored.size} stored`);
    if (count !== parked.size) wrong.push(`${count} parked by the count, ${parked.size} found`);
    if (appended !== onServer.size + parked.size) wrong.push(`${appended} appended by the count`);
  }

  /** Numbers given to nobody, after `settle`. There may be some where corrupt records were reported. */
  holes(): string[] {
    const taken = new Set([...this.stored.keys(), ...this.aside]);
    const holes: string[] = [];
    for (const [session, latest] of this.latest) {
      const next = this.journal.replacedBy(session) === undefined ? (this.journal.nextNumber(session) ?? 1) : latest;
      for (let num = session === 'S2' ? S2_BEGINS : 1; num < next; num++)
        if (!taken.has(`${session}/${num}`)) holes.push(`${session}/${num}`);
    }
    return holes;
  }
}
