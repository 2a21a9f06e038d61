import { mswMissing } from './msw-missing.js';

// Not by a static import, whose failure nobody could explain. In the CommonJS build msw-required.ts stands in for this.
export const { getResponse, http, HttpResponse } = await import('msw').catch((error: unknown) => {
  throw mswMissing(error);
});
