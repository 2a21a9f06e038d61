import { mswMissing } from './msw-missing.js';

function load(): typeof import('msw') {
  try {
    return module.require('msw');
  } catch (error) {
    throw mswMissing(error);
  }
}

// CommonJS cannot await at its top.
export const { getResponse, http, HttpResponse } = load();
