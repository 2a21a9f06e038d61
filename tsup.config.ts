import { resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { bundledLicenses } from './scripts/bundled-licenses.js';

const library = {
  index: 'src/index.ts',
  schemas: 'src/schemas.ts',
  testing: 'src/testing/index.ts',
  outbox: 'src/outbox/index.ts',
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

/** The commands use the library that lies beside them in dist: there is one copy of it, and no package has to find itself. */
const besideUs: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'library beside the commands',
  setup(build) {
    build.onResolve({ filter: /^rufus-client(\/|$)/ }, ({ path }) => {
      const entry = path === 'rufus-client' ? 'index' : path.slice('rufus-client/'.length);
      return { path: `./${entry}.js`, external: true };
    });
  },
};

export default defineConfig([
  { ...shared, format: 'esm', entry: { ...library, ...first }, dts: { entry: library } },
  { ...shared, ...commonjs, format: 'cjs', entry: { ...library, ...first }, dts: { entry: library } },
  // Commands are run, never imported: one format is enough. Their helpers are bundled, and some of those are CommonJS.
  {
    ...shared,
    format: 'esm',
    entry: { rufus: 'src/cli/bin.ts', 'rufus-sandbox': 'src/cli/sandbox-bin.ts' },
    sourcemap: false,
    esbuildOptions(options) {
      options.chunkNames = 'rufus-[name]-[hash]';
    },
    esbuildPlugins: [besideUs, bundledLicenses],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  },
]);
