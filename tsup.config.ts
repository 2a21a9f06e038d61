import { defineConfig, type Options } from 'tsup';

const library = {
  index: 'src/index.ts',
  schemas: 'src/schemas.ts',
  testing: 'src/testing/index.ts',
  outbox: 'src/outbox/index.ts',
  fleet: 'src/fleet/index.ts',
};
const shared: Options = { target: 'node20', platform: 'node', splitting: true, removeNodeProtocol: false };

export default defineConfig([
  // A command is run, never imported: one format is enough.
  { ...shared, format: 'esm', entry: { ...library, 'rufus-sandbox': 'src/testing/bin.ts' }, dts: { entry: library } },
  { ...shared, format: 'cjs', entry: library, dts: { entry: library } },
]);
