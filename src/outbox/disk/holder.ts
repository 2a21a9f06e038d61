import { open, readdir } from 'node:fs/promises';
import { isListenedOn } from './socket-lock.js';

/** Whether a process holds the folder, without taking hold of it; false also where that cannot be told. */
export async function isHeld(folder: string): Promise<boolean> {
  try {
    const names = await readdir(`${folder}/lock`);
    // A path that has room for the names of sockets, however long the folder's is.
    const handle = await open(folder, 'r');
    try {
      for (const name of names) if (await isListenedOn(`/proc/self/fd/${handle.fd}/lock/${name}`)) return true;
    } finally {
      await handle.close();
    }
  } catch {
    // No Linux, or another user's folder.
  }
  return false;
}
