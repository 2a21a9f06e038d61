import { onAbort } from '../core/abort.js';
import { ConflictError, NotFoundError, RufusAbortError, RufusTimeoutError } from '../core/errors.js';
import { Backoff } from './backoff.js';
import type { OutboxContext } from './context.js';
import { dispositionOfError, says } from './disposition.js';
import { NumberingUnknownError, OutboxClosedError } from './errors.js';
import type { BoundSession, FolderDevice } from './folder-device.js';
import { selectSession } from './numbering.js';
import type { ReadFirst, Replacements } from './replacements.js';
import type { OutboxSession } from './types.js';

const OPERATION = 'outbox.switchSession';

/** The description of the API's own 404; any other 404 is a gateway's, and temporary. */
const NONE_SUCH = /^(device|session) not found\b/i;

/** When all that was appended before the switch is delivered, it waits at most so long for a moment with nothing pending. */
const QUIET_WITHIN_MS = 2_000;

export interface SwitchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** No caller waits who could try again: a refused switch is tried again every `probeMs`. */
  readonly inBackground?: boolean | undefined;
}

/** `failed`: it is tried again. null: it was cancelled, aborted or refused for good. */
export type Switched = { readonly from: string; readonly to: string; readonly replaced: boolean } | 'failed' | null;

interface Switch {
  readonly wanted: OutboxSession | BoundSession;
  /** Settled appends that were under way when it was requested. */
  readonly appended: Promise<unknown>;
  readonly inBackground: boolean;
  readonly backoff: Backoff;
  /** Aborts the request under way when the switch is cancelled. */
  readonly given: AbortController;
  /** Monotonic time at which all that was pending before was delivered; null until then. */
  readyAt: number | null;
  notBefore: number;
  /** The session that it has tried to replace; null before that. */
  tried: string | null;
  /** An attempt is under way: its result decides, even after the switch was cancelled. */
  attempting: boolean;
  /** Why it was cancelled. */
  error: Error | null;
  readonly settle: (outcome: { readonly token: string } | { readonly error: unknown }) => void;
}

/** The requested changes of the session, in order. The forwarder makes them between two requests, when the old session has its passings. */
export class SessionSwitches {
  readonly #context: OutboxContext;
  readonly #replacements: Replacements;
  readonly #device: FolderDevice;
  readonly #queue: Switch[] = [];
  #closed = false;

  constructor(context: OutboxContext, replacements: Replacements, device: FolderDevice) {
    this.#context = context;
    this.#replacements = replacements;
    this.#device = device;
  }

  /** Resolves with the new session. `appending`: appends under way, which go to the old session, too. */
  request(
    wanted: OutboxSession | BoundSession,
    appending: Iterable<Promise<unknown>>,
    options: SwitchOptions = {},
  ): Promise<string> {
    const { signal, timeoutMs, inBackground = false } = options;
    const { clock, random, settings } = this.#context;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new OutboxClosedError());
      if (signal?.aborted) return reject(aborted(signal));
      const change: Switch = {
        wanted,
        appended: Promise.allSettled(appending),
        inBackground,
        backoff: new Backoff(settings.backoff, random),
        given: new AbortController(),
        readyAt: null,
        notBefore: 0,
        tried: null,
        attempting: false,
        error: null,
        settle: (outcome) => {
          cancelTimer?.();
          stopWatching?.();
          change.given.abort();
          const at = this.#queue.indexOf(change);
          this.#queue.splice(at, 1);
          if ('token' in outcome) resolve(outcome.token);
          else reject(outcome.error);
          if (at !== 0) return;
          this.#context.log.switchEnded();
          this.#begin();
        },
      };
      const giveUp = (error: Error): void => {
        change.error ??= error;
        if (change.attempting) change.given.abort();
        else change.settle({ error });
      };
      const stopWatching = signal && onAbort(signal, () => giveUp(aborted(signal)));
      const isLimited = timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY;
      const cancelTimer = isLimited ? clock.after(timeoutMs, () => giveUp(late(timeoutMs)), true) : undefined;
      this.#queue.push(change);
      if (this.#queue.length === 1) this.#begin();
    });
  }

  /** One of them waits for a moment with nothing pending: batches do not linger. */
  get waiting(): boolean {
    const [head] = this.#queue;
    return head !== undefined && head.readyAt !== null && head.notBefore <= this.#context.clock.mono();
  }

  /** Milliseconds until the next attempt, given an empty batch: 0 now, Infinity where none is due. */
  get dueIn(): number {
    const [head] = this.#queue;
    if (head === undefined || head.readyAt === null) return Number.POSITIVE_INFINITY;
    const { clock, journal } = this.#context;
    const quietBy = journal.pending === 0 ? 0 : head.readyAt + QUIET_WITHIN_MS;
    return Math.max(0, head.notBefore - clock.mono(), quietBy - clock.mono());
  }

  /** Tries to change the session. `first` reads the first pending passing. */
  async attempt(first: ReadFirst, stopped: AbortSignal): Promise<Switched> {
    const { client, journal, clock, settings, emitter, log } = this.#context;
    const replacements = this.#replacements;
    const head = this.#queue[0]!;
    const from = journal.session!;
    const former = journal.deviceid;
    const signal = AbortSignal.any([stopped, head.given.signal]);
    let replaced = false;
    head.attempting = true;
    try {
      const wanted = await this.#device.switched(head.wanted, { signal, retry: false });
      await selectSession({
        client,
        journal,
        wanted,
        resume: false,
        signal,
        skipped: (skip) => emitter.emit('numbersSkipped', skip),
        create: async (device) => {
          if (replacements.closesCurrent(device)) head.tried = from;
          replaced = await replacements.start(device, first, { signal, retry: false });
        },
      });
      await this.#device.remember(wanted, former);
    } catch (error) {
      if (head.error !== null) {
        head.settle({ error: head.error });
        return null;
      }
      if (stopped.aborted) return null;
      // Where the network is the cause, the numbers can be learned later.
      const cause = error instanceof NumberingUnknownError ? error.cause : error;
      const disposition = dispositionOfError(cause);
      const isRefused =
        disposition.do === 'block' ||
        cause instanceof ConflictError ||
        (cause instanceof NotFoundError && says(cause, NONE_SUCH));
      const passes = !isRefused || replacements.owes(from);
      if (!passes && !head.inBackground) {
        head.settle({ error });
        return null;
      }
      const retryAfterMs = 'retryAfterMs' in disposition ? disposition.retryAfterMs : undefined;
      const delayMs = passes ? head.backoff.next(retryAfterMs) : settings.probeMs;
      head.notBefore = clock.mono() + delayMs;
      log.switchFailed(passes ? 'outage' : 'block', error);
      emitter.emit('retry', {
        attempt: Math.max(1, head.backoff.failures),
        delayMs: Math.round(delayMs),
        cause: error,
        maybeProcessed: disposition.maybeStored,
      });
      return 'failed';
    } finally {
      head.attempting = false;
    }
    const to = journal.session!;
    head.settle({ token: to });
    log.switched(from, to);
    return { from, to, replaced };
  }

  /** The operator says that the cause of the failure is gone. */
  resume(): void {
    const [head] = this.#queue;
    if (head === undefined) return;
    head.backoff.reset();
    head.notBefore = 0;
  }

  /** The forwarder has replaced a closed session. True if the first switch had closed it, by a request whose answer was lost: it is done then. */
  replaced(from: string, to: string): boolean {
    const [head] = this.#queue;
    if (head?.tried !== from) return false;
    head.settle({ token: to });
    this.#context.log.switched(from, to);
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const { settle } of [...this.#queue]) {
      settle({ error: new OutboxClosedError('The outbox was closed before it could leave the old session') });
    }
  }

  /** The first of the queue waits for what is pending now. */
  #begin(): void {
    const [head] = this.#queue;
    if (head === undefined || this.#closed) return;
    const { drain, clock, timer } = this.#context;
    const wake = (): void => timer.wake('work');
    const delivered = head.appended.then(() => {
      const drained = drain.wait(head.given.signal);
      wake();
      return drained;
    });
    const ready = (): void => {
      head.readyAt = clock.mono();
      wake();
    };
    // The switch was cancelled, or the outbox closed.
    const over = (): void => {};
    delivered.then(ready, over);
  }
}

function aborted(signal: AbortSignal): RufusAbortError {
  return new RufusAbortError(
    `${OPERATION}: aborted by the caller's signal before the old session could be left. It stays in use.`,
    { cause: signal.reason },
  );
}

function late(timeoutMs: number): RufusTimeoutError {
  return new RufusTimeoutError(
    `${OPERATION}: the old session could not be left within ${timeoutMs} ms (timeoutMs): something may still be pending, see stats(). It stays in use.`,
    { timeoutMs },
  );
}
