export {
  NumberingUnknownError,
  OutboxBusyError,
  OutboxClosedError,
  OutboxFullError,
  OutboxLockedError,
  SessionClosedError,
  StorageError,
} from './errors.js';
export { openOutbox } from './open.js';
export { type KeptPassing, type OutboxDamage, type OutboxReading, readOutbox } from './reading.js';
export type {
  NewPassing,
  OutboxEvents,
  OutboxOptions,
  OutboxSession,
  OutboxState,
  OutboxStats,
  ParkedPassing,
  Receipt,
} from './types.js';
export { Outbox } from './types.js';
