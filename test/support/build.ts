import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { PROJECT_FOLDER } from './child.js';

/**
 * The built package, without its types, for the tests of one file. In a folder of its own: in the project, so that
 * dependencies resolve, and not in dist, which others may be reading.
 */
export function builtPackage(): { readonly folder: string } {
  const built = { folder: '' };
  beforeAll(async () => {
    built.folder = await mkdtemp(join(PROJECT_FOLDER, 'dist-test-'));
    const tsup = join(PROJECT_FOLDER, 'node_modules/tsup/dist/cli-default.js');
    const args = [tsup, '--no-dts', '--silent', '--out-dir', built.folder];
    await promisify(execFile)(process.execPath, args, { cwd: PROJECT_FOLDER });
  }, 120_000);
  afterAll(() => rm(built.folder, { recursive: true, force: true }));
  return built;
}
