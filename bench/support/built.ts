import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The package as it ships: `dist`, typed by its source. */
export const { RufusClient } = (await import(entryUrl('index'))) as typeof import('../../src/index.js');

export function entryUrl(entry: string): string {
  return pathToFileURL(resolve('dist', `${entry}.js`)).href;
}
