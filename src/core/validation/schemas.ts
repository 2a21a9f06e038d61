import { Lazy } from '../lazy.js';

/** The generated schemas, and zod with them. Loaded by the first call, and by whatever checks passings without one. */
export const schemas = new Lazy(() => import('./by-schema.js'));
