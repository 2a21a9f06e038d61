import { FleetUnavailableError } from './errors.js';

// The errors of @nats-io are told apart by their names and codes, not by `instanceof`: the user's connection may be of another copy.

/** NATS' number of what a JetStream request failed for; undefined where it got no such answer. */
export function codeOf(error: unknown): number | undefined {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return (name === 'JetStreamApiError' || name === 'StreamNotFoundError' || name === 'ConsumerNotFoundError') &&
    typeof code === 'number'
    ? code
    : undefined;
}

export const CODES = {
  wrongLastSequence: 10071,
  streamNotFound: 10059,
  consumerNotFound: 10014,
  nameInUse: 10058,
  replicasNotSupported: 10074,
  /** `max_bytes` is more than the server has. */
  storageExceeded: 10047,
  accountStorageExceeded: 10002,
  maxBytesExceedsLimit: 10122,
  /** Of a cluster that is starting, or has just lost a server: it gives another answer a moment later. */
  incomplete: 10004,
  noPeers: 10005,
  notAssigned: 10007,
  notAvailable: 10008,
  notLeader: 10009,
  insufficientResources: 10023,
  streamOffline: 10118,
} as const;

const PASSING: ReadonlySet<number | undefined> = new Set([
  CODES.incomplete,
  CODES.noPeers,
  CODES.notAssigned,
  CODES.notAvailable,
  CODES.notLeader,
  CODES.insufficientResources,
  CODES.streamOffline,
]);

/** Servers that have found each other, or elected a leader, do what they cannot do now. Where nobody listens at all, nothing is to be expected. */
export function isPassing(error: unknown): boolean {
  if (PASSING.has(codeOf(error))) return true;
  for (let each = error; each instanceof Error; each = each.cause) if (each.name === 'TimeoutError') return true;
  return false;
}

/** Nobody listens on the subject: the request was dropped by the server. */
export function isNoResponders(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (each.name === 'NoResponders') return true;
  return false;
}

/** The server refuses to let this connection use the subject. */
export function isForbidden(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if (each.name === 'PermissionViolationError') return true;
  return false;
}

export function unavailable(what: string, cause: unknown): FleetUnavailableError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FleetUnavailableError(`${what}: NATS cannot do it now (${why}). See \`cause\`, and the servers' logs.`, {
    cause,
  });
}
