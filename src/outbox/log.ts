import type { RufusClient } from '../client.js';
import { type LogFields, logOf } from '../core/log.js';
import { shorten } from '../core/redact.js';
import type { Clock } from './clock.js';
import type { Emitter } from './emitter.js';
import { OutboxFullError, StorageError } from './errors.js';
import type { Entry, Journal, StorageState } from './journal.js';
import { messageOf } from './last-error.js';
import type { OutboxSettings } from './options.js';
import { Trouble } from './trouble.js';
import type { OutboxEvents } from './types.js';

/** A rotten card damages a segment after the other: more of the same is added up, and told together. */
const DAMAGE_EVERY_MS = 60_000;
/** Room that lasts shorter is none: a long list may find none where a short one does. */
const ROOM_LASTS_MS = 2_000;

export interface OutboxLogSetup {
  readonly client: RufusClient;
  readonly journal: Journal;
  readonly settings: Pick<OutboxSettings, 'probeMs' | 'journal'>;
  readonly clock: Clock;
  readonly emitter: Emitter;
}

/**
 * Says through the client's logger what a person must know: one `warn` when something is wrong, one `info` when it is over. What
 * the events tell as it is comes from them; what takes knowledge of before and after is told here by whoever has it.
 */
export class OutboxLog {
  readonly #setup: OutboxLogSetup;
  readonly #delivery: Trouble;
  readonly #switching: Trouble;
  readonly #collided = new Set<string>();
  #storage: StorageState = 'ok';
  #cancelRoom: (() => void) | undefined;
  #damaged = 0;
  #cancelDamage: (() => void) | undefined;

  constructor(setup: OutboxLogSetup) {
    this.#setup = setup;
    this.#delivery = new Trouble(setup.clock);
    this.#switching = new Trouble(setup.clock);
    const { emitter } = setup;
    emitter.on('storage', ({ storage, cause }) => this.#stored(storage, cause));
    emitter.on('recovered', ({ corruptRecords }) => this.#damage(corruptRecords));
    emitter.on('collision', (info) => this.#collision(info));
    emitter.on('numbersSkipped', (info) => this.#skipped(info));
  }

  /** Something stands in the way of delivery. */
  failed(kind: 'outage' | 'block', cause: unknown): void {
    // The disk is told of as such.
    if (cause instanceof OutboxFullError || cause instanceof StorageError) return;
    const { probeMs } = this.#setup.settings;
    const probes = probeMs === Number.POSITIVE_INFINITY ? '' : ` every ${span(probeMs)}, and at once`;
    const then =
      kind === 'block'
        ? `Somebody has to mend that; tried again${probes} on resume()`
        : 'Tried again for as long as it takes';
    const tell = (): void => {
      const kept = `${counted(this.#setup.journal.pending)} pending, kept in the folder`;
      this.#warn(`nothing can be delivered to ${this.#current}: ${why(cause)}. ${then}. ${kept}`, { cause });
    };
    this.#delivery.failed(kind, tell);
  }

  /** The API has answered. */
  answered(): void {
    const ms = this.#delivery.over();
    const { pending } = this.#setup.journal;
    if (ms !== undefined) {
      this.#info(`the API answers for ${this.#current} again, after ${span(ms)}; ${counted(pending)} had piled up`);
    }
  }

  /** By an answer that is about these very passings. */
  parked(chunk: readonly Entry[], cause: unknown): void {
    // The first after none: more of them are no news.
    if (this.#setup.journal.parkedCount > chunk.length) return;
    const [{ token_session, num_passing }] = chunk as [Entry];
    this.#warn(
      `passing ${num_passing} of ${session(token_session)} is set aside: ${why(cause)}. Look at it with parked(); requeue() sends it again`,
      { cause, token_session },
    );
  }

  /** Parked passings went back. */
  requeued(count: number): void {
    if (count > 0 && this.#setup.journal.parkedCount === 0) this.#info('nothing is parked any more');
  }

  /** The session takes no more, by no request of ours. */
  closed(token_session: string, replacedBy: string | null): void {
    const then =
      replacedBy === null
        ? 'what is not delivered, and what is appended to it, is parked. Go on with switchSession(), then requeue()'
        : `what is not delivered goes to ${session(replacedBy)}, with new numbers. Does another process open sessions for this device?`;
    this.#warn(`${session(token_session)} was closed by somebody else, or does not exist: ${then}`, { token_session });
  }

  /** The session cannot be changed, although what is pending could be delivered. */
  switchFailed(kind: 'outage' | 'block', cause: unknown): void {
    const tell = (): void =>
      this.#warn(`${this.#current} cannot be left: ${why(cause)}. Tried again for as long as it takes`, { cause });
    this.#switching.failed(kind, tell);
  }

  /** It was changed, or that was given up. */
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
    const { directory } = this.#setup.settings.journal;
    if (storage === 'ok') {
      this.#cancelRoom = this.#setup.clock.after(ROOM_LASTS_MS, () => {
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
    const { clock, settings } = this.#setup;
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
    return session(this.#setup.journal.session ?? '');
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
    { cause, token_session = this.#setup.journal.session ?? '' }: { cause?: unknown; token_session?: string } = {},
  ): void {
    const { code, status } = (cause ?? {}) as { code?: unknown; status?: unknown };
    const fields: LogFields = {
      operation: 'outbox',
      session: shorten(token_session),
      ...(typeof code === 'string' && { code }),
      ...(typeof status === 'number' && { status }),
    };
    logOf(this.#setup.client)?.write(level, `outbox: ${message}`, fields);
  }
}

const session = (token: string): string => `session ${shorten(token)}`;

const counted = (count: number): string => `${count} ${count === 1 ? 'passing' : 'passings'}`;

/** In the middle of a line. */
const why = (cause: unknown): string => messageOf(cause).replace(/\.$/, '');

function span(ms: number): string {
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 5_400_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
