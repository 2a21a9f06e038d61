import { onAbort } from '../core/abort.js';
import { ConflictError, NotFoundError, RufusAbortError, RufusTimeoutError } from '../core/errors.js';
import type { OutboxContext } from './context.js';
import { dispositionOfError, pauseMs, says } from './disposition.js';
import { NumberingUnknownError, OutboxClosedError } from './errors.js';
import type { BoundSession } from './folder-device.js';
import { selectSession } from './numbering.js';
import type { Device, ReadFirst } from './replacements.js';
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
  readonly inBackground: boolean;
  /** Settled appends that were under way when it was requested. */
  readonly appended: Promise<unknown>;
  /** Aborted with the error when the caller cancels it; that aborts the request under way. */
  readonly cancelled: AbortController;
  /** Monotonic time at which all that was pending before was delivered; null until then. */
  readyAt: number | null;
  /** Attempts in a row that failed and may succeed by themselves. */
  failures: number;
  notBefore: number;
  /** The session that it has tried to replace; null before that. */
  tried: string | null;
  /** An attempt is under way: its result decides, even after the switch was cancelled. */
  attempting: boolean;
  readonly settle: (outcome: { readonly token: string } | { readonly error: unknown }) => void;
}

/** The requested changes of the session, in order. The forwarder makes them between two requests, when the old session has its passings. */
export class SessionSwitches {
  readonly #context: OutboxContext;
  /** The first one is being made; the others wait for it. */
  readonly #queue = new Set<Switch>();
  #closed = false;

  constructor(context: OutboxContext) {
    this.#context = context;
  }

  /** Resolves with the new session. `appending`: appends under way, which go to the old session, too. */
  request(
    wanted: OutboxSession | BoundSession,
    appending: Iterable<Promise<unknown>>,
    { signal, timeoutMs = Number.POSITIVE_INFINITY, inBackground = false }: SwitchOptions = {},
  ): Promise<string> {
    const { clock, logger } = this.#context;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new OutboxClosedError());
      if (signal?.aborted) return reject(aborted(signal));
      const change: Switch = {
        wanted,
        inBackground,
        appended: Promise.allSettled(appending),
        cancelled: new AbortController(),
        readyAt: null,
        failures: 0,
        notBefore: 0,
        tried: null,
        attempting: false,
        settle: (outcome) => {
          cancelTimer?.();
          stopWatching?.();
          change.cancelled.abort();
          const wasFirst = this.#first === change;
          this.#queue.delete(change);
          if ('token' in outcome) resolve(outcome.token);
          else reject(outcome.error);
          if (!wasFirst) return;
          logger.switchEnded();
          void this.#begin();
        },
      };
      const cancel = (error: Error): void => {
        if (change.attempting) change.cancelled.abort(error);
        else change.settle({ error });
      };
      const stopWatching = signal && onAbort(signal, () => cancel(aborted(signal)));
      const isLimited = timeoutMs !== Number.POSITIVE_INFINITY;
      const cancelTimer = isLimited ? clock.after(timeoutMs, () => cancel(late(timeoutMs)), true) : undefined;
      this.#queue.add(change);
      if (this.#first === change) void this.#begin();
    });
  }

  /** One of them waits for a moment with nothing pending: batches do not linger. */
  get waiting(): boolean {
    const first = this.#first;
    return first !== undefined && first.readyAt !== null && first.notBefore <= this.#context.clock.mono();
  }

  /** Milliseconds until the next attempt, given an empty batch: 0 now, Infinity where none is due. */
  get dueIn(): number {
    const first = this.#first;
    if (first === undefined || first.readyAt === null) return Number.POSITIVE_INFINITY;
    const { clock, journal } = this.#context;
    const quietBy = journal.pending === 0 ? 0 : first.readyAt + QUIET_WITHIN_MS;
    return Math.max(0, first.notBefore - clock.mono(), quietBy - clock.mono());
  }

  /** Tries to make the first one. */
  async attempt(readFirst: ReadFirst, stopped: AbortSignal): Promise<Switched> {
    const { journal, logger } = this.#context;
    const change = this.#first!;
    const from = journal.session!;
    change.attempting = true;
    try {
      const replaced = await this.#make(change, readFirst, AbortSignal.any([stopped, change.cancelled.signal]));
      const to = journal.session!;
      change.settle({ token: to });
      logger.switched(from, to);
      return { from, to, replaced };
    } catch (error) {
      return this.#failed(change, error, stopped);
    } finally {
      change.attempting = false;
    }
  }

  /** The operator says that the cause of the failure is gone. */
  resume(): void {
    const first = this.#first;
    if (first === undefined) return;
    first.failures = 0;
    first.notBefore = 0;
  }

  /** The forwarder has replaced a closed session. True if the first switch had closed it, by a request whose answer was lost: it is done then. */
  replaced(from: string, to: string): boolean {
    const first = this.#first;
    if (first?.tried !== from) return false;
    first.settle({ token: to });
    this.#context.logger.switched(from, to);
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const { settle } of this.#queue) {
      settle({ error: new OutboxClosedError('The outbox was closed before it could leave the old session') });
    }
  }

  get #first(): Switch | undefined {
    const [first] = this.#queue;
    return first;
  }

  /** The first one waits for what is pending now. */
  async #begin(): Promise<void> {
    const change = this.#first;
    if (change === undefined || this.#closed) return;
    const { drain, clock, timer } = this.#context;
    try {
      await change.appended;
      await drain.wait(change.cancelled.signal);
    } catch {
      // The switch was cancelled, or the outbox closed.
      return;
    }
    change.readyAt = clock.mono();
    timer.wake('work');
  }

  /** Resolves with whether the old session was replaced. */
  async #make(change: Switch, readFirst: ReadFirst, signal: AbortSignal): Promise<boolean> {
    const { journal, device, replacements } = this.#context;
    const { session: from, deviceid: former } = journal;
    const wanted = await device.switched(change.wanted, { signal, retry: false });
    let replaced = false;
    const create = async (owner: Device): Promise<void> => {
      if (replacements.closesCurrent(owner)) change.tried = from;
      replaced = await replacements.start(owner, readFirst, { signal, retry: false });
    };
    await selectSession({ ...this.#context, wanted, resume: false, signal, create });
    await device.remember(wanted, former);
    return replaced;
  }

  /** Rejects the switch, or has it tried again. */
  #failed(change: Switch, error: unknown, stopped: AbortSignal): Switched {
    const { journal, clock, settings, emitter, logger, replacements } = this.#context;
    const { signal } = change.cancelled;
    if (signal.aborted) change.settle({ error: signal.reason });
    if (signal.aborted || stopped.aborted) return null;
    // Where the network is the cause, the numbers can be learned later.
    const cause = error instanceof NumberingUnknownError ? error.cause : error;
    const disposition = dispositionOfError(cause);
    const isRefused =
      disposition.do === 'block' ||
      cause instanceof ConflictError ||
      (cause instanceof NotFoundError && says(cause, NONE_SUCH));
    const passes = !isRefused || replacements.hasUnrecorded(journal.session!);
    if (!passes && !change.inBackground) {
      change.settle({ error });
      return null;
    }
    const retryAfterMs = 'retryAfterMs' in disposition ? disposition.retryAfterMs : undefined;
    const delayMs = passes ? pauseMs(this.#context, change.failures++, retryAfterMs) : settings.probeMs;
    change.notBefore = clock.mono() + delayMs;
    logger.switchFailed(passes ? 'outage' : 'block', error);
    emitter.emit('retry', {
      attempt: Math.max(1, change.failures),
      delayMs: Math.round(delayMs),
      cause: error,
      maybeProcessed: disposition.maybeStored,
    });
    return 'failed';
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
