export { RufusClient } from './client.js';
export {
  AuthenticationError,
  BadRequestError,
  ConflictError,
  NotFoundError,
  PayloadTooLargeError,
  PermissionDeniedError,
  RateLimitError,
  RufusAbortError,
  RufusAPIError,
  RufusConfigError,
  RufusConnectionError,
  RufusError,
  RufusRequestValidationError,
  RufusResponseValidationError,
  RufusTimeoutError,
  ServerError,
} from './core/errors.js';
export { passingTime } from './core/passing-time.js';
export type { RawRequestOptions } from './core/raw-request.js';
export type { CallTrace } from './core/tracing.js';
export type * from './types.js';
export { VERSION } from './version.js';
