import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { OutboxLockedError, StorageError } from '../errors.js';
import { codeOf } from './disk.js';

// The holder of the folder listens on a socket file in its subfolder `lock`. A socket is found by its inode: by every process that sees
// the folder, by any path, in any container, as any user.
//
// To take the lock: listen on a socket in a subfolder of one's own, and rename that subfolder to `lock`. It works because
//
// 1. rename replaces nothing but an empty folder. The kernel guarantees that, atomically.
// 2. A socket file is bound once. One in `lock` was listened on before it got there; if a connection to it is refused, its process is
//    dead or has released the lock, and no process will listen on it again.
// 3. Socket files have random names, and none is used twice.
//
// A file in `lock` is removed by its holder when done, or by any process to which a connection was refused. By 2 that is correct however
// late it happens, by 3 it never removes another file. So the file of a living holder stays, `lock` is not empty, and by 1 no other
// process gets the lock; once the holder is dead, the next process removes the file and tries. No step waits or reads a clock: a process
// may be stopped or killed between any two of them.
//
// The holder first removes the own subfolders that killed processes have left. There a refusal may come from a process that has bound its
// socket and does not listen yet. So each process checks after the rename that its file was moved with it. If so it is safe: only the
// holder tidies up, and while that one lived the rename could not succeed.

/** Held until `release`, or until the process ends, however it ends. */
export interface Lock {
  release(): Promise<void>;
}

const ID = /^[0-9a-f]{16}$/;
const OWN = /^lock-[0-9a-f]{16}$/;
/** An empty folder, kept for a full disk, on which none can be made. */
const RESERVE = 'lock-next';
/** The longest path that a socket file can have on Linux. */
const SOCKET_PATH_BYTES = 107;
/** Errors of bind where the file system has no socket files, or a policy of the system forbids them. */
const NO_SOCKETS = ['EPERM', 'EACCES', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'EAFNOSUPPORT'];

/**
 * Resolves with null where another process holds it.
 *
 * @throws OutboxLockedError - that cannot be ruled out
 * @throws StorageError - there can be no socket file in this folder
 */
export async function lockBySocket(folder: string): Promise<Lock | null> {
  const id = randomBytes(8).toString('hex');
  if (Buffer.byteLength(join(folder, `lock-${id}`, id)) <= SOCKET_PATH_BYTES) return attempt(folder, folder, id);
  const handle = await open(folder, 'r');
  try {
    const short = `/proc/self/fd/${handle.fd}`;
    await access(short).catch((cause: unknown) => {
      const message = `The path of ${folder} is too long for a socket file, and there is no /proc to shorten it: use a shorter one`;
      throw new StorageError(message, { cause });
    });
    return await attempt(folder, short, id);
  } finally {
    await handle.close();
  }
}

/** `short`: the same folder, by a path that leaves room for the names of sockets. */
async function attempt(folder: string, short: string, id: string): Promise<Lock | null> {
  const place = join(folder, 'lock');
  const own = join(folder, `lock-${id}`);
  if (!(await isFree(place, `${short}/lock`))) return null;
  const server = await listenIn(folder, own, `${short}/lock-${id}/${id}`);
  const letGo = async (subfolder: string): Promise<void> => {
    await rm(join(subfolder, id), { force: true }).catch(() => undefined);
    // Fails, rightly, where another process has taken the lock meanwhile: then it is not empty.
    await rmdir(subfolder).catch(() => undefined);
    await closed(server);
  };
  try {
    while (!(await moved(own, place))) {
      if (await isFree(place, `${short}/lock`)) continue;
      await letGo(own);
      return null;
    }
    if (await exists(join(place, id))) {
      await tidy(folder, short).catch(() => undefined);
      return { release: () => letGo(place) };
    }
  } catch (error) {
    if (await exists(own)) {
      await letGo(own);
      throw error;
    }
  }
  // The holder has removed the own subfolder.
  await closed(server);
  return lockBySocket(folder);
}

/** Whether a process holds the folder, without locking it. False also where that is unknown: on other systems than Linux, or for another user's folder. */
export async function isHeld(folder: string): Promise<boolean> {
  try {
    const names = await readdir(join(folder, 'lock'));
    // A path that leaves room for the names of sockets, however long the folder's is.
    const handle = await open(folder, 'r');
    try {
      for (const name of names) if (await isListenedOn(`/proc/self/fd/${handle.fd}/lock/${name}`)) return true;
    } finally {
      await handle.close();
    }
  } catch {
    // Counts as not held: see above.
  }
  return false;
}

/** Whether no process listens in this subfolder; removes what is left over there. */
async function isFree(subfolder: string, short: string): Promise<boolean> {
  try {
    for (const name of await readdir(subfolder)) {
      if (ID.test(name) && (await isListenedOn(`${short}/${name}`))) return false;
      await rm(join(subfolder, name), { recursive: true, force: true });
    }
    return true;
  } catch (error) {
    switch (codeOf(error)) {
      case 'ENOENT':
        return true;
      case 'ENOTDIR':
        // A file, not made by this library. unlink never removes a folder.
        await unlink(subfolder).catch(() => undefined);
        return true;
      case 'EACCES':
      case 'EPERM': {
        const message = `${subfolder} cannot be examined: another user's process has the folder in use, or was killed when it had. One user only may use an outbox folder`;
        throw new OutboxLockedError(message, { cause: error });
      }
      default:
        throw error;
    }
  }
}

async function listenIn(folder: string, own: string, path: string): Promise<Server> {
  for (;;) {
    const reserve = join(folder, RESERVE);
    await mkdir(own, 0o700).catch((error) => rename(reserve, own).catch(() => Promise.reject(error)));
    try {
      return await listen(path);
    } catch (error) {
      // A new holder has removed it. libuv reports EACCES for ENOENT.
      if (!(await exists(own)) && (await exists(folder))) continue;
      await rename(own, reserve).catch(() => undefined);
      throw NO_SOCKETS.includes(codeOf(error) ?? '') ? notLockable(folder, error) : error;
    }
  }
}

async function moved(own: string, place: string): Promise<boolean> {
  try {
    await rename(own, place);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function tidy(folder: string, short: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (OWN.test(name) && (await isFree(path, `${short}/${name}`))) await rmdir(path).catch(() => undefined);
  }
  await mkdir(join(folder, RESERVE), { mode: 0o700, recursive: true });
}

/** Rejects where the system does not allow the check. */
function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      // EAGAIN: its backlog is full. The process was stopped, and may continue.
      if (codeOf(error) === 'EAGAIN') resolve(true);
      // The listener was closed at this moment.
      else if (codeOf(error) === 'ECONNRESET') resolve(isListenedOn(path));
      else if (codeOf(error) === 'ECONNREFUSED' || codeOf(error) === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

export function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    // `exclusive`: a worker of node:cluster would otherwise share it with its siblings.
    server.listen({ path, exclusive: true }, () => resolve(server.unref()));
  });
}

export const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
  });

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

export function notLockable(folder: string, cause: unknown): StorageError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(
    `The outbox folder ${folder} cannot be locked (${why}), and a second process in it would give the same numbers again. FAT, exFAT and most network shares have no locks: use a folder on a local file system, such as ext4, xfs, btrfs or f2fs`,
    { cause },
  );
}
