import { defineConfig, type Options } from 'tsup';
import { pageHtml } from './src/board/page-html.js';

const library = {
  index: 'src/index.ts',
  schemas: 'src/schemas.ts',
  testing: 'src/testing/index.ts',
  outbox: 'src/outbox/index.ts',
  board: 'src/board/index.ts',
};

/** The board's page goes into the package as text: neither esbuild nor the page's own libraries are there at run time. */
const finishedPage: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'finished-page',
  setup(build) {
    build.onLoad({ filter: /[\\/]board[\\/]page-html\.ts$/ }, async () => ({
      contents: `export const pageHtml = async () => ${JSON.stringify(await pageHtml())};`,
    }));
  },
};

const shared: Options = {
  target: 'node20',
  platform: 'node',
  splitting: true,
  removeNodeProtocol: false,
  esbuildPlugins: [finishedPage],
};

export default defineConfig([
  // A command is run, never imported: one format is enough.
  { ...shared, format: 'esm', entry: { ...library, 'rufus-sandbox': 'src/testing/bin.ts' }, dts: { entry: library } },
  { ...shared, format: 'cjs', entry: library, dts: { entry: library } },
]);
