// An undici that this Node cannot load: told by the package itself, not by undici.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const expected = {
  name: 'RufusConfigError',
  code: 'config',
  message: /^undici 8\.\d+\.\d+ needs Node 22\.19\.0 or later, and this is Node 20\./,
};
await assert.rejects(import('rufus-client'), expected);
assert.throws(() => createRequire(import.meta.url)('rufus-client'), expected);
