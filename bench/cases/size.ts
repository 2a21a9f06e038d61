import { entrySizes } from '../../scripts/entry-sizes.js';
import { atMost, type Case } from '../support/report.js';
import { grouped } from '../support/stats.js';

export const run: Case = async () => {
  const sizes = await entrySizes();
  const main = sizes.find(({ name }) => name === 'rufus-client');
  return {
    title: '9. Size',
    how: 'Each entry bundled with its own chunks, dependencies aside, minified by esbuild, in bytes: what importing it loads, and the whole, with what is loaded when it is first needed.',
    tables: [
      {
        columns: ['Entry', 'import, minified', 'gzip', 'brotli', 'whole, minified', 'gzip', 'brotli'],
        rows: sizes.map(({ name, start, whole }) => [
          name,
          ...[start, whole].flatMap(({ minified, gzip, brotli }) => [minified, gzip, brotli].map((n) => grouped(n))),
        ]),
      },
    ],
    goals: [atMost('importing rufus-client, compressed by gzip', 12_000, main?.start.gzip ?? Number.NaN, ' bytes')],
  };
};
