import { brand, type ErrorFacts, RufusError } from '../core/errors.js';

/**
 * The disk is full, or the outbox has reached `maxDiskBytes`. The passing was not taken: do not acknowledge the reader.
 * Delivery goes on meanwhile, and `append` works again by itself when there is room.
 */
export class OutboxFullError extends RufusError {
  /** What the outbox itself occupies, in bytes. */
  readonly usedBytes: number;
  /** What is free on the volume, in bytes; undefined where the system does not tell. */
  readonly freeBytes: number | undefined;
  constructor(message: string, facts: ErrorFacts & { usedBytes: number; freeBytes: number | undefined }) {
    super(message, 'outbox_full', facts);
    this.usedBytes = facts.usedBytes;
    this.freeBytes = facts.freeBytes;
  }
  static {
    brand(this, 'OutboxFullError');
  }
}

/** More is waiting for the disk than `maxPendingBytes` allows. The passing was not taken; try again when earlier appends have resolved. */
export class OutboxBusyError extends RufusError {
  /** What is waiting for the disk, in bytes. */
  readonly pendingBytes: number;
  constructor(message: string, facts: ErrorFacts & { pendingBytes: number }) {
    super(message, 'outbox_busy', facts);
    this.pendingBytes = facts.pendingBytes;
  }
  static {
    brand(this, 'OutboxBusyError');
  }
}

/** Another process, or another outbox of this one, holds the folder. */
export class OutboxLockedError extends RufusError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, 'outbox_locked', facts);
  }
  static {
    brand(this, 'OutboxLockedError');
  }
}

/** The outbox was closed. */
export class OutboxClosedError extends RufusError {
  constructor(message = 'The outbox is closed', facts: ErrorFacts = {}) {
    super(message, 'outbox_closed', facts);
  }
  static {
    brand(this, 'OutboxClosedError');
  }
}

/**
 * The next free number of the session is not known: the folder has no history of it, and the server could not be asked.
 * A number that is given twice is a passing lost, so nothing is sent. The message says what helps; `cause` is the failure to ask.
 */
export class NumberingUnknownError extends RufusError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, 'numbering_unknown', facts);
  }
  static {
    brand(this, 'NumberingUnknownError');
  }
}

/** The session is closed on the server and takes no more passings. */
export class SessionClosedError extends RufusError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, 'session_closed', facts);
  }
  static {
    brand(this, 'SessionClosedError');
  }
}

/** The disk failed for good, or the folder holds what this version cannot read. `cause` is the system's own error. */
export class StorageError extends RufusError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, 'storage', facts);
  }
  static {
    brand(this, 'StorageError');
  }
}
