import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { bundledLicenses } from './scripts/bundled-licenses.js';
import { pageHtml } from './src/board/page-html.js';

const library = {
  index: 'src/index.ts',
  schemas: 'src/schemas.ts',
  testing: 'src/testing/index.ts',
  outbox: 'src/outbox/index.ts',
  fleet: 'src/fleet/index.ts',
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

/** The board's demo finds the sandbox in the file beside its own; a name would be looked up in whatever package is around. */
const sandboxBesideUs: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'sandbox beside the board',
  setup(build) {
    build.onLoad({ filter: /[\\/]board[\\/]demo\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace("const TESTING = 'rufus-client/testing'", "const TESTING = './testing.js'");
      if (contents === source) throw new Error(`${path} has no TESTING to replace`);
      return { contents, loader: 'ts' };
    });
  },
};

/** Bun has an `undici` of its own in the place of that name, without agents. To Node and to bundlers this is the same file. */
const undiciFile: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'undici by its file',
  setup(build) {
    build.onResolve({ filter: /^undici$/ }, () => ({ path: 'undici/index.js', external: true }));
  },
};

const shared: Options = {
  target: 'node20',
  platform: 'node',
  splitting: true,
  removeNodeProtocol: false,
  sourcemap: true,
  // For undiciFile to see it: it is external all the same.
  noExternal: ['undici'],
  esbuildPlugins: [finishedPage, sandboxBesideUs, undiciFile],
  esbuildOptions(options) {
    // The maps name the files in src/, which the package has, too.
    options.sourcesContent = false;
  },
};

/** CommonJS can neither await at its top nor ask for `import.meta`. */
const commonjs: Options = {
  define: { 'import.meta.url': '__filename' },
  esbuildPlugins: [
    finishedPage,
    sandboxBesideUs,
    undiciFile,
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
  { ...shared, format: 'esm', entry: library, dts: { entry: library } },
  { ...shared, ...commonjs, format: 'cjs', entry: library, dts: { entry: library } },
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
