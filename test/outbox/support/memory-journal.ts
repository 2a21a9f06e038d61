import type { Clock } from '../../../src/outbox/clock.js';
import { systemClock } from '../../../src/outbox/clock.js';
import type {
  Damage,
  Entry,
  Journal,
  JournalOptions,
  JournalStats,
  Leaving,
  ParkedEntry,
  ParkReason,
  Replacement,
  StoredPassing,
  Tallies,
} from '../../../src/outbox/journal.js';
import type { Receipt } from '../../../src/outbox/types.js';

type Step = 'leave' | 'acknowledge' | 'append' | 'park' | 'move' | 'replace' | 'read';

/** What survives: the durable half without a disk. Opening it again is a restart; all of it is durable at once. */
export class MemoryFolder {
  log: Entry[] = [];
  /** Of the last passing that is delivered or parked. */
  ack = 0;
  delivered = 0;
  parked: ParkedEntry[] = [];
  elsewhere = new Set<number>();
  next = new Map<string, number>();
  positions = new Map<string, string | number>();
  successors = new Map<string, string>();
  unconfirmed = new Map<string, number>();
  session: string | null = null;
  deviceid: string | null = null;
  leaving: Leaving | null = null;
  suspect = false;
  tallies: Tallies = { inserted: 0, duplicates: 0, requests: 0, retries: 0 };
  lastCommit: Journal['lastCommit'] = null;
  lastDeliveredAt: number | null = null;
  found: Damage = { records: 0, tornBytes: 0, corruptRecords: 0 };
  /** Throws where a step is to fail; a step whose promise stays open is one that the process did not live to see. */
  fault: (step: Step) => void | Promise<void> = () => {};

  /** An acknowledgement is not durable before the function that this returns is called. */
  holdAcknowledgements(): () => void {
    let written = () => {};
    this.fault = (step) => (step === 'acknowledge' ? new Promise((resolve) => (written = () => resolve())) : undefined);
    return () => written();
  }
  /** What `close` was called on. */
  closed = 0;

  open = async (options: Pick<JournalOptions, 'clock' | 'events'> = {}): Promise<Journal> =>
    new MemoryJournal(this, options.clock ?? systemClock, options.events ?? {});
}

class MemoryJournal implements Journal {
  readonly found: Damage;
  readonly lastCommit: Journal['lastCommit'];
  /** Of the last passing that was read. */
  #read: number;

  constructor(
    readonly folder: MemoryFolder,
    readonly clock: Clock,
    readonly events: NonNullable<JournalOptions['events']>,
  ) {
    this.found = folder.found;
    this.lastCommit = folder.lastCommit;
    this.#read = folder.ack;
  }

  get session() {
    return this.folder.session;
  }
  get deviceid() {
    return this.folder.deviceid;
  }
  get leaving() {
    return this.folder.leaving;
  }
  get suspect() {
    return this.folder.suspect;
  }
  get pending() {
    return this.folder.log.length - this.folder.ack;
  }

  get newest() {
    return this.folder.log.length;
  }

  pendingUpTo(seq: number) {
    return Math.max(0, seq - this.folder.ack);
  }

  get parkedCount() {
    return this.folder.parked.length;
  }

  async clearSuspect() {
    this.folder.suspect = false;
  }
  nextNumber(token: string) {
    return this.folder.next.get(token);
  }
  replacedBy(token: string) {
    return this.folder.successors.get(token);
  }

  async startSession(token: string, atLeast = 1, deviceid?: string) {
    await null;
    this.folder.session = token;
    this.folder.deviceid = deviceid ?? null;
    this.folder.next.set(token, Math.max(this.folder.next.get(token) ?? 0, atLeast));
  }

  unconfirmedFrom(token: string) {
    return this.folder.unconfirmed.get(token);
  }
  async setUnconfirmed(token: string, from: number | null) {
    if (from === null) this.folder.unconfirmed.delete(token);
    else this.folder.unconfirmed.set(token, from);
  }
  async renumber({ seq, token_session, num_passing }: Entry, atLeast: number) {
    const next = this.folder.next.get(token_session)!;
    const to = Math.max(atLeast, next);
    this.folder.log = this.folder.log.map((entry) =>
      entry.seq >= seq && entry.token_session === token_session
        ? { ...entry, num_passing: entry.num_passing - num_passing + to }
        : entry,
    );
    this.folder.next.set(token_session, to + next - num_passing);
    this.folder.unconfirmed.delete(token_session);
    this.#read = this.folder.ack;
    return to;
  }

  async leave(leaving: Leaving | null) {
    await this.folder.fault('leave');
    this.folder.leaving = leaving;
  }

  async replaceSession({ from, to, base, deviceid, ...replacement }: Replacement) {
    const { log, next } = this.folder;
    const first = replacement.first ?? { seq: log.length + 1, num_passing: next.get(from)! };
    await this.folder.fault('replace');
    const shift = (base ?? next.get(to) ?? 1) - first.num_passing;
    this.folder.log = log.map((entry) =>
      entry.seq >= first.seq && entry.token_session === from
        ? { ...entry, token_session: to, num_passing: entry.num_passing + shift }
        : entry,
    );
    next.set(to, Math.max(next.get(to) ?? 1, next.get(from)! + shift));
    this.folder.session = to;
    this.folder.deviceid = deviceid ?? this.folder.deviceid;
    if (this.folder.leaving?.session === from) this.folder.leaving = null;
    this.folder.successors.set(from, to);
    this.#read = this.folder.ack;
  }

  async append(passings: readonly StoredPassing[], source?: { name: string; position: string | number }) {
    await this.folder.fault('append');
    if (source) this.folder.positions.set(source.name, source.position);
    return this.#put(passings);
  }
  position(source: string) {
    return this.folder.positions.get(source);
  }

  async read({ max, maxBytes }: { max: number; maxBytes: number }) {
    await this.folder.fault('read');
    const batch: Entry[] = [];
    let bytes = 0;
    for (const entry of this.folder.log.slice(this.#read)) {
      bytes += entry.bytes;
      const fits = batch.length < max && bytes <= maxBytes && entry.token_session === batch[0]?.token_session;
      if (batch.length > 0 && !fits) break;
      batch.push(entry);
    }
    this.#read += batch.length;
    return batch;
  }

  async acknowledge(upTo: Entry, tallies: Partial<Tallies> = {}) {
    this.folder.delivered += upTo.seq - this.folder.ack;
    this.folder.ack = upTo.seq;
    this.folder.lastDeliveredAt = this.clock.wall();
    this.tally(tallies);
    await this.folder.fault('acknowledge');
  }
  tally(add: Partial<Tallies>) {
    const { tallies } = this.folder;
    const sum = (name: keyof Tallies) => tallies[name] + (add[name] ?? 0);
    this.folder.tallies = {
      inserted: sum('inserted'),
      duplicates: sum('duplicates'),
      requests: sum('requests'),
      retries: sum('retries'),
    };
  }

  async park(entries: readonly Entry[], why: ParkReason) {
    await this.folder.fault('park');
    this.#leave(entries);
    this.folder.parked.push(...entries.map((entry) => ({ ...entry, ...why })));
  }
  async move(entries: readonly Entry[]) {
    await this.folder.fault('move');
    this.#leave(entries);
    return this.#put(entries.map(({ passing }) => passing));
  }

  async *parked() {
    if (this.folder.parked.length > 0) yield [...this.folder.parked];
  }
  async requeue(filter: (parked: ParkedEntry) => boolean) {
    await this.folder.fault('append');
    const chosen = this.folder.parked.filter(filter);
    this.folder.parked = this.folder.parked.filter((parked) => !chosen.includes(parked));
    return this.#put(chosen.map(({ passing }) => passing));
  }

  async *history() {
    const { log, ack, elsewhere } = this.folder;
    yield log
      .filter(({ seq }) => !elsewhere.has(seq))
      .map((entry) => ({ ...entry, state: entry.seq <= ack ? ('delivered' as const) : ('pending' as const) }));
  }

  stats(): JournalStats {
    const { log, ack, delivered, parked, tallies, lastDeliveredAt } = this.folder;
    const { pending } = this;
    return {
      appended: delivered + parked.length + pending,
      delivered,
      parked: parked.length,
      pending,
      tallies,
      storage: 'ok',
      diskBytes: log.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestPendingAt: log[ack]?.at ?? null,
      lastDeliveredAt,
    };
  }

  async close() {
    this.folder.closed++;
  }

  #put(passings: readonly StoredPassing[]): Receipt[] {
    const { session, log, next } = this.folder;
    if (session === null) throw new Error('no session');
    const receipts = passings.map((passing) => {
      const num_passing = next.get(session)!;
      next.set(session, num_passing + 1);
      const bytes = JSON.stringify(passing).length + 100;
      log.push({ seq: log.length + 1, token_session: session, num_passing, passing, at: this.clock.wall(), bytes });
      return { token_session: session, num_passing };
    });
    if (receipts.length > 0) this.events.committed?.(receipts.length);
    return receipts;
  }

  #leave(entries: readonly Entry[]) {
    if (entries[0]?.seq !== this.folder.ack + 1) throw new Error('not the first pending ones');
    this.folder.ack += entries.length;
    for (const { seq } of entries) this.folder.elsewhere.add(seq);
  }
}
