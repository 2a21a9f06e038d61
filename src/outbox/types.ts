import type { RufusClient } from '../client.js';
import type { BindDeviceInput, PassingInput, Session } from '../types.js';

/**
 * A passing as the reader gives it. The outbox numbers it.
 *
 * `timestamp`: a Date, or ISO 8601 text with `Z` or an offset; digits finer than milliseconds are cut off.
 * `latitude`, `longitude`: decimal degrees.
 */
export type NewPassing = Omit<PassingInput, 'num_passing'>;

/**
 * Which session the passings go to.
 *
 * `{ token_session }`: this one. Where the folder has a history of it, the history decides the next number, and `startAt` may
 * raise it, never lower it; where the folder replaced it (`onSessionClosed: 'new-session'`), its replacement is used. Without a history and
 * without `startAt` the next free number is read from the server, which takes a key that may read.
 *
 * `{ device, open }`: the same as with a deviceid, for a device that may have to be bound first (`devices.ensureBound`). The folder
 * keeps the deviceid: from the second start on it opens without network. A folder of another device is refused; a device that was
 * unbound and bound again is still the same.
 *
 * `{ deviceid, open: 'active-or-new' }`: the device's active session, or a new one if there is none. A folder with a
 * history of that device goes on with its last session and asks nobody.
 *
 * `{ deviceid, open: 'new' }`: a new session, each time; creating it closes the device's active one, so that what is pending is
 * delivered to that first. Where that does not succeed at once, `openOutbox` resolves on the old session, at the latest after
 * 3 s, and changes to the new one as soon as all is delivered: event `sessionClosed`, with `replacedBy`, tells.
 */
export type OutboxSession =
  | {
      /** The session. */
      token_session: string;
      /** The lowest number to be given there from now on, an integer of at least 0. Default: what the folder or the server knows. */
      startAt?: number | undefined;
    }
  | {
      /** The device, bound if it is not yet. */
      device: BindDeviceInput;
      /** Which of its sessions. */
      open: 'active-or-new' | 'new';
      /** The name of a session that has to be created. Default none. */
      alias?: string | undefined;
    }
  | {
      /** The device, bound already. */
      deviceid: string;
      /** Which of its sessions. */
      open: 'active-or-new' | 'new';
      /** The name of a session that has to be created. Default none. */
      alias?: string | undefined;
    };

/** Options of {@link openOutbox}. Only `client`, `directory` and `session` are required. */
export interface OutboxOptions {
  /** Its key must be allowed to write; one that may also read lets the outbox find out the next free number. Never closed by the outbox. */
  client: RufusClient;
  /** A folder of its own, made if missing (mode 0700). One device, one folder, one process. */
  directory: string;
  /** Where the passings go. */
  session: OutboxSession;
  /**
   * What the answer "Session not found or closed" does with what is not delivered.
   * `'park'` (default): it is set aside, and so is what is still appended; nothing is refused at a finish line.
   * `'new-session'`: a new session of the device is created, and what is not delivered goes there.
   */
  onSessionClosed?: 'park' | 'new-session' | undefined;
  /** Bytes of disk, a whole number, at least 56 KiB (more in a folder with dozens of sessions). Default 2 GiB. Beyond it `append` rejects with OutboxFullError. Nothing that is not delivered is ever dropped to make room. */
  maxDiskBytes?: number | undefined;
  /** Bytes to be left free on the volume. Default 64 MiB. */
  minFreeBytes?: number | undefined;
  /** Bytes of memory held by appends that are not yet on disk. Default 16 MiB. Beyond it `append` rejects with OutboxBusyError. */
  maxPendingBytes?: number | undefined;
  /** How long delivered passings are kept as the local backup, for `rewind` and `exportTo`; given up first when space runs out. */
  retain?:
    | {
        /** Hours since delivery, at least 0; fractions and Infinity are allowed. Default 72. */
        hours?: number | undefined;
        /** Bytes of delivered passings, a whole number of at least 0; beyond it the oldest go. Default 1 GiB. */
        maxBytes?: number | undefined;
      }
    | undefined;
  /** What goes into one request. */
  batch?:
    | {
        /** Passings, a whole number of at least 1. Default 500. */
        max?: number | undefined;
        /** Bytes of JSON, approximately, a whole number of at least 1. Reduced where the server answers 413 or the link is slow. Default 512 KiB. */
        maxBytes?: number | undefined;
        /** Milliseconds that a smaller batch waits for more passings, at least 0. No wait during `drained` and `close`. Default 50. */
        lingerMs?: number | undefined;
      }
    | undefined;
  /** Pause after a failure: random between 0 and a ceiling that doubles with each failure in a row. Never gives up. */
  backoff?:
    | {
        /** Milliseconds of the first ceiling: above 0, up to 2_147_483_647, or Infinity. Default 250. */
        firstMs?: number | undefined;
        /** Milliseconds that the ceiling never exceeds, at least `firstMs`. Default 30_000. */
        maxMs?: number | undefined;
      }
    | undefined;
  /** How often a blocked outbox tries again, in milliseconds: above 0, or Infinity for never. Default 60_000. */
  probeMs?: number | undefined;
  /** `'fsync'` (default): `append` resolves after fdatasync. `'os'`: survives a crash of the process, not a power cut. */
  durability?: 'fsync' | 'os' | undefined;
}

/** Where a passing went. The number is final, unless its session is replaced before it is delivered: event `sessionClosed`, with `replacedBy`. */
export interface Receipt {
  /** The session it was numbered in. */
  readonly token_session: string;
  /** Its number there. */
  readonly num_passing: number;
}

/** A passing that was set aside, with the reason. It stays in the folder until `requeue`. */
export interface ParkedPassing extends Receipt {
  /** As it was appended. */
  readonly passing: NewPassing;
  /** `'rejected'`: the server found this very passing wrong (400, 422). `'too-large'`: it alone was too much (413). `'session-closed'`: its session takes no more. */
  readonly reason: 'rejected' | 'too-large' | 'session-closed';
  /** HTTP status of the refusal. */
  readonly status: number | undefined;
  /** What the server said, up to 2,048 characters. */
  readonly response: string | undefined;
}

/**
 * - `idle`: nothing is pending.
 * - `sending`: a request is under way, or the next one is about to be: also while a batch waits `lingerMs` for company.
 * - `backoff`: waiting after a failure that will pass by itself.
 * - `blocked`: waiting for a person (the key is refused, the client is closed); tried again every `probeMs`.
 * - `paused`: by `pause()`.
 * - `closed`: by `close()`.
 *
 * Passings are accepted in all but the last.
 */
export type OutboxState = 'idle' | 'sending' | 'backoff' | 'blocked' | 'paused' | 'closed';

/** A snapshot. Counts are passings and last as long as the folder: `appended === delivered + parked + pending`, always. */
export interface OutboxStats {
  /** What it is doing. */
  readonly state: OutboxState;
  /** `full`: appends are refused until there is room, delivery goes on. `failed`: the disk itself; appends are refused until the outbox is opened again. */
  readonly storage: 'ok' | 'full' | 'failed';
  /** The current session, whole. Not enumerable: JSON and `inspect` show its first characters, a copy by spread lacks it. */
  readonly token_session: string;
  /** Taken: their `append` has resolved. */
  readonly appended: number;
  /** Confirmed by the server. */
  readonly delivered: number;
  /** Set aside, waiting for `requeue`. */
  readonly parked: number;
  /** Not confirmed yet. */
  readonly pending: number;
  /** As the server counted: passings that were new to it. */
  readonly inserted: number;
  /** As the server counted: passings it had already, after an answer that got lost, or a rewind. */
  readonly duplicates: number;
  /** Insert requests sent, those that repeated a failed one included. */
  readonly requests: number;
  /** Insert requests that repeated a failed one. */
  readonly retries: number;
  /** What the folder occupies, in bytes. */
  readonly diskBytes: number;
  /** Milliseconds; null with nothing pending. The figure to alarm on. */
  readonly oldestPendingAgeMs: number | null;
  /** ISO 8601, UTC; null before the first. */
  readonly lastDeliveredAt: string | null;
  /** Message of the last failure of this process, whatever came after it. */
  readonly lastError: string | null;
}

/** The events of an outbox. What a listener throws is caught and becomes `lastError`. */
export interface OutboxEvents {
  /** The server has confirmed a batch. `inserted` and `duplicates` as it counted. */
  delivered: [info: { count: number; inserted: number; duplicates: number; firstNum: number; lastNum: number }];
  /** A request failed and is sent again after `delayMs`. `attempt` counts the failures in a row. `maybeProcessed`: the server may have stored it. */
  retry: [info: { attempt: number; delayMs: number; cause: unknown; maybeProcessed: boolean }];
  /** `cause`: the failure behind `backoff` and `blocked`, else undefined. */
  state: [state: OutboxState, cause: unknown];
  /** A passing was set aside; its copy is durable. */
  parked: [info: { passing: ParkedPassing }];
  /** The server counted duplicates on a first attempt: someone else uses these numbers. */
  collision: [info: { token_session: string; firstNum: number; lastNum: number; duplicates: number }];
  /** The server takes no more for this session. `replacedBy`: where what is left of it goes now. */
  sessionClosed: [info: { token_session: string; replacedBy: string | null }];
  /** Room on disk ran out, came back, or the disk failed. `cause`: the system's error, if there is one. */
  storage: [info: { storage: 'ok' | 'full' | 'failed'; cause: unknown }];
  /** Found while opening, or later in an older file: records read again, bytes of a cut write, records that are damaged. */
  recovered: [info: { records: number; tornBytes: number; corruptRecords: number }];
  /** The wall clock was set by this many milliseconds (forwards if positive). Timestamps are never rewritten. */
  clockStep: [info: { ms: number }];
  /**
   * Which numbers were given could not be known, or others have been there: the next number was `from` and is `to`. `why`: the error
   * that kept the server from telling, or one that says what it has. Where passings were appended at `from` or above and not
   * yet sent, they keep their order and go on at `to`: their receipts named other numbers.
   */
  numbersSkipped: [info: { token_session: string; from: number; to: number; why: unknown }];
}

/**
 * A durable queue between a reader and RUFUS Cloud: once `append` has resolved, the passing is delivered, or parked where an
 * operator can see it, whatever the network, the power and the server do.
 *
 * @example
 * const outbox = await openOutbox({ client, directory: '/var/lib/timing/finish', session: { deviceid, open: 'active-or-new' } });
 * reader.on('read', async (read) => {
 *   await outbox.append({ timestamp: read.time, bib: read.bib, chip: read.chip });
 *   read.acknowledge(); // now, not before
 * });
 */
export abstract class Outbox implements AsyncDisposable {
  /** The current session. */
  abstract readonly token_session: string;
  /**
   * Resolves when the passing is durable: acknowledge the reader then, not before. The number is final.
   * A rejected append took nothing and burned no number.
   *
   * @throws RufusRequestValidationError - the passing is not as `passings.insert` takes it, or brings a `num_passing`
   * @throws OutboxFullError - no room on disk, or `maxDiskBytes` reached
   * @throws OutboxBusyError - `maxPendingBytes` wait for the disk already
   * @throws StorageError - the disk failed for good
   * @throws OutboxClosedError - after `close()`
   */
  abstract append(passing: NewPassing): Promise<Receipt>;
  /**
   * A list is one atomic unit: all of it survives a crash, or none.
   *
   * @example
   * await outbox.append(reads, { source: { name: 'decoder-1', position: lastByteRead } });
   */
  abstract append(
    passings: readonly NewPassing[],
    options?: {
      /** Where a decoder's feed stands, stored atomically with the list, which may then be empty. */
      source?:
        | {
            /** Of the feed; `position(name)` gives it back. */
            name: string;
            /** Whatever the decoder resumes by: an offset, a sequence number, a token. */
            position: string | number;
          }
        | undefined;
    },
  ): Promise<Receipt[]>;
  /** The stored position of a source, also after a restart: resume the decoder's feed there. */
  abstract position(source: string): string | number | undefined;
  /**
   * Resolves when everything appended so far is delivered or parked.
   *
   * @throws RufusAbortError - `signal` was aborted
   * @throws OutboxClosedError - it was closed before that
   */
  abstract drained(options?: {
    /** Ends the wait, and nothing else, with a RufusAbortError. */
    signal?: AbortSignal | undefined;
  }): Promise<void>;
  /** The current statistics. Cheap enough for a health check or a scrape, and safe to serve as JSON: it holds no whole token. */
  abstract stats(): OutboxStats;
  /** Adds a listener. Listeners are called in order, after the event. */
  abstract on<K extends keyof OutboxEvents>(event: K, listener: (...args: OutboxEvents[K]) => void): this;
  /** Removes a listener. */
  abstract off<K extends keyof OutboxEvents>(event: K, listener: (...args: OutboxEvents[K]) => void): this;
  /** Stops sending; a request under way is aborted, and sent again later. Appends are accepted all the same. */
  abstract pause(): void;
  /** Ends a pause; also ends a back-off or a block early, and tries a switch that waits: the network is back, the key was renewed. */
  abstract resume(): void;
  /** Parked passings, oldest first. */
  abstract parked(): AsyncIterable<ParkedPassing>;
  /**
   * Parked passings go to the tail again, to the current session, with NEW numbers (a reader's cursor may have passed the old ones).
   *
   * @example
   * await outbox.requeue(({ reason }) => reason === 'session-closed');
   */
  abstract requeue(filter?: (parked: ParkedPassing) => boolean): Promise<Receipt[]>;
  /**
   * Sends delivered passings whose `timestamp` lies in the window again, with the SAME numbers: the server
   * de-duplicates. Resolves once the server has confirmed them, with how many were `sent`; a session that takes no more is
   * `skipped`, with the number of its passings that were not sent, and disturbs no other.
   *
   * @throws RufusRequestValidationError - `from` or `to` is no time, or `from` is after `to`
   * @throws RufusAPIError - the server refuses one of them
   * @throws OutboxClosedError - it was closed before that
   * @example
   * const { sent, skipped } = await outbox.rewind({ from: gunTime, to: new Date() });
   * for (const { token_session, count } of skipped) console.warn(`${count} not sent: ${token_session.slice(0, 8)} is closed`);
   */
  abstract rewind(window: {
    /** The earliest `timestamp` to send: a Date, or ISO 8601 with Z or an offset. */
    from: string | Date;
    /** The latest `timestamp` to send, at least `from`. */
    to: string | Date;
  }): Promise<{ sent: number; skipped: readonly { token_session: string; count: number }[] }>;
  /**
   * Writes the local backup, delivered and pending, oldest first; resolves with how many passings it holds.
   * The file appears whole or not at all.
   *
   * @throws StorageError - the file cannot be written
   */
  abstract exportTo(
    file: string,
    options?: {
      /** `'jsonl'` (default): a passing a line. `'csv'`: the columns of the vendor's own export, then ours. */
      format?: 'jsonl' | 'csv' | undefined;
    },
  ): Promise<number>;
  /**
   * Delivers what is pending to this session, then goes on with another. Resolves with the new token.
   *
   * First all that was appended before the call is delivered, since creating a session of the device closes its old one. What is
   * appended meanwhile goes to the old session and is delivered there, too. The change is made at the first moment with nothing
   * pending; if appends never leave one, 2 s after the first part at the latest. What was appended by then, or while the new
   * session is being created, and is not delivered, goes to the new session, before all that comes later, with numbers from 1:
   * its receipts named the old session. Event `sessionClosed`, with `replacedBy`, tells. A switch that closes nothing (to a
   * session that exists, or of another device) changes no number.
   *
   * While the old session cannot be delivered to (no network, `blocked`, `paused`), a rewind is under way, or the API does not
   * answer for the new session, the switch waits; `resume()` tries at once; `signal` and `timeoutMs`
   * end the wait, and nothing has changed. It parks nothing: only what the old session refuses because
   * somebody else closed it follows `onSessionClosed`. Killed, or aborted, while the new session is being created: if the old one
   * turns out to be closed by that, what it refuses goes to a new session. Several switches are made one after the other.
   *
   * @throws RufusTimeoutError, RufusAbortError - `timeoutMs` or `signal` ended the wait; the old session stays in use
   * @throws RufusAPIError - the new session is refused; the old one stays in use
   * @throws NumberingUnknownError - the new session's next number is not to be learned (no such session, a key that may not read); the old one stays in use
   * @throws OutboxClosedError - it was closed before that
   * @example
   * await outbox.switchSession({ deviceid, open: 'new', alias: 'Heat 2' }, { timeoutMs: 60_000 });
   */
  abstract switchSession(
    session: OutboxSession,
    options?: {
      /** Ends the wait with a RufusAbortError. */
      signal?: AbortSignal | undefined;
      /** Milliseconds to wait, above 0 and up to 2_147_483_647; then RufusTimeoutError. Default Infinity. */
      timeoutMs?: number | undefined;
    },
  ): Promise<Session['token_session']>;
  /**
   * Refuses further appends, goes on delivering for at most `drainMs`, then aborts the request under way and
   * releases the folder. What is left stays on disk for the next `openOutbox`. Never rejects.
   */
  abstract close(options?: {
    /** Milliseconds, at least 0. Default 0. */
    drainMs?: number | undefined;
  }): Promise<{ pending: number; parked: number }>;
  /** `close()`. */
  abstract [Symbol.asyncDispose](): Promise<void>;
}
