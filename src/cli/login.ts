import { text } from 'node:stream/consumers';
import { accessOf, inWords } from './access.js';
import { readKeyFile } from './api-key.js';
import { CommandError, misuse } from './command-error.js';
import type { Context } from './context.js';
import { EXIT } from './exit-codes.js';
import { DEFAULT_PROFILE, profileFile, writeProfile } from './profiles.js';
import { askSecretly } from './prompts.js';

/** Asks for a key, checks it against the API, and keeps it. */
export async function login(context: Context): Promise<void> {
  const { profile = DEFAULT_PROFILE, baseUrl = process.env.RUFUS_BASE_URL?.trim() } = context.options;
  // A name that cannot be is told before anybody types a key.
  profileFile(profile);
  const apiKey = context.secret(await givenKey(context));
  const client = await context.makeClient({ apiKey });
  try {
    const access = await accessOf(client, context.signal);
    if (!access.read && !access.write) {
      throw new CommandError(
        'The API refuses this key: nothing was kept. Check it, or ask for a new one.',
        EXIT.keyRefused,
      );
    }
    const file = await writeProfile(profile, { apiKey, ...(baseUrl && { baseUrl }) });
    context.screen.note(`The key may ${inWords(access)}. Kept in ${file}`);
  } finally {
    await client.close();
  }
  if (process.env.RUFUS_API_KEY && context.options.profile === undefined) {
    context.screen.warn('RUFUS_API_KEY is set, and goes before this: unset it, or name the profile by --profile.');
  }
}

async function givenKey(context: Context): Promise<string> {
  const { apiKeyFile } = context.options;
  if (apiKeyFile !== undefined) return readKeyFile(apiKeyFile, context.screen);
  const typed = process.stdin.isTTY ? await askSecretly('API key (not shown): ', context) : await text(process.stdin);
  if (typed.trim() === '') throw misuse('No key was given.');
  return typed.trim();
}
