import { createRequire } from 'node:module';
import { RufusConfigError } from './errors.js';

/** Known before undici is loaded, which would end with a TypeError of its own in a Node that it was not made for. */
export const isUndiciUsable = checkUndici();

function checkUndici(): true {
  const { version, engines } = manifestOfUndici();
  const least = /^>=\s*(\d+\.\d+\.\d+)$/.exec(engines?.node ?? '')?.[1];
  if (least !== undefined && isOlder(process.versions.node, least)) {
    throw new RufusConfigError(
      `undici ${version} needs Node ${least} or later, and this is Node ${process.versions.node}. Install undici 7 (npm install undici@7), or a newer Node. ` +
        'A lock file made on a newer Node, or `overrides`, may have brought it.',
    );
  }
  return true;
}

function manifestOfUndici(): { version?: string; engines?: { node?: string } } {
  try {
    return createRequire(import.meta.url)('undici/package.json');
  } catch {
    // Bundled: there is no package to look at.
    return {};
  }
}

function isOlder(version: string, least: string): boolean {
  const [found, wanted] = [numbersOf(version), numbersOf(least)];
  const at = found.findIndex((number, index) => number !== wanted[index]);
  return at !== -1 && found[at]! < (wanted[at] ?? 0);
}

function numbersOf(version: string): number[] {
  return version.split('.', 3).map((part) => Number.parseInt(part, 10));
}
