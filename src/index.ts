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
export type { RawRequestOptions } from './core/raw-request.js';
export { passingTime } from './core/timestamp.js';
export type * from './types.js';
export { VERSION } from './version.js';
