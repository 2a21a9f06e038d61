import type { FollowAllBatch, FollowAllOptions, FollowBatch, FollowOptions } from './follow.js';
import type { RequestOptions } from './options.js';
import type {
  BindDeviceInput,
  Device,
  InsertManyResult,
  InsertResult,
  Passing,
  PassingInput,
  RaceEvent,
  Session,
} from './records.js';
import type { PagePromise, PageQuery, RequestPromise } from './responses.js';

// Every method rejects with a RufusError: RufusRequestValidationError for wrong arguments, before anything is sent;
// RufusConnectionError, RufusTimeoutError, RufusAbortError; a RufusAPIError by status; RufusResponseValidationError.

/** Timing devices. */
export interface Devices {
  /** Every device of the company. Needs READ. */
  list(
    query?: PageQuery & {
      /** Devices per page, 1 to 5000. Default: the server's, 5000. */
      limit?: number | undefined;
    },
    options?: RequestOptions,
  ): PagePromise<Device>;
  /** One device. Throws NotFoundError. Needs READ. */
  get(deviceid: string, options?: RequestOptions): RequestPromise<Device>;
  /** Binds a new device. 409 throws ConflictError, whose `deviceid` is set where the answer has one. Needs WRITE. */
  bind(device: BindDeviceInput, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }>;
  /**
   * Like bind, but an "already bound" answer that carries the deviceid resolves. Safe at every start of a device; keep the
   * deviceid all the same, for a start without network, and because it is not documented that the answer carries it.
   * `created: false` after a retry is no proof that somebody else bound it. Needs WRITE.
   *
   * @example
   * const { deviceid } = await client.devices.ensureBound({ type: 'reader', model: 'R1', serial_number: '0042' });
   */
  ensureBound(
    device: BindDeviceInput,
    options?: RequestOptions,
  ): RequestPromise<{ deviceid: string; created: boolean }>;
  /** Also deletes the device's sessions and passings on the server. Throws NotFoundError. Needs the "unbind device" permission. */
  unbind(deviceid: string, options?: RequestOptions): RequestPromise<{ deviceid: string; description: string }>;
}

/** Sessions of devices. */
export interface Sessions {
  /**
   * Opens a session, and closes the device's active one, if any. Never repeated after an ambiguous failure: look at
   * `requestMaybeProcessed` of the error and then at {@link getActive}. Throws NotFoundError for an unknown device. Needs WRITE.
   *
   * @example
   * const { token_session } = await client.sessions.create({ deviceid, alias: 'Finish' });
   */
  create(
    session: {
      /** The device, bound already. Not empty. */
      deviceid: string;
      /** A name for people. Default none. */
      alias?: string | undefined;
    },
    options?: RequestOptions,
  ): RequestPromise<{ token_session: string; description: string }>;
  /** One session, open or closed. Throws NotFoundError. Needs READ. */
  get(token_session: string, options?: RequestOptions): RequestPromise<Session>;
  /** null where the API answers 404 (no active session, or no such device: the API does not tell which). Needs READ. */
  getActive(deviceid: string, options?: RequestOptions): RequestPromise<Session | null>;
  /** In no documented order; [] where the API answers 404 "Sessions not found". Needs READ. */
  listByDevice(deviceid: string, options?: RequestOptions): RequestPromise<Session[]>;
  /** Closes a session for good; it stays readable. Throws NotFoundError. Needs WRITE. */
  close(
    token_session: string,
    options?: RequestOptions,
  ): RequestPromise<{ token_session: string; description: string }>;
}

/** Passings: recorded reads. */
export interface Passings {
  /**
   * One request. `num_passing` must be unique in the session: the server counts a repeat as a duplicate and drops it,
   * which is why this call is repeated after any failure that a repeat may mend. Throws NotFoundError where the session
   * is closed, PayloadTooLargeError where the list is too long. Needs WRITE.
   *
   * @example
   * await client.passings.insert(token_session, [{ num_passing: 1, bib: '7', timestamp: new Date() }]);
   */
  insert(
    token_session: string,
    passings: readonly PassingInput[],
    options?: RequestOptions,
  ): RequestPromise<InsertResult>;
  /**
   * Any number of passings, in batches, in order, one request in flight; a 413 halves the
   * batch, one passing that is still too large throws. When it throws, the error's `progress` says what the server has
   * confirmed; sending all of it again is safe. Two equal `num_passing` in one call are refused. An error of the source itself passes through unchanged. Needs WRITE.
   *
   * @example
   * const { inserted_count, duplicate_count } = await client.passings.insertMany(token_session, readsOfTheDay());
   */
  insertMany(
    token_session: string,
    source: Iterable<PassingInput> | AsyncIterable<PassingInput>,
    options?: RequestOptions & {
      /** Passings per request, a whole number of at least 1. Default 500. */
      batchSize?: number | undefined;
      /** Called after each confirmed batch, with the totals so far. What it throws ends the call. Default none. */
      onProgress?: ((sofar: InsertManyResult) => void) | undefined;
    },
  ): Promise<InsertManyResult>;
  /** The passings of a session, or those in a range of `num_passing`. Needs READ. */
  listBySession(
    token_session: string,
    query?: PageQuery & {
      /** The lowest `num_passing` to give, an integer of at least 0. Default: from the first. */
      first?: number | undefined;
      /** The highest `num_passing` to give, an integer of at least 0. Default: to the last. */
      last?: number | undefined;
    },
    options?: RequestOptions,
  ): PagePromise<Passing>;
  /** The passings of a device over all its sessions, or those in a span of time. Needs READ. */
  listByDevice(
    deviceid: string,
    query?: PageQuery & {
      /** The earliest `timestamp` to give: a Date, or ISO 8601 with Z or an offset. Default: from the first. */
      from?: string | Date | undefined;
      /** The latest `timestamp` to give: a Date, or ISO 8601 with Z or an offset. Default: to the last. */
      to?: string | Date | undefined;
    },
    options?: RequestOptions,
  ): PagePromise<Passing>;
  /** One continuous-query request (GET /passings/device2): what came after `last` of `token_session`. It may jump to a newer session. Needs READ. */
  poll(
    deviceid: string,
    query?: {
      /** The session that `last` counts in. Default: the newest one. */
      token_session?: string | undefined;
      /** The `num_passing` to resume after, an integer of at least 0. Default: from the first. */
      last?: number | undefined;
      /** The earliest `timestamp` to give: a Date, or ISO 8601 with Z or an offset. Default: any. */
      from?: string | Date | undefined;
      /** The latest `timestamp` to give: a Date, or ISO 8601 with Z or an offset. Default: any. */
      to?: string | Date | undefined;
      /** The page to give, from 1, of up to 5000 passings; 0 for all at once. Default: the server's, 0. */
      page?: number | undefined;
    },
    options?: RequestOptions,
  ): RequestPromise<{
    passings: Passing[];
    session_used: string | null;
    session_label: string | null;
    resumed_from: number | null;
  }>;
  /**
   * Live: every passing of the device exactly once per stored cursor, across sessions, until aborted.
   *
   * Batches come in order of `num_passing` within a session, session after session; what fills a hole comes later, in
   * batches marked `late`. Nothing is requested before somebody iterates, and nothing while a batch is worked on. Needs READ.
   *
   * Network failures, 408, 425, 429, 5xx and answers that make no sense are waited out, for ever, and logged at `warn`
   * once per outage; `retry` and `totalTimeoutMs` of the client play no part in how long. What ends the loop:
   * - `break`, and `signal`: RufusAbortError, within 100 ms.
   * - A damaged cursor, or one of another device's session: RufusConfigError. One whose session is gone: NotFoundError.
   * - An unknown device (NotFoundError), 401 (AuthenticationError), 403 (PermissionDeniedError), any other 4xx, a closed client.
   *
   * @example
   * for await (const { passings, cursor } of client.passings.follow(deviceid, { cursor: await load(), signal })) {
   *   await store(passings, cursor); // in one transaction: then each passing takes effect exactly once
   * }
   */
  follow(deviceid: string, options?: FollowOptions): AsyncIterable<FollowBatch>;
  /**
   * Live: several devices at once, each as {@link follow} does it, batch by batch as they come, with one cursor for all of
   * them. Devices take turns; one that is silent holds up nobody. What ends one of them ends the loop, unless `onEnd` is
   * told of it. Ends by itself once every device has ended, at once where there is none. Needs READ.
   *
   * @example
   * for await (const { deviceid, passings, cursor } of client.passings.followAll([start, finish], { cursor: await load() })) {
   *   await store(deviceid, passings, cursor); // in one transaction
   * }
   */
  followAll(deviceids: readonly string[], options?: FollowAllOptions): AsyncIterable<FollowAllBatch>;
}

/** Events of the company. */
export interface Events {
  /** Every event. Needs READ. */
  list(
    query?: PageQuery & {
      /** Events per page, 1 to 1000. Default: the server's, 1000. */
      limit?: number | undefined;
    },
    options?: RequestOptions,
  ): PagePromise<RaceEvent>;
}
