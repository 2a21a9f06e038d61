import { createHash } from 'node:crypto';
import { close, constants, open } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OutboxLockedError } from '../errors.js';
import { codeOf } from './disk.js';
import { closed, type Lock, listen, lockBySocket, notLockable } from './socket-lock.js';

export type { Lock };
export type LockFolder = (realpath: string) => Promise<Lock>;

type Platform = typeof process.platform;

// A lock that the kernel releases when the process dies: a pid file would outlive a crash, and its pid may belong to another process by
// then. It is in the folder, so that it holds for every process that sees the folder, in any container.
function lockOf(platform: Platform): (realpath: string) => Promise<Lock | null> {
  switch (platform) {
    case 'win32':
      return lockByPipe;
    case 'darwin':
    case 'freebsd':
    case 'netbsd':
    case 'openbsd':
      return lockByFile;
    default:
      return lockBySocket;
  }
}

/**
 * @throws OutboxLockedError - another process holds it, or that cannot be ruled out
 * @throws StorageError - nothing in this folder can be locked
 */
export async function lockFolder(realpath: string, platform: Platform = process.platform): Promise<Lock> {
  const lock = await lockOf(platform)(realpath);
  if (lock === null) throw new OutboxLockedError(`${realpath} is in use${await ownerOf(realpath)}`);
  await writeFile(join(realpath, 'owner.json'), `${JSON.stringify(await self())}\n`, { mode: 0o600 }).catch(
    () => undefined,
  );
  return lock;
}

/** The BSDs and macOS can lock a file when they open it; libuv passes the flag on. */
const O_EXLOCK = 0x20;

async function lockByFile(realpath: string): Promise<Lock | null> {
  const { O_RDWR, O_CREAT, O_NONBLOCK } = constants;
  try {
    const flags = O_RDWR | O_CREAT | O_NONBLOCK | O_EXLOCK;
    // A descriptor, not a FileHandle: the garbage collector would close that.
    const fd = await promisify(open)(join(realpath, 'lock.file'), flags, 0o600);
    return { release: () => promisify(close)(fd) };
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return null;
    if (codeOf(error) === 'ENOTSUP') throw notLockable(realpath, error);
    throw error;
  }
}

/** A named pipe is visible on the whole machine, and disappears with its process. */
async function lockByPipe(realpath: string): Promise<Lock | null> {
  const name = `rufus-outbox-${createHash('sha256').update(realpath).digest('hex').slice(0, 40)}`;
  try {
    const server = await listen(`\\\\.\\pipe\\${name}`);
    return { release: () => closed(server) };
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES') return null;
    throw error;
  }
}

/** Different after each boot; null where the system has none. */
export const bootId = (): Promise<string | null> =>
  readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => null,
  );

async function self(): Promise<object> {
  return { pid: process.pid, hostname: hostname(), boot: await bootId(), since: new Date().toISOString() };
}

/** For the message only. */
async function ownerOf(realpath: string): Promise<string> {
  try {
    const owner: unknown = JSON.parse(await readFile(join(realpath, 'owner.json'), 'utf8'));
    if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('hostname' in owner)) return '';
    const since = 'since' in owner ? ` since ${String(owner.since)}` : '';
    return ` by process ${String(owner.pid)} on ${String(owner.hostname)}${since}`;
  } catch {
    return '';
  }
}
