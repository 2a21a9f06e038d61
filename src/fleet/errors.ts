import { brand, type ErrorFacts, RufusError } from '../core/errors.js';

/** NATS cannot do what is asked now: no JetStream, no quorum, no answer, or its connection was closed. `cause` is its own error. */
export class FleetUnavailableError extends RufusError {
  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, 'fleet_unavailable', facts);
  }
  static {
    brand(FleetUnavailableError, 'FleetUnavailableError');
  }
}
