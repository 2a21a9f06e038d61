import { type LogFields, logOf } from '../core/log.js';
import { redact, shorten } from '../core/redact.js';
import type { Clock } from './clock.js';
import type { OutboxContext } from './context.js';
import { OutboxFullError, StorageError } from './errors.js';
import type { Entry, StorageState } from './journal.js';
import type { OutboxEvents } from './types.js';

/** A failing card damages one segment after the other: further damage is summed up, and logged together. */
const DAMAGE_EVERY_MS = 60_000;
/** Room for a shorter time is not logged: a short list may fit where the next long one does not. */
const ROOM_LASTS_MS = 2_000;

/**
 * Logs, through the client's logger, what an operator must know: one `warn` when something is wrong, one `info` when it is over.
 * It listens to the events where they carry all it needs; the rest is reported to it by method calls.
 */
export class OutboxLogger {
  /** The message of the last failure of this process. Success does not clear it. */
  lastError: string | null = null;
  readonly #context: OutboxContext;
  readonly #delivery: Trouble;
  readonly #switching: Trouble;
  readonly #collided = new Set<string>();
  #storage: StorageState = 'ok';
  #cancelRoom: (() => void) | undefined;
  #damaged = 0;
  #cancelDamage: (() => void) | undefined;

  constructor(context: OutboxContext) {
    this.#context = context;
    this.#delivery = new Trouble(context.clock);
    this.#switching = new Trouble(context.clock);
    const { emitter } = context;
    emitter.failed = (error) => this.noteError(error);
    emitter.on('storage', ({ storage, cause }) => this.#stored(storage, cause));
    emitter.on('recovered', ({ corruptRecords }) => this.#damage(corruptRecords));
    emitter.on('collision', (info) => this.#collision(info));
    emitter.on('numbersSkipped', (info) => this.#skipped(info));
  }

  noteError(error: unknown): void {
    this.lastError = messageOf(error);
  }

  /** Delivery failed: an outage passes by itself, a block needs an operator. */
  failed(kind: 'outage' | 'block', cause: unknown): void {
    this.noteError(cause);
    // Logged as the state of the storage.
    if (cause instanceof OutboxFullError || cause instanceof StorageError) return;
    const { probeMs } = this.#context.settings;
    const probes = probeMs === Number.POSITIVE_INFINITY ? '' : ` every ${span(probeMs)}, and at once`;
    const then =
      kind === 'block'
        ? `Somebody has to mend that; tried again${probes} on resume()`
        : 'Tried again for as long as it takes';
    const tell = (): void => {
      const kept = `${counted(this.#context.journal.pending)} pending, kept in the folder`;
      this.#warn(`nothing can be delivered to ${this.#current}: ${why(cause)}. ${then}. ${kept}`, { cause });
    };
    this.#delivery.failed(kind, tell);
  }

  /** The API has answered. */
  answered(): void {
    const ms = this.#delivery.over();
    const { pending } = this.#context.journal;
    if (ms !== undefined) {
      this.#info(`the API answers for ${this.#current} again, after ${span(ms)}; ${counted(pending)} had piled up`);
    }
  }

  /** The server rejected these passings themselves. */
  parked(chunk: readonly Entry[], cause: unknown): void {
    // Only the first parked passing is logged, until none is parked.
    if (this.#context.journal.parkedCount > chunk.length) return;
    const [{ token_session, num_passing }] = chunk as [Entry];
    this.#warn(
      `passing ${num_passing} of ${session(token_session)} is set aside: ${why(cause)}. Look at it with parked(); requeue() sends it again`,
      { cause, token_session },
    );
  }

  /** Parked passings were requeued. */
  requeued(count: number): void {
    if (count > 0 && this.#context.journal.parkedCount === 0) this.#info('nothing is parked any more');
  }

  /** The session is closed, though not by a request of ours. */
  closed(token_session: string, replacedBy: string | null): void {
    const then =
      replacedBy === null
        ? 'what is not delivered, and what is appended to it, is parked. Go on with switchSession(), then requeue()'
        : `what is not delivered goes to ${session(replacedBy)}, with new numbers. Does another process open sessions for this device?`;
    this.#warn(`${session(token_session)} was closed by somebody else, or does not exist: ${then}`, { token_session });
  }

  /** The switch failed; delivery itself works. */
  switchFailed(kind: 'outage' | 'block', cause: unknown): void {
    const tell = (): void =>
      this.#warn(`${this.#current} cannot be left: ${why(cause)}. Tried again for as long as it takes`, { cause });
    this.#switching.failed(kind, tell);
  }

  /** The switch was made, or given up. */
  switchEnded(): void {
    this.#switching.over();
  }

  switched(from: string, to: string): void {
    if (from !== to) this.#info(`${session(from)} was left for ${session(to)}, as asked`);
  }

  close(): void {
    this.#delivery.over();
    this.#switching.over();
    this.#cancelRoom?.();
    this.#cancelDamage?.();
    this.#tellDamage();
    this.#cancelDamage?.();
  }

  #stored(storage: StorageState, cause: unknown): void {
    this.#cancelRoom?.();
    const { directory } = this.#context.settings.journal;
    if (storage === 'ok') {
      this.#cancelRoom = this.#context.clock.after(ROOM_LASTS_MS, () => {
        this.#storage = 'ok';
        this.#info(`${directory} takes appends again`);
      });
    } else if (storage !== this.#storage) {
      this.#storage = storage;
      const then =
        storage === 'full'
          ? 'is full: appends are refused until there is room, delivery goes on. Make some, or raise `maxDiskBytes`'
          : 'can no longer be written: appends are refused. Open the outbox again, or on another disk';
      this.#warn(`${directory} ${then}. The reason: ${why(cause)}`, { cause });
    }
  }

  #damage(count: number): void {
    this.#damaged += count;
    if (this.#cancelDamage === undefined) this.#tellDamage();
  }

  #tellDamage(): void {
    this.#cancelDamage = undefined;
    if (this.#damaged === 0) return;
    const { clock, settings } = this.#context;
    this.#warn(
      `${counted(this.#damaged)} in ${settings.journal.directory} can no longer be read and are not sent: the disk has damaged what was written. Take them from the reader's own memory, and replace the disk`,
    );
    this.#damaged = 0;
    this.#cancelDamage = clock.after(DAMAGE_EVERY_MS, () => this.#tellDamage());
  }

  #collision({ token_session, firstNum, lastNum, duplicates }: OutboxEvents['collision'][0]): void {
    if (this.#collided.has(token_session)) return;
    this.#collided.add(token_session);
    this.#warn(
      `${session(token_session)} had ${duplicates} of the numbers ${firstNum} to ${lastNum} already: somebody else writes to it, and what they sent counts. Find the other writer, and compare with exportTo()`,
      { token_session },
    );
  }

  #skipped({ token_session, from, to, why: cause }: OutboxEvents['numbersSkipped'][0]): void {
    this.#warn(
      `which numbers of ${session(token_session)} were given is not certain: the next one is ${to}, not ${from}, so that none is given twice. The reason: ${why(cause)}`,
      { cause, token_session },
    );
  }

  get #current(): string {
    return session(this.#context.journal.session ?? '');
  }

  #info(message: string): void {
    this.#write('info', message);
  }

  #warn(message: string, about?: { cause?: unknown; token_session?: string }): void {
    this.#write('warn', message, about);
  }

  #write(
    level: 'warn' | 'info',
    message: string,
    { cause, token_session = this.#context.journal.session ?? '' }: { cause?: unknown; token_session?: string } = {},
  ): void {
    const { code, status } = (cause ?? {}) as { code?: unknown; status?: unknown };
    const fields: LogFields = {
      operation: 'outbox',
      session: shorten(token_session),
      ...(typeof code === 'string' && { code }),
      ...(typeof status === 'number' && { status }),
    };
    logOf(this.#context.client)?.write(level, `outbox: ${message}`, fields);
  }
}

const session = (token: string): string => `session ${shorten(token)}`;

const counted = (count: number): string => `${count} ${count === 1 ? 'passing' : 'passings'}`;

const messageOf = (error: unknown): string => redact(error instanceof Error ? error.message : String(error));

/** For the middle of a sentence. */
const why = (cause: unknown): string => messageOf(cause).replace(/\.$/, '');

function span(ms: number): string {
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 5_400_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/** Failures in a row that make an outage. */
const FAILURES = 3;
/** The same within a minute after the last outage: a flapping link is not logged each time. */
const FLAPPING = 5;
const FLAPPING_MS = 60_000;
/** One failure without a success for so long is an outage, too. */
const LASTS_MS = 5_000;

/**
 * When a failure is logged. An `outage` passes by itself: logged at the third failure in a row, or 5 s after the first if nothing has
 * succeeded since. A `block` needs an operator: logged at once. Each is logged once until it is over; after a block, an outage is not.
 */
class Trouble {
  readonly #clock: Clock;
  #since: number | null = null;
  #failures = 0;
  #told: 'nothing' | 'outage' | 'block' = 'nothing';
  #overAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  failed(kind: 'outage' | 'block', tell: () => void): void {
    const now = this.#clock.mono();
    this.#since ??= now;
    this.#failures++;
    if (this.#told === 'block' || this.#told === kind) return;
    const say = (): void => {
      this.#cancel?.();
      this.#told = kind;
      tell();
    };
    const bearable = now - this.#overAt < FLAPPING_MS ? FLAPPING : FAILURES;
    if (kind === 'block' || this.#failures >= bearable) say();
    else this.#cancel ??= this.#clock.after(LASTS_MS, say);
  }

  /** A success. Returns how long it failed, in milliseconds, if that was logged. */
  over(): number | undefined {
    this.#cancel?.();
    this.#cancel = undefined;
    const now = this.#clock.mono();
    const ms = this.#told === 'nothing' ? undefined : now - this.#since!;
    if (ms !== undefined) this.#overAt = now;
    this.#since = null;
    this.#failures = 0;
    this.#told = 'nothing';
    return ms;
  }
}
