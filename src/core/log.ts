import type { Logger, LogLevel } from '../types.js';

const RANK: Readonly<Record<LogLevel, number>> = { off: 0, error: 1, warn: 2, info: 3, debug: 4 };

const toConsole: Logger = {
  error: (message, fields) => console.error(`rufus-client: ${message}`, fields ?? ''),
  warn: (message, fields) => console.warn(`rufus-client: ${message}`, fields ?? ''),
  info: (message, fields) => console.info(`rufus-client: ${message}`, fields ?? ''),
  debug: (message, fields) => console.debug(`rufus-client: ${message}`, fields ?? ''),
};

/** What a log line may say of a call. An allow-list: nothing else ever reaches the logger. */
export interface LogFields {
  operation?: string;
  method?: string;
  /** The path with its token shortened. */
  path?: string;
  attempt?: number;
  status?: number;
  requestId?: string | undefined;
  durationMs?: number;
  delayMs?: number;
  code?: string;
  /** The outbox's session, shortened. */
  session?: string;
  field?: string;
  expected?: string;
}

const LOG = Symbol.for('rufus-client.log');

/** Attaches the log to the client under a registered symbol, so that the outbox finds it across ESM and CJS copies of the package. */
export function attachLog(client: object, log: Log): void {
  Object.defineProperty(client, LOG, { value: log });
}

/** Undefined for a test's stand-in of a client. */
export function logOf(client: object): Log | undefined {
  return (client as { [LOG]?: Log })[LOG];
}

/** The user's logger behind its level. A logger that throws does not break a call. */
export class Log {
  readonly #logger: Logger;
  readonly #rank: number;
  readonly #seenDrift = new Set<string>();

  constructor(logger: Logger | undefined, level: LogLevel) {
    this.#logger = logger ?? toConsole;
    this.#rank = RANK[level];
  }

  allows(level: LogLevel): boolean {
    return RANK[level] <= this.#rank;
  }

  write(level: Exclude<LogLevel, 'off'>, message: string, fields: LogFields): void {
    if (!this.allows(level)) return;
    try {
      this.#logger[level](message, fields);
    } catch {
      // The call matters more than its log line.
    }
  }

  /** Drift is told once per operation and field: a results board would fill the disk with it otherwise. */
  drift(operation: string, field: string, expected: string): void {
    const key = `${operation} ${field}`;
    if (this.#seenDrift.has(key)) return;
    this.#seenDrift.add(key);
    this.write('warn', 'An answer differs from the API description; it is handed on as it came', {
      operation,
      field,
      expected,
    });
  }
}
