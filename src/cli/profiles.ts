// Where `rufus login` keeps keys: a file a profile, in the user's own configuration folder.
import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { misuse } from './command-error.js';

export interface Profile {
  readonly apiKey: string;
  /** Of the API that the key is for, where it is not the usual one. */
  readonly baseUrl?: string;
}

export const DEFAULT_PROFILE = 'default';

const NAME = /^[\w-][\w.-]{0,63}$/;
/** Group and others: what ssh calls "too open". */
const OTHERS = 0o077;

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** The folder of profiles, as each system has its place for such files. */
function profilesFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CONFIG_HOME, APPDATA } = environment;
  if (XDG_CONFIG_HOME) return join(XDG_CONFIG_HOME, 'rufus', 'profiles');
  if (process.platform === 'win32') return join(APPDATA || join(homedir(), 'AppData/Roaming'), 'rufus', 'profiles');
  if (process.platform === 'darwin') return join(homedir(), 'Library/Application Support/rufus/profiles');
  return join(homedir(), '.config/rufus/profiles');
}

export function profileFile(name: string): string {
  if (!NAME.test(name)) throw misuse('A profile is named by letters, digits, dots, dashes and underscores.');
  return join(profilesFolder(), `${name}.json`);
}

/**
 * Undefined where there is none of this name.
 *
 * @throws {CommandError} where others may read the file, or it is not ours: what it holds must count as known then
 */
export async function readProfile(name: string): Promise<Profile | undefined> {
  const file = profileFile(name);
  const handle = await open(file).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    // Of what is open, not of what the name means a moment later.
    const { mode, uid } = await handle.stat();
    demandOurs(file, uid);
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      throw misuse(
        `Others can read the key in ${file} (mode ${shown}): it is not used. Run: chmod 600 '${file}', or log in again with a new key.`,
      );
    }
    return profileOf(file, await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

export async function writeProfile(name: string, profile: Profile): Promise<string> {
  const file = profileFile(name);
  const folder = dirname(file);
  await demandOurFolder(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.part`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(profile, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  // A umask takes bits away, and never adds any; but some file systems do.
  await chmod(draft, 0o600);
  await rename(draft, file);
  return file;
}

/** `false` where there was none. */
export async function removeProfile(name: string): Promise<boolean> {
  try {
    await rm(profileFile(name));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

export async function profileNames(): Promise<string[]> {
  const files = await readdir(profilesFolder()).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

function profileOf(file: string, text: string): Profile {
  try {
    const { apiKey, baseUrl } = JSON.parse(text);
    if (typeof apiKey === 'string') return { apiKey, ...(typeof baseUrl === 'string' && { baseUrl }) };
  } catch {
    // Told below: a SyntaxError would quote the key.
  }
  throw misuse(`${file} is damaged. Log in again: rufus login`);
}

/** `sudo` with the caller's HOME would leave a key that belongs to root in somebody else's folder. */
async function demandOurFolder(folder: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await stat(at).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (found !== undefined) return demandOurs(at, found.uid);
    if (dirname(at) === at) return;
  }
}

function demandOurs(path: string, uid: number): void {
  const ours = process.geteuid?.();
  if (ours === undefined || uid === ours) return;
  throw misuse(`${path} belongs to another user. Log in as the user who runs this, or use --api-key-file.`);
}
