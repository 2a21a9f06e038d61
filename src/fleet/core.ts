// What the fleet takes of the core beyond options, errors and small helpers: the operation table and the seam below the transport.
export { clientOver, internals, RufusClient } from '../client.js';
export { isRecord } from '../core/envelope.js';
export type { Endpoint, Operation } from '../core/operation.js';
export {
  bindDevice,
  closeSession,
  createSession,
  getActiveSession,
  getDevice,
  getSession,
  insertPassings,
  listDevices,
  listEvents,
  listPassingsByDevice,
  listPassingsBySession,
  listSessions,
  pollPassings,
  unbindDevice,
} from '../core/operations.js';
export { Answer } from '../core/wire/answer.js';
export { BodyReader } from '../core/wire/body.js';
export { type Flight, TransportFailure, type Wire, type WireRequest } from '../core/wire/flight.js';
