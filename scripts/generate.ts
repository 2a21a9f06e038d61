// Generates src/generated from openapi/rufus.yaml. With --check: fails where the committed output differs.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type UserConfig } from '@hey-api/openapi-ts';
import config from '../openapi-ts.config.js';

const COMMITTED = 'src/generated';

/** Generates into `folder`; the document is the project's own unless another is given. */
export async function generate(folder: string, input?: UserConfig['input']): Promise<void> {
  const settings = (await config) as UserConfig;
  await createClient({ ...settings, ...(input && { input }), output: { path: folder, entryFile: false } });
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
  );
}

/** Names of the files in which the two folders differ. */
export async function differences(folder: string, other: string): Promise<string[]> {
  const [ours, theirs] = await Promise.all([filesOf(folder), filesOf(other)]);
  return [...new Set([...ours.keys(), ...theirs.keys()])].filter((name) => ours.get(name) !== theirs.get(name));
}

async function check(): Promise<void> {
  const fresh = await mkdtemp(join(tmpdir(), 'rufus-generated-'));
  try {
    await generate(fresh);
    const stale = await differences(COMMITTED, fresh);
    if (stale.length === 0) return;
    console.error(
      `${COMMITTED} is not what openapi/rufus.yaml gives (${stale.join(', ')}): run \`npm run generate\` and commit the result.`,
    );
    process.exitCode = 1;
  } finally {
    await rm(fresh, { recursive: true });
  }
}

if (import.meta.filename === process.argv[1]) await (process.argv.includes('--check') ? check() : generate(COMMITTED));
