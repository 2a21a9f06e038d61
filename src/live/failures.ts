import { RufusAPIError, RufusConnectionError, RufusResponseValidationError } from '../core/errors.js';
import { isDeclined } from '../core/retry.js';

/** Whether a repeat may succeed: after failures of the network, of a busy or broken server, of a captive portal, and no others. */
export function isTransient(error: unknown): boolean {
  if (error instanceof RufusAPIError) {
    const { status } = error;
    return status < 400 || status > 499 || isDeclined(status);
  }
  return error instanceof RufusConnectionError || error instanceof RufusResponseValidationError;
}

export function retryAfterOf(error: unknown): number {
  return (error instanceof RufusAPIError ? error.retryAfterMs : undefined) ?? 0;
}
