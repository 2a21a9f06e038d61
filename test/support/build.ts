// Builds the package once for a run of the tests: into a folder of its own, in the project, so that dependencies resolve,
// and not into dist, which others may be reading.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { PROJECT_FOLDER } from './child.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the built package lies. */
    dist: string;
  }
}

export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(PROJECT_FOLDER, 'dist-test-'));
  const tsup = join(PROJECT_FOLDER, 'node_modules/tsup/dist/cli-default.js');
  const args = [tsup, '--no-dts', '--silent', '--out-dir', folder];
  await promisify(execFile)(process.execPath, args, { cwd: PROJECT_FOLDER });
  provide('dist', folder);
  return () => rm(folder, { recursive: true, force: true });
}
