import { readFile, stat } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { misuse } from './command-error.js';
import { DEFAULT_PROFILE, readProfile } from './profiles.js';
import type { Screen } from './screen.js';

export interface KeySource {
  readonly apiKey: string;
  /** Where it came from, in words. */
  readonly origin: string;
  /** Of the profile that it came from. */
  readonly baseUrl?: string | undefined;
}

export interface KeyOptions {
  readonly apiKeyFile?: string | undefined;
  readonly profile?: string | undefined;
}

const OTHERS_READ = 0o004;

/** What was asked for on the command line comes first, then the environment, then the profile of `rufus login`. */
export async function findKey({ apiKeyFile, profile }: KeyOptions, screen: Screen): Promise<KeySource> {
  if (apiKeyFile !== undefined) {
    const apiKey = await readKeyFile(apiKeyFile, screen);
    return { apiKey, origin: apiKeyFile === '-' ? 'standard input' : apiKeyFile };
  }
  const fromEnvironment = process.env.RUFUS_API_KEY?.trim();
  if (profile === undefined && fromEnvironment) return { apiKey: fromEnvironment, origin: 'RUFUS_API_KEY' };
  const name = profile ?? DEFAULT_PROFILE;
  const found = await readProfile(name);
  if (found !== undefined) return { ...found, origin: `profile ${name}` };
  if (profile !== undefined) {
    throw misuse(`There is no profile ${name}. Make it: rufus login --profile ${name}; or see: rufus profiles`);
  }
  throw misuse('There is no API key. Run: rufus login; or set RUFUS_API_KEY, or name a file by --api-key-file.');
}

/** Service managers and containers hand secrets over as files, in modes of their own: those are only warned of. */
export async function readKeyFile(file: string, screen: Screen): Promise<string> {
  if (file === '-') return demandKey(await text(process.stdin), 'Standard input');
  try {
    const [content, { mode }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    if (process.platform !== 'win32' && (mode & OTHERS_READ) !== 0) {
      screen.warn(`every user of this machine can read the key in ${file}: chmod 600 '${file}'`);
    }
    return demandKey(content, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw misuse(`The key file ${file} cannot be read (${code}): check --api-key-file.`);
  }
}

function demandKey(content: string, origin: string): string {
  const key = content.trim();
  if (key === '') throw misuse(`${origin} holds no API key. It should hold the key and nothing else.`);
  return key;
}
