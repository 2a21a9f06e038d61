import { resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';

const library = {
  index: 'src/index.ts',
  schemas: 'src/schemas.ts',
  testing: 'src/testing/index.ts',
  outbox: 'src/outbox/index.ts',
  fleet: 'src/fleet/index.ts',
};
const shared: Options = {
  target: 'node20',
  platform: 'node',
  splitting: true,
  removeNodeProtocol: false,
  sourcemap: true,
  esbuildOptions(options) {
    // The maps name the files in src/, which the package has, too.
    options.sourcesContent = false;
  },
};

/** A file of its own, so that it runs before undici is loaded. */
const first = { 'undici-check': 'src/core/undici-check.ts' };

/** CommonJS can neither await at its top nor ask for `import.meta`. */
const commonjs: Options = {
  define: { 'import.meta.url': '__filename' },
  esbuildPlugins: [
    {
      name: 'msw by require',
      setup(build) {
        build.onResolve({ filter: /^\.\/msw\.js$/ }, () => ({ path: resolve('src/testing/msw-required.ts') }));
      },
    },
  ],
};

export default defineConfig([
  // A command is run, never imported: one format is enough.
  {
    ...shared,
    format: 'esm',
    entry: { ...library, ...first, 'rufus-sandbox': 'src/testing/bin.ts' },
    dts: { entry: library },
  },
  { ...shared, ...commonjs, format: 'cjs', entry: { ...library, ...first }, dts: { entry: library } },
]);
