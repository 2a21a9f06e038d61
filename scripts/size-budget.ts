// Fails if an entry of the built package has outgrown its budget, minified and compressed by gzip, in bytes.
import { entrySizes, type Size } from './entry-sizes.js';

const BUDGET: Readonly<Record<string, { readonly start: number; readonly whole: number }>> = {
  'rufus-client': { start: 14_000, whole: 31_000 },
};

for (const { name, start, whole } of await entrySizes()) {
  const limits = BUDGET[name];
  console.log(`${name}: importing it ${shown(start, limits?.start)}; the whole ${shown(whole, limits?.whole)}`);
}

function shown({ minified, gzip, brotli }: Size, limit = Number.POSITIVE_INFINITY): string {
  const sizes = `${minified} bytes minified, ${gzip} gzip, ${brotli} brotli`;
  if (limit === Number.POSITIVE_INFINITY) return sizes;
  if (gzip > limit) process.exitCode = 1;
  return `${sizes}, ${gzip > limit ? 'OVER' : 'within'} its budget of ${limit} gzip`;
}
