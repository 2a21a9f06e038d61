import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Everything that can be seen of a folder but the times of reading: names, kinds, modes, owners, sizes, times, contents. */
export function fingerprint(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = [folder, ...entries.map(({ parentPath, name }) => join(parentPath, name))];
  return paths.sort().map((path) => {
    const { mode, uid, size, ino, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    const facts = [relative(folder, path), mode.toString(8), uid, size, ino, mtimeNs, ctimeNs];
    if (lstatSync(path).isFile()) facts.push(createHash('sha256').update(readFileSync(path)).digest('hex'));
    return facts.join(' ');
  });
}
