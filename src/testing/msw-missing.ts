import { RufusConfigError } from '../core/errors.js';

/** What to say where msw, which is optional, cannot be loaded. Anything else that went wrong is handed on. */
export function mswMissing(error: unknown): unknown {
  if (!(error instanceof Error) || !/['"]msw['"]/.test(error.message)) return error;
  const message = 'The sandbox needs msw, which is not installed. Install it beside rufus-client: npm install -D msw';
  return new RufusConfigError(message, { cause: error });
}
