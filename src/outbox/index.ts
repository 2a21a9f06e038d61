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
export type {
  NewPassing,
  Outbox,
  OutboxEvents,
  OutboxOptions,
  OutboxSession,
  OutboxState,
  OutboxStats,
  ParkedPassing,
  Receipt,
} from './types.js';
