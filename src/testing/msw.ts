// Not `createRequire` by its name: bundles of users commonly declare that in a banner.
import nodeModule from 'node:module';
import { mswMissing } from './msw-missing.js';

type Msw = typeof import('msw');

// Not by a static import, whose failure nobody could explain. On Deno msw keeps the process from ending: it is loaded there by
// who asks for its handlers, and not before. In the CommonJS build msw-required.ts stands in for this.
const loaded: Msw | undefined =
  'Deno' in globalThis
    ? undefined
    : await import('msw').catch((error: unknown) => {
        throw mswMissing(error);
      });

export function msw(): Msw {
  if (loaded !== undefined) return loaded;
  try {
    return nodeModule.createRequire(import.meta.url)('msw') as Msw;
  } catch (error) {
    throw mswMissing(error);
  }
}
