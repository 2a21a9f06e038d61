import { entrySizes } from '../../scripts/entry-sizes.js';
import { atMost, type Case } from '../support/report.js';
import { grouped } from '../support/stats.js';

export const run: Case = async () => {
  const sizes = await entrySizes();
  const main = sizes.find(({ name }) => name === 'rufus-client');
  return {
    title: '9. Size',
    how: 'Each entry bundled with its own chunks, dependencies aside, minified by esbuild, in bytes.',
    tables: [
      {
        columns: ['Entry', 'minified', 'gzip', 'brotli'],
        rows: sizes.map(({ name, minified, gzip, brotli }) => [
          name,
          ...[minified, gzip, brotli].map((n) => grouped(n)),
        ]),
      },
    ],
    goals: [atMost('rufus-client, compressed by brotli', 20_000, main?.brotli ?? Number.NaN, ' bytes')],
  };
};
