import { defineConfig, type Options } from 'tsup';
import { bundledLicenses } from './scripts/bundled-licenses.js';

const library = {
  index: 'src/index.ts',
  schemas: 'src/schemas.ts',
  testing: 'src/testing/index.ts',
  outbox: 'src/outbox/index.ts',
};
const shared: Options = { target: 'node20', platform: 'node', splitting: true, removeNodeProtocol: false };

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
  { ...shared, format: 'esm', entry: library, dts: { entry: library } },
  { ...shared, format: 'cjs', entry: library, dts: { entry: library } },
  // Commands are run, never imported: one format is enough. Their helpers are bundled, and some of those are CommonJS.
  {
    ...shared,
    format: 'esm',
    entry: { rufus: 'src/cli/bin.ts', 'rufus-sandbox': 'src/cli/sandbox-bin.ts' },
    esbuildPlugins: [besideUs, bundledLicenses],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  },
]);
