// Before a release: the tag, the manifest and the changelog must agree. npm run release:check -- v1.2.3
import { readFileSync } from 'node:fs';

export interface Release {
  readonly tag: string;
  readonly manifest: {
    readonly version: string;
    readonly repository?: { readonly url?: string };
    readonly bugs?: { readonly url?: string };
    readonly homepage?: string;
  };
  readonly changelog: string;
}

/** What stands in the way, in words. */
export function obstacles({ tag, manifest, changelog }: Release): string[] {
  const { version, repository, bugs, homepage } = manifest;
  const heading = changelog.split('\n').find((line) => line.startsWith(`## [${version}]`));
  return [
    ...(tag === `v${version}` ? [] : [`The tag is ${tag}, the version in package.json ${version}`]),
    ...(heading === undefined ? [`CHANGELOG.md has no section [${version}]`] : []),
    ...(heading !== undefined && !/ - \d{4}-\d{2}-\d{2}$/.test(heading)
      ? [`CHANGELOG.md has no date for ${version}`]
      : []),
    // npm holds the provenance against it, and resolves the links of the README by it.
    ...(isAddress(repository?.url) ? [] : ['package.json names no repository']),
    ...(isAddress(bugs?.url) ? [] : ['package.json names no address for bugs']),
    ...(isAddress(homepage) ? [] : ['package.json names no homepage']),
  ];
}

const isAddress = (url: unknown): boolean => typeof url === 'string' && /^(git\+)?https:\/\/./.test(url);

if (import.meta.filename === process.argv[1]) {
  const [, , tag = ''] = process.argv;
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
  const found = obstacles({ tag, manifest, changelog: readFileSync('CHANGELOG.md', 'utf8') });
  for (const obstacle of found) console.error(obstacle);
  if (found.length > 0) process.exitCode = 1;
}
