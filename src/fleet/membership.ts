import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { QueuedIterator } from '@nats-io/transport-node';
import { pause } from '../core/abort.js';
import type { Member } from './assignment.js';

/** What a worker says of itself, several times a lease. */
export interface Beat {
  readonly role: 'follow' | 'serve';
  readonly devices: number;
  readonly max: number;
  /** Names the list of devices that it follows: workers of one list share it out. */
  readonly roster: string;
  /** Devices that it cannot follow now, and why. */
  readonly errors: Readonly<Record<string, string>>;
}

interface Other {
  beat: Beat | undefined;
  /** Of its newest beat: one that is read a second time is no sign of life. */
  revision: number;
  holds: ReadonlySet<string>;
  /** When its newest beat came, by our own monotonic clock. */
  heardAt: number;
}

export const BEAT = 'beat.';
export const HOLDS = 'holds.';
/** What is not written anew is forgotten by the bucket after an hour. */
const HOLDS_REFRESH_MS = 600_000;

/**
 * The lease bucket as one worker sees it. Nobody's wall clock is believed, and no silence by itself: another is dead when a beat
 * of our own, sent a lease after the last one heard of it, has made its way through the bucket and back. A view that is blind,
 * or a worker that slept, declares nobody dead.
 */
export class Membership {
  readonly #bucket: KV;
  readonly #worker: string;
  readonly #leaseMs: number;
  readonly #say: () => Beat;
  readonly #changed: () => void;
  readonly #others = new Map<string, Other>();
  readonly #stop = new AbortController();
  /** What the bucket says that we follow; undefined where that is not known. */
  #held: ReadonlySet<string> | undefined = new Set();
  #heldWrittenAt = 0;
  #beats = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** When the newest beat was sent that the bucket took. */
  #storedAt = Number.NEGATIVE_INFINITY;
  /** When the newest beat that came back was sent. */
  #echoedAt = Number.NEGATIVE_INFINITY;
  /** When the first one was sent of those that did not come back yet. */
  #unseenSince: number | undefined;
  #watch: QueuedIterator<KvWatchEntry> | undefined;
  #loops: Promise<unknown> = Promise.resolve();

  /** `changed` is told when others came, went or moved. */
  constructor(
    bucket: KV,
    worker: string,
    { leaseMs, say, changed }: { leaseMs: number; say: () => Beat; changed: () => void },
  ) {
    this.#bucket = bucket;
    this.#worker = worker;
    this.#leaseMs = leaseMs;
    this.#say = say;
    this.#changed = changed;
  }

  start(): void {
    this.#loops = Promise.all([this.#watchOn(), this.#beatOn()]);
  }

  /** A beat of our own has come back: what there is to be seen has been seen. */
  get sees(): boolean {
    return this.#echoedAt > Number.NEGATIVE_INFINITY;
  }

  /** Other live workers that share out the same list. */
  peers(roster: string): Member[] {
    return [...this.#others].flatMap(([worker, { beat, holds, heardAt }]) =>
      beat?.role === 'follow' && beat.roster === roster && this.#lives(heardAt)
        ? [{ worker, max: beat.max, holds }]
        : [],
    );
  }

  /** The other live worker that follows it; of several, the one that keeps it. */
  holderOf(deviceid: string): string | undefined {
    let keeper: string | undefined;
    for (const [worker, { holds, heardAt }] of this.#others) {
      if (!holds.has(deviceid) || !this.#lives(heardAt)) continue;
      if (keeper === undefined || worker < keeper) keeper = worker;
    }
    return keeper;
  }

  get held(): ReadonlySet<string> | undefined {
    return this.#held;
  }

  /** Says what we follow. */
  async hold(deviceids: Iterable<string>): Promise<void> {
    const held = new Set(deviceids);
    this.#held = undefined;
    await this.#bucket.put(HOLDS + this.#worker, JSON.stringify([...held]));
    this.#held = held;
    this.#heldWrittenAt = performance.now();
  }

  /** Nobody has to wait for the lease to run out. */
  async leave(): Promise<void> {
    this.#stop.abort();
    this.#watch?.stop();
    await this.#loops;
    await Promise.allSettled([this.#bucket.delete(BEAT + this.#worker), this.#bucket.delete(HOLDS + this.#worker)]);
  }

  #lives(heardAt: number): boolean {
    return this.#echoedAt - heardAt < this.#leaseMs;
  }

  async #beatOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#beat().catch(() => {
        // Without NATS nobody can take over either.
      });
      await pause(this.#untilNextBeat(), signal);
      const unseenMs = performance.now() - (this.#unseenSince ?? Number.POSITIVE_INFINITY);
      // The watch has gone blind without knowing it: its server is gone, or the bucket went back.
      if (unseenMs > Math.max(1_000, this.#leaseMs / 2)) {
        this.#unseenSince = undefined;
        this.#watch?.stop();
      }
    }
  }

  async #beat(): Promise<void> {
    const now = performance.now();
    // Silent for longer than a lease, it has lost its devices: what others took meanwhile is theirs, before they hear of us again.
    if (this.#beats > 0 && now - this.#storedAt > this.#leaseMs) {
      await this.hold([]);
      this.#changed();
    }
    const n = ++this.#beats;
    this.#sentAt = now;
    this.#unseenSince ??= now;
    await this.#bucket.put(BEAT + this.#worker, JSON.stringify({ n, ...this.#say() }));
    this.#storedAt = now;
    if (this.#held !== undefined && now - this.#heldWrittenAt > HOLDS_REFRESH_MS) await this.hold(this.#held);
  }

  /** Earlier than usual where somebody's lease may have run out: it takes a beat of ours to say so. */
  #untilNextBeat(): number {
    const now = performance.now();
    const due = [...this.#others.values()]
      .filter(({ beat, heardAt }) => beat !== undefined && this.#lives(heardAt))
      .map(({ heardAt }) => heardAt + this.#leaseMs + 1 - now);
    return Math.max(20, Math.min(this.#leaseMs / 4, ...due));
  }

  async #watchOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const watch = await this.#bucket.watch();
        this.#watch = watch;
        if (signal.aborted) watch.stop();
        for await (const entry of watch) this.#see(entry);
      } catch {
        // Watched anew below.
      }
      await pause(100, signal);
    }
  }

  #see(entry: KvWatchEntry): void {
    const kind = entry.key.startsWith(BEAT) ? BEAT : HOLDS;
    const worker = entry.key.slice(kind.length);
    const isGone = entry.operation !== 'PUT';
    if (worker === this.#worker) {
      if (kind === BEAT && !isGone) this.#echo(entry.json<{ n: number }>().n);
      return;
    }
    if (isGone) {
      if (this.#others.delete(worker)) this.#changed();
      return;
    }
    const other = this.#others.get(worker) ?? { beat: undefined, revision: 0, holds: new Set(), heardAt: 0 };
    this.#others.set(worker, other);
    const before = other.beat;
    const wasAlive = this.#lives(other.heardAt);
    if (kind === HOLDS) other.holds = new Set(entry.json<string[]>());
    else if (entry.revision !== other.revision) {
      other.beat = entry.json<Beat>();
      other.revision = entry.revision;
      other.heardAt = performance.now();
    }
    const { beat } = other;
    const isNews = kind === HOLDS || !wasAlive || before?.roster !== beat?.roster || before?.max !== beat?.max;
    if (isNews) this.#changed();
  }

  #echo(n: number): void {
    if (n !== this.#beats) return;
    const lived = [...this.#others.values()].filter(({ beat, heardAt }) => beat !== undefined && this.#lives(heardAt));
    const isFirst = !this.sees;
    this.#echoedAt = this.#sentAt;
    this.#unseenSince = undefined;
    if (isFirst || lived.some(({ heardAt }) => !this.#lives(heardAt))) this.#changed();
  }
}
