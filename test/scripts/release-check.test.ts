import { expect, test } from 'vitest';
import { obstacles } from '../../scripts/release-check.js';

const manifest = {
  version: '1.2.0',
  repository: { url: 'git+https://example.org/rufus-client.git' },
  bugs: { url: 'https://example.org/rufus-client/issues' },
  homepage: 'https://example.org/rufus-client#readme',
};
const changelog = '# Changelog\n\n## [1.2.0] - 2026-05-03\n\n### Added\n\n## [1.1.0] - 2026-01-01\n';

test('a release whose tag, manifest and changelog agree may go', () => {
  expect(obstacles({ tag: 'v1.2.0', manifest, changelog })).toEqual([]);
});

test('every disagreement is named', () => {
  expect(obstacles({ tag: 'v1.2.1', manifest, changelog })).toEqual([
    'The tag is v1.2.1, the version in package.json 1.2.0',
  ]);
  expect(obstacles({ tag: 'v1.2.0', manifest, changelog: changelog.replace('2026-05-03', 'Unreleased') })).toEqual([
    'CHANGELOG.md has no date for 1.2.0',
  ]);
  const next = { ...manifest, version: '1.3.0' };
  expect(obstacles({ tag: 'v1.3.0', manifest: next, changelog })).toEqual(['CHANGELOG.md has no section [1.3.0]']);
  const addresses = [
    'package.json names no repository',
    'package.json names no address for bugs',
    'package.json names no homepage',
  ];
  expect(obstacles({ tag: 'v1.2.0', manifest: { version: '1.2.0' }, changelog })).toEqual(addresses);
  const empty = { version: '1.2.0', repository: { url: '' }, bugs: {}, homepage: '' };
  expect(obstacles({ tag: 'v1.2.0', manifest: empty, changelog })).toEqual(addresses);
});
