// What the project installs and runs is held by hash.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../support/child.js';

const text = (file: string) => readFileSync(join(PROJECT_FOLDER, file), 'utf8');

const LOCKS = ['package-lock.json', 'bench/package-lock.json', 'examples/operations/package-lock.json'];

// npm leaves the addresses out where `omit-lockfile-registry-resolved` is set.
test.each(LOCKS)('every entry of %s has a hash and an address, of the one registry', (file) => {
  const lock: { packages: Record<string, { integrity?: string; resolved?: string }> } = JSON.parse(text(file));
  const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
  expect(entries.length).toBeGreaterThan(30);
  const lacking = entries.filter(
    ([, { integrity, resolved }]) =>
      !integrity?.startsWith('sha512-') || !resolved?.startsWith('https://registry.npmjs.org/'),
  );
  expect(lacking.map(([path]) => path)).toEqual([]);
});

test('every action is named by the hash of a commit', () => {
  const folder = '.github/workflows';
  const uses = readdirSync(join(PROJECT_FOLDER, folder)).flatMap((file) =>
    [...text(`${folder}/${file}`).matchAll(/^\s*-?\s*uses: (.+)$/gm)].map(([, action]) => action!),
  );
  expect(uses.length).toBeGreaterThan(0);
  for (const action of uses) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});
