// The heart of the suite on what users import: each entry of dist, as an ES module and as CommonJS. `npm run test:dist`, after a build.
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Tests that know the public entries only, over all of them. */
const include = [
  'test/core/{envelope,errors,finer-points,headers,middleware,observing,options,passing-time,redaction,request}.test.ts',
  'test/resources/*.test.ts',
  'test/live/{ending,following}.test.ts',
  'test/outbox/operator.test.ts',
  'test/testing/{access,faults,operations,sandbox}.test.ts',
];

/** Where the tests import `../src/outbox/index.js`, they get `dist/outbox.js` or `.cjs`. */
const entry = (source: string, built: string) => ({
  find: new RegExp(`^(\\.\\./)+src/${source}\\.js$`),
  replacement: resolve('dist', built),
});

export default defineConfig({
  test: {
    projects: ['js', 'cjs'].map((extension) => ({
      resolve: {
        alias: [
          entry('index', `index.${extension}`),
          entry('schemas', `schemas.${extension}`),
          entry('outbox/index', `outbox.${extension}`),
          entry('testing/index', `testing.${extension}`),
        ],
      },
      test: {
        name: `dist .${extension}`,
        include,
        // Loaded by Node itself, as users' programs do.
        server: { deps: { external: [/\/dist\/[^/]+\.c?js$/] } },
        // Two copies of what Node itself loads cannot be had in one process; test/package.test.ts has the ES module and the CommonJS one.
        testNamePattern: /^(?!.*two copies of the library)/,
        pool: 'forks',
        testTimeout: 30_000,
      },
    })),
    maxWorkers: 2,
  },
});
