// Fails if an entry of the built package has outgrown its budget, minified and compressed by brotli, in bytes.
import { entrySizes } from './entry-sizes.js';

const BUDGET: Readonly<Record<string, number>> = {
  'rufus-client': 26_000,
};

for (const { name, minified, gzip, brotli } of await entrySizes()) {
  const limit = BUDGET[name];
  const tooLarge = limit !== undefined && brotli > limit;
  const verdict = limit === undefined ? '' : `, ${tooLarge ? 'OVER' : 'within'} its budget of ${limit}`;
  console.log(`${name}: ${minified} bytes minified, ${gzip} gzip, ${brotli} brotli${verdict}`);
  if (tooLarge) process.exitCode = 1;
}
