// What the project installs and runs is held by hash.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../support/child.js';

const text = (file: string) => readFileSync(join(PROJECT_FOLDER, file), 'utf8');

test('every entry of the lock file has a hash, and none names another registry', () => {
  const lock: { packages: Record<string, { integrity?: string; resolved?: string }> } = JSON.parse(
    text('package-lock.json'),
  );
  const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
  expect(entries.length).toBeGreaterThan(100);
  expect(entries.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
  const addresses = entries.flatMap(([, { resolved }]) => resolved ?? []);
  expect(addresses.filter((address) => !address.startsWith('https://registry.npmjs.org/'))).toEqual([]);
});

test('every action is named by the hash of a commit', () => {
  const folder = '.github/workflows';
  const uses = readdirSync(join(PROJECT_FOLDER, folder)).flatMap((file) =>
    [...text(`${folder}/${file}`).matchAll(/^\s*-?\s*uses: (.+)$/gm)].map(([, action]) => action!),
  );
  expect(uses.length).toBeGreaterThan(0);
  for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});
