import { createHash } from 'node:crypto';
import { mkdir, readFile, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutboxLockedError } from '../errors.js';
import { codeOf } from './disk.js';

/** Held until `release`, or until the process ends, however it ends. */
export interface Lock {
  release(): Promise<void>;
}
export type LockFolder = (realpath: string) => Promise<Lock>;

/** What the systems that need a socket file allow its path, with some to spare. */
const SOCKET_PATH_BYTES = 96;

type Platform = typeof process.platform;

// The lock is a name that the kernel takes back when the process dies: no pid file that outlives a crash, no pid that belongs to
// another by now. Linux has abstract sockets, Windows named pipes. Elsewhere it is a socket file, which may outlive its
// process, but then nobody answers on it.
export async function lockFolder(realpath: string, platform: Platform = process.platform): Promise<Lock> {
  const server = await claim(realpath, platform);
  if (server === null) throw new OutboxLockedError(`${realpath} is in use${await ownerOf(realpath)}`);
  await writeFile(join(realpath, 'owner.json'), `${JSON.stringify(await self())}\n`, { mode: 0o600 }).catch(
    () => undefined,
  );
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

function claim(realpath: string, platform: Platform): Promise<Server | null> {
  const name = `rufus-outbox-${createHash('sha256').update(realpath).digest('hex').slice(0, 40)}`;
  if (platform === 'linux' || platform === 'android') return listen(`\0${name}`);
  if (platform === 'win32') return listen(`\\\\.\\pipe\\${name}`);
  const inside = join(realpath, 'lock.sock');
  return claimFile(Buffer.byteLength(inside) <= SOCKET_PATH_BYTES ? inside : join(tmpdir(), `${name}.sock`));
}

function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) =>
      codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES' ? resolve(null) : reject(error),
    );
    // `exclusive`: a worker of node:cluster would otherwise share the name with its siblings.
    server.listen({ path, exclusive: true }, () => resolve(server.unref()));
  });
}

const TAKEOVER_MS = 5_000;

/** A socket file that nobody answers on is left over. Only one process at a time may take such a file away. */
async function claimFile(path: string): Promise<Server | null> {
  const free = await listen(path);
  if (free !== null) return free;
  const turn = `${path}.turn`;
  for (;;) {
    if (await isAlive(path)) return null;
    try {
      await mkdir(turn);
      break;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      const since = await stat(turn).then(({ mtimeMs }) => mtimeMs, Date.now);
      if (Date.now() - since > TAKEOVER_MS) await rmdir(turn).catch(() => undefined);
      else await sleep(20);
    }
  }
  try {
    if (await isAlive(path)) return null;
    await unlink(path).catch(() => undefined);
    return await listen(path);
  } finally {
    await rmdir(turn).catch(() => undefined);
  }
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Set anew at each boot; null where the system has none. */
export const bootId = (): Promise<string | null> =>
  readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => null,
  );

async function self(): Promise<object> {
  return { pid: process.pid, hostname: hostname(), boot: await bootId(), since: new Date().toISOString() };
}

/** For the message only: nothing is decided by it. */
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
