import { readFile, stat } from 'node:fs/promises';
import { misuse } from './command-error.js';
import type { Screen } from './screen.js';

const OTHERS_READ = 0o004;

/** Service managers and containers hand secrets over as files, in modes of their own: those are only warned of. */
export async function readSecretFile(
  file: string,
  { what, option }: { what: string; option: string },
  screen: Screen,
): Promise<string> {
  try {
    const [content, { mode }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    if (process.platform !== 'win32' && (mode & OTHERS_READ) !== 0) {
      screen.warn(`every user of this machine can read the ${what} in ${file}: chmod 600 '${file}'`);
    }
    return content;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw misuse(`The ${what} file ${file} cannot be read (${code}): check ${option}.`);
  }
}
