import { RufusAPIError, RufusConnectionError, RufusResponseValidationError } from '../core/errors.js';

/** Whether time may heal it: the network, a busy or broken server, a captive portal. Nothing else may. */
export function mayPass(error: unknown): boolean {
  if (error instanceof RufusAPIError) {
    const { status } = error;
    return status < 400 || status > 499 || status === 408 || status === 425 || status === 429;
  }
  return error instanceof RufusConnectionError || error instanceof RufusResponseValidationError;
}

export function retryAfterOf(error: unknown): number {
  return (error instanceof RufusAPIError ? error.retryAfterMs : undefined) ?? 0;
}
