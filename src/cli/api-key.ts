import { text } from 'node:stream/consumers';
import { misuse } from './command-error.js';
import { DEFAULT_PROFILE, readProfile } from './profiles.js';
import type { Screen } from './screen.js';
import { readSecretFile } from './secret-file.js';

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

export async function readKeyFile(file: string, screen: Screen): Promise<string> {
  if (file === '-') return demandKey(await text(process.stdin), 'Standard input');
  return demandKey(await readSecretFile(file, { what: 'key', option: '--api-key-file' }, screen), file);
}

function demandKey(content: string, origin: string): string {
  const key = content.trim();
  if (key === '') throw misuse(`${origin} holds no API key. It should hold the key and nothing else.`);
  return key;
}
