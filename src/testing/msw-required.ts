import { mswMissing } from './msw-missing.js';

type Msw = typeof import('msw');

// CommonJS cannot await at its top. For Deno see msw.ts.
const loaded: Msw | undefined = 'Deno' in globalThis ? undefined : load();

export const msw = (): Msw => loaded ?? load();

function load(): Msw {
  try {
    return module.require('msw');
  } catch (error) {
    throw mswMissing(error);
  }
}
