// One folder, one process: for everybody on the machine who sees the folder. Real processes, in real namespaces where the system allows.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { lockFolder } from '../../../src/outbox/disk/lock.js';
import { openJournal } from '../../../src/outbox/disk/open-journal.js';
import { OutboxLockedError, StorageError } from '../../../src/outbox/errors.js';
import type { Receipt } from '../../../src/outbox/types.js';
import { cycles, Random, seedOf } from './random.js';

const SCRIPT = fileURLToPath(new URL('./locking-process.ts', import.meta.url));
const SEED = seedOf(4_711);

let directory = '';
const volumes: string[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(await realpath(tmpdir()), 'rufus-lock-'));
});
afterEach(async () => {
  for (const path of volumes.splice(0)) execFileSync('umount', ['-l', path]);
  await rm(directory, { recursive: true, force: true });
});

/** Whether this machine lets us run a command inside these. */
function allows(wrapper: readonly string[], command: readonly string[] = ['true']): boolean {
  try {
    execFileSync(wrapper[0]!, [...wrapper.slice(1), ...command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Said {
  readonly outcome: string;
  readonly message: string;
}

class Opener {
  readonly child: ChildProcess;
  #said = '';
  constructor(folder: string, { wrapper = [], args = [] }: { wrapper?: readonly string[]; args?: string[] } = {}) {
    const [command = '', ...rest] = [...wrapper, process.execPath, '--import', 'tsx', SCRIPT, folder, ...args];
    // In a process group of its own: what kills it kills what `unshare` has started, too.
    this.child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.child.stdout?.on('data', (chunk) => {
      this.#said += chunk;
    });
    onTestFinished(() => this.kill());
  }
  async says(line = 1): Promise<Said> {
    await expect.poll(() => this.#said.split('\n').length, { timeout: 25_000, interval: 5 }).toBeGreaterThan(line);
    return JSON.parse(this.#said.split('\n')[line - 1]!) as Said;
  }
  signal(name: NodeJS.Signals): void {
    if (this.child.exitCode === null && this.child.signalCode === null) process.kill(-this.child.pid!, name);
  }
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'close');
    this.signal('SIGKILL');
    await gone;
  }
  async release(): Promise<void> {
    this.child.stdin?.write('let go');
    await this.says(2);
  }
  async append(): Promise<Receipt[]> {
    this.child.stdin?.write('append');
    return JSON.parse((await this.says(2)).message) as Receipt[];
  }
}

/** What a killed process leaves: a socket file in its place, on which nobody listens. */
async function leftOver(folder: string): Promise<void> {
  const own = join(folder, 'lock');
  await mkdir(own, { recursive: true });
  const path = join(own, '0123456789abcdef');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.x`, resolve));
  execFileSync('mv', [`${path}.x`, path]);
  await new Promise((resolve) => server.close(resolve));
  expect(await readdir(own)).toEqual(['0123456789abcdef']);
}

const NAMESPACES: [string, string[]][] = [
  ['the network', ['unshare', '--net']],
  ['the process ids', ['unshare', '--pid', '--fork', '--kill-child']],
  ['the users', ['unshare', '--user', '--map-root-user']],
  ['all of them', ['unshare', '--user', '--map-root-user', '--net', '--pid', '--fork', '--ipc', '--uts', '--mount']],
];

describe.skipIf(process.platform !== 'linux')('the lock, across what separates processes', () => {
  for (const [what, wrapper] of NAMESPACES) {
    it.skipIf(!allows(wrapper))(
      `holds across namespaces of ${what} (skipped where unshare is not allowed)`,
      async () => {
        const inside = new Opener(directory, { wrapper });
        expect(await inside.says()).toMatchObject({ outcome: 'held' });
        const outside = await openJournal({ directory }).catch((error: unknown) => error);
        expect(outside).toBeInstanceOf(OutboxLockedError);
        if (what === 'all of them') {
          expect(await new Opener(directory, { wrapper }).says()).toMatchObject({ outcome: 'OutboxLockedError' });
        }
        await inside.kill();
        const journal = await openJournal({ directory });
        const second = new Opener(directory, { wrapper });
        expect(await second.says()).toMatchObject({ outcome: 'OutboxLockedError' });
        await journal.close();
      },
    );
  }

  const network = ['unshare', '--net'];
  it.skipIf(!allows(network))(
    'so that what one has acknowledged is not lost to the other (skipped where unshare is not allowed)',
    async () => {
      const a = new Opener(directory);
      await a.says();
      const first = await a.append();
      // It got in once: it acknowledged 4 to 6, the other one did, too, and after a restart three of them were gone.
      const b = new Opener(directory, { wrapper: network });
      expect(await b.says()).toMatchObject({ outcome: 'OutboxLockedError' });
      await a.kill();
      const c = new Opener(directory, { wrapper: network });
      await c.says();
      const second = await c.append();
      await c.kill();
      const journal = await openJournal({ directory });
      const kept = await journal.read({ max: 10, maxBytes: 1e6 });
      expect(kept.map(({ token_session, num_passing }) => ({ token_session, num_passing }))).toEqual([
        ...first,
        ...second,
      ]);
      expect(kept.map(({ num_passing }) => num_passing)).toEqual([1, 2, 3, 4, 5, 6]);
      await journal.close();
    },
  );

  const bound = (path: string, at: string): string[] => [
    'unshare',
    '--mount',
    'sh',
    '-c',
    `mount --bind ${path} ${at} && exec "$0" "$@"`,
  ];
  it.skipIf(!allows(bound(tmpdir(), tmpdir())))(
    'holds by another path, bound there in a mount namespace of its own (mounting takes root)',
    async () => {
      const elsewhere = `${directory}.elsewhere`;
      await mkdir(elsewhere);
      onTestFinished(() => rm(elsewhere, { recursive: true }));
      const journal = await openJournal({ directory });
      const wrapper = bound(directory, elsewhere);
      const refused = await new Opener(elsewhere, { wrapper }).says();
      expect(refused).toMatchObject({ outcome: 'OutboxLockedError' });
      expect(refused.message).toContain(`process ${process.pid} on `);
      await journal.close();
      const holder = new Opener(elsewhere, { wrapper });
      expect(await holder.says()).toMatchObject({ outcome: 'held' });
      await expect(openJournal({ directory })).rejects.toThrow(OutboxLockedError);
      await holder.release();
      await (await openJournal({ directory })).close();
    },
  );

  const nobody = ['setpriv', '--reuid=65534', '--clear-groups'];
  it.skipIf(!allows(nobody, ['test', '-r', SCRIPT]))(
    'holds for another user, and says so where it cannot tell (takes root, and a project that others may read)',
    async () => {
      await chmod(directory, 0o777);
      const journal = await openJournal({ directory });
      const refused = await new Opener(directory, { wrapper: nobody }).says();
      expect(refused).toMatchObject({ outcome: 'OutboxLockedError' });
      expect(refused.message).toContain("another user's process");
      await journal.close();
      const other = join(directory, 'other');
      await mkdir(other, { mode: 0o777 });
      await chmod(other, 0o777);
      const holder = new Opener(other, { wrapper: nobody });
      expect(await holder.says()).toMatchObject({ outcome: 'held' });
      await expect(openJournal({ directory: other })).rejects.toThrow(OutboxLockedError);
      await holder.kill();
      await (await openJournal({ directory: other })).close();
    },
  );
});

describe('the lock', () => {
  it('is that of the folder, by whatever path', async () => {
    const link = `${directory}-link`;
    await symlink(directory, link);
    onTestFinished(() => rm(link));
    const journal = await openJournal({ directory });
    await expect(openJournal({ directory: link })).rejects.toThrow(OutboxLockedError);
    await journal.close();
  });

  it('says who holds it', async () => {
    const journal = await openJournal({ directory });
    await expect(openJournal({ directory })).rejects.toThrow(`in use by process ${process.pid} on `);
    const owner: unknown = JSON.parse(await readFile(join(directory, 'owner.json'), 'utf8'));
    expect(owner).toMatchObject({ pid: process.pid, hostname: expect.any(String), since: expect.any(String) });
    await journal.close();
  });

  it('holds however long the path of the folder is', async () => {
    const long = join(directory, 'x'.repeat(200), 'y'.repeat(200));
    await mkdir(long, { recursive: true });
    const first = await lockFolder(long);
    await expect(lockFolder(long)).rejects.toThrow(OutboxLockedError);
    const another = new Opener(long);
    expect(await another.says()).toMatchObject({ outcome: 'OutboxLockedError' });
    await first.release();
    const holder = new Opener(long);
    expect(await holder.says()).toMatchObject({ outcome: 'held' });
    await expect(lockFolder(long)).rejects.toThrow(OutboxLockedError);
    await holder.kill();
    await (await lockFolder(long)).release();
  });

  const apart = ['unshare', '--net', '--pid', '--fork', '--kill-child'];
  it.skipIf(!allows(apart))(
    'holds with a long path and namespaces, too (skipped where unshare is not allowed)',
    async () => {
      const long = join(directory, 'x'.repeat(200));
      await mkdir(long);
      const holder = new Opener(long, { wrapper: apart });
      expect(await holder.says()).toMatchObject({ outcome: 'held' });
      await expect(lockFolder(long)).rejects.toThrow(OutboxLockedError);
      await holder.kill();
      const lock = await lockFolder(long);
      expect(await new Opener(long, { wrapper: apart }).says()).toMatchObject({ outcome: 'OutboxLockedError' });
      await lock.release();
    },
  );

  it('dies with its process, at once, and leaves nothing in the way', async () => {
    for (let i = 0; i < 2; i++) {
      const holder = new Opener(directory);
      expect(await holder.says()).toMatchObject({ outcome: 'held' });
      await holder.kill();
    }
    const begun = performance.now();
    await (await openJournal({ directory })).close();
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it.skipIf(process.platform !== 'linux')(
    'is not taken from a process that is stopped, however many ask',
    { timeout: 60_000 },
    async () => {
      const holder = new Opener(directory);
      expect(await holder.says()).toMatchObject({ outcome: 'held' });
      holder.signal('SIGSTOP');
      // More than the system keeps waiting for an answer.
      for (let i = 0; i < 30; i++) {
        const tries = await Promise.allSettled(Array.from({ length: 50 }, () => lockFolder(directory)));
        for (const { status } of tries) expect(status).toBe('rejected');
      }
      holder.signal('SIGCONT');
      await holder.release();
      await (await lockFolder(directory)).release();
    },
  );

  it.skipIf(process.platform !== 'linux')(
    'goes to one of many who ask at once in one process, and to the next when that lets go',
    async () => {
      for (let round = 0; round < 20; round++) {
        if (round % 2 === 0) await leftOver(directory);
        const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(directory)));
        const held = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
        expect(held).toHaveLength(1);
        for (const result of tries) {
          if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(OutboxLockedError);
        }
        await held[0]!.release();
      }
      expect((await readdir(directory)).sort()).toEqual(['lock-next', 'owner.json']);
    },
  );

  it('is not shared by the workers of a cluster, and ends with the worker', async () => {
    cluster.setupPrimary({ exec: SCRIPT, args: [directory], execArgv: ['--import', 'tsx'], silent: true });
    const workers = Array.from({ length: 3 }, () => cluster.fork());
    onTestFinished(() => {
      for (const worker of workers) worker.process.kill('SIGKILL');
    });
    const outcomes = await Promise.all(
      workers.map(async (worker) => {
        const [chunk] = (await once(worker.process.stdout!, 'data')) as [Buffer];
        return (JSON.parse(chunk.toString().split('\n')[0]!) as Said).outcome;
      }),
    );
    expect([...outcomes].sort()).toEqual(['OutboxLockedError', 'OutboxLockedError', 'held']);
    const holder = workers[outcomes.indexOf('held')]!;
    holder.process.kill('SIGKILL');
    await once(holder, 'exit');
    await (await openJournal({ directory })).close();
  });

  it.skipIf(process.platform !== 'linux')(
    'takes no notice of what an earlier version left, nor of what others did',
    async () => {
      await writeFile(join(directory, 'lock.sock'), '');
      await mkdir(join(directory, 'lock.sock.turn'));
      await writeFile(join(directory, 'lock'), 'a file');
      await (await openJournal({ directory })).close();
      await mkdir(join(directory, 'lock'), { recursive: true });
      await writeFile(join(directory, 'lock', 'a note of the operator'), '');
      await writeFile(join(directory, 'lock', 'fedcba9876543210'), '');
      await mkdir(join(directory, 'lock-0123456789abcdef', 'deep'), { recursive: true });
      await (await openJournal({ directory })).close();
      expect((await readdir(directory)).filter((name) => name.startsWith('lock')).sort()).toEqual([
        'lock-next',
        'lock.sock',
        'lock.sock.turn',
      ]);
    },
  );
});

/** Lines of those who were inside, in the order of the writes: who writes after another has come in was inside with it. */
function overlaps(lines: readonly string[]): string[] {
  const wrong: string[] = [];
  let inside = '';
  for (const [index, line] of lines.entries()) {
    const [what, who = ''] = line.split(' ');
    if (what === 'error') wrong.push(line);
    else if (what === 'enter') inside = who;
    else if (who !== inside) wrong.push(`line ${index}: ${line}, but ${inside} has entered`);
  }
  return wrong;
}

it.skipIf(process.platform !== 'linux')(
  'goes to one at a time, whoever is killed or stopped at whatever moment',
  { timeout: 600_000 },
  async () => {
    const random = new Random(SEED);
    const transcript = join(directory, 'transcript');
    const folder = join(directory, 'outbox');
    await mkdir(folder);
    await writeFile(transcript, '');
    const start = (): Opener => new Opener(folder, { args: [transcript] });
    const openers = Array.from({ length: 5 }, start);
    await Promise.all(openers.map((opener) => opener.says()));
    const told = async (): Promise<string[]> => (await readFile(transcript, 'utf8')).trim().split('\n');
    const stopped = new Set<Opener>();
    while ((await told()).filter((line) => line.startsWith('enter')).length < cycles(120)) {
      await sleep(random.int(15));
      const one = random.pick(openers);
      if (stopped.has(one)) {
        one.signal('SIGCONT');
        stopped.delete(one);
      } else if (random.chance(0.9)) {
        if (stopped.size === openers.length - 1) continue;
        one.signal('SIGSTOP');
        stopped.add(one);
      } else {
        await one.kill();
        openers[openers.indexOf(one)] = start();
      }
    }
    await Promise.all(openers.map((opener) => opener.kill()));
    expect(overlaps(await told()).slice(0, 5)).toEqual([]);
    await (await lockFolder(folder)).release();
    expect((await readdir(folder)).sort()).toEqual(['lock-next', 'owner.json']);
  },
);

/** Mounts a file system for the length of a test; false where the system does not let us. */
function mounted(path: string, ...args: string[]): boolean {
  try {
    execFileSync('mkdir', ['-p', path]);
    execFileSync('mount', [...args, path], { stdio: 'ignore' });
    volumes.push(path);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(process.platform !== 'linux')('a file system', () => {
  it('without socket files is refused by name', async (context) => {
    const path = join(directory, 'volume');
    if (!mounted(path, '-t', 'bpf', 'bpf')) return context.skip('mounting takes root (bpffs has no socket files)');
    const refused = await openJournal({ directory: join(path, 'outbox') }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StorageError);
    expect((refused as Error).message).toMatch(/cannot be locked \(.*EPERM.*use a folder on a local file system/s);
  });

  it('without a free byte still lets in who comes after a killed one', async (context) => {
    const image = join(directory, 'image');
    const path = join(directory, 'volume');
    try {
      execFileSync('sh', ['-c', `truncate --size=4M ${image} && mkfs.ext4 -q -m 0 ${image}`], { stdio: 'ignore' });
    } catch {
      return context.skip('no mkfs.ext4 here');
    }
    if (!mounted(path, '-o', 'loop', image)) return context.skip('mounting takes root');
    const folder = join(path, 'outbox');
    const holder = new Opener(folder);
    await holder.says();
    await holder.append();
    execFileSync('sh', ['-c', `dd if=/dev/zero of=${path}/ballast bs=1k; sync`], { stdio: 'ignore' });
    expect(() => {
      for (let i = 0; ; i++) mkdirSync(join(path, String(i)));
    }).toThrow('ENOSPC');
    await holder.kill();
    const next = new Opener(folder);
    expect(await next.says()).toMatchObject({ outcome: 'held' });
    await next.kill();
    const journal = await openJournal({ directory: folder, minFreeBytes: 0 });
    expect(await journal.read({ max: 10, maxBytes: 1e6 })).toHaveLength(3);
    await expect(openJournal({ directory: folder })).rejects.toThrow(OutboxLockedError);
    await journal.close();
  });
});
