import type { Device, Passing, Session } from '../types.js';

/** How the sandbox answers: what the API's documentation leaves open, both ways, and its limits. */
export interface SandboxOptions {
  /** Default 'spec': bodies inside `{"body": …}`. 'flat': as the older documentation shows them. */
  envelope?: 'spec' | 'flat' | undefined;
  /** Coordinates on reads. Default 'string' (`"12.000"`), as the documentation's examples. */
  coordinates?: 'string' | 'number' | undefined;
  /** What a page past the end gives: an empty list, no list at all, or 404 (after the first page). Default 'empty'. */
  endOfPages?: 'empty' | 'absent' | '404' | undefined;
  /** Whether the 409 of a second bind carries the `deviceid`. Default 'deviceid'. */
  bindConflict?: 'deviceid' | 'bare' | undefined;
  /** What makes a duplicate: the same `num_passing` in the session (default), or nothing. */
  duplicates?: 'number' | 'none' | undefined;
  /**
   * The status that a missing or unknown key gets. Default 403: the specification lists 403 for its operations and 401 for
   * none. A known key that lacks a permission gets 403 in either case.
   */
  unknownKey?: 401 | 403 | undefined;
  /** Items per page where the request names no limit. Default 5_000 (events: 1_000). */
  pageSize?: number | undefined;
  /** A longer request body gets 413. Default 1_048_576 (1 MiB). */
  maxBodyBytes?: number | undefined;
  /** Pause before each answer. Default 0. */
  latencyMs?: number | undefined;
}

/** Something that goes wrong, `times` times. Where several fit a call, the one added first is used up first. */
export interface SandboxFault {
  /**
   * Which calls; default all. A method and the path of an operation, such as `'GET /devices'` or
   * `'GET /passings/session/{token_session}'`, mean that operation alone. Anything else (`'PATCH'`, `'/passings'`,
   * `'GET /sessions/device'`) is a prefix, segment by segment, in which `{…}` and `*` stand for any one segment.
   */
  on?: string | undefined;
  /** Default 1. */
  times?: number | undefined;
  /**
   * - `status`: an error answer with `status` (default 500) and `headers`; nothing is stored.
   * - `html`: a web page, `status` default 200, as a captive portal or a gateway gives; nothing is stored.
   * - `reset-before`: the connection is reset, nothing is stored.
   * - `reset-after`: the call takes effect, then the connection is reset.
   * - `hang`: no answer, ever; nothing is stored.
   * - `drip`: the call takes effect, and its answer comes a byte at a time, without end.
   * - `truncate`: the call takes effect, and the connection ends in the middle of its answer.
   */
  kind: 'status' | 'reset-before' | 'reset-after' | 'hang' | 'drip' | 'truncate' | 'html';
  /** Of the answer, 200 to 599, for the kinds `status` (default 500) and `html` (default 200). */
  status?: number | undefined;
  /** Added to the answer, where the fault gives one: `{ 'retry-after': '2' }`. */
  headers?: Record<string, string> | undefined;
}

/** One key of each access type. `admin` is `readWrite` plus the permission to unbind devices. */
export interface SandboxKeys {
  /** READ: every GET. */
  readonly read: string;
  /** WRITE: POST and PATCH, no GET. */
  readonly write: string;
  /** READ_WRITE: all but unbinding. */
  readonly readWrite: string;
  /** All of it. */
  readonly admin: string;
}

/** What the server side holds, as of the moment it is asked. */
export interface SandboxState {
  /** In the order in which they were bound. */
  readonly devices: readonly Device[];
  /** In the order in which they were opened, those of all devices. */
  readonly sessions: readonly (Session & {
    /** Its device. */
    deviceid: string;
  })[];
  /** By `num_passing`. Empty for an unknown session. */
  passings(token_session: string): readonly Passing[];
}

/** A sandbox that listens: `url` is ready to be a client's `baseUrl`. `close` ends every connection at once. */
export interface SandboxServer {
  /** Such as `http://127.0.0.1:40123/v0`. */
  readonly url: string;
  /** Stops listening and ends every connection at once. */
  close(): Promise<void>;
}

/** What `serveSandbox` takes: how the sandbox answers, and where it listens and keeps what it holds. */
export interface ServeSandboxOptions extends SandboxOptions {
  /** 0 to 65_535. Default 0: one that is free. */
  port?: number | undefined;
  /** An address or a name of this machine. Default `127.0.0.1`: nobody else reaches it. */
  host?: string | undefined;
  /** The key that may read and write. Default: a new one, or that of the state file. */
  key?: string | undefined;
  /** A file that keeps devices, sessions, passings and keys, over restarts. Its format is private. Default: none, all in memory. */
  state?: string | undefined;
  /** Told when a write could not be kept in the state file; its call gets 500. */
  onStateError?: ((error: Error) => void) | undefined;
}

/** A sandbox that `serveSandbox` has started. */
export interface ServedSandbox extends SandboxServer {
  /** One key of each access type. */
  readonly keys: SandboxKeys;
  /** Where it listens, as the system says: `127.0.0.1`, `::`. */
  readonly address: string;
}
