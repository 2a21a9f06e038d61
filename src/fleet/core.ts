// What the fleet takes of the core beyond options, errors and small helpers: the operation table and the seam below the transport.
export { clientOver, internals, RufusClient } from '../client.js';
export { isRecord } from '../core/envelope.js';
export { queryString } from '../core/lists.js';
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
  type Operation,
  pollPassings,
  unbindDevice,
} from '../core/operations.js';
export { Answer } from '../core/wire/answer.js';
export { BodyReader } from '../core/wire/body.js';
export { type Flight, Lost, type Wire, type WireRequest } from '../core/wire/flight.js';
