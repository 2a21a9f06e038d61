// The moments at which a process that takes the lock can be overtaken, one by one, and then all of them at random.
import { constants, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Lock, lockFolder } from '../../../src/outbox/disk/lock.js';
import { OutboxLockedError } from '../../../src/outbox/errors.js';
import { cycles, Random, seedOf } from './random.js';

type Before = (call: string, path: string) => unknown;
const hook = vi.hoisted(() => ({ before: (() => undefined) as Before, after: (() => undefined) as Before }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<Record<string, (...args: unknown[]) => Promise<unknown>>>();
  const calls = ['access', 'mkdir', 'readdir', 'rename', 'rm', 'rmdir'].map((name) => [
    name,
    async (...args: unknown[]) => {
      await hook.before(name, String(args[0]));
      const result = await real[name]!(...args);
      await hook.after(name, String(args[0]));
      return result;
    },
  ]);
  return { ...real, ...Object.fromEntries(calls) };
});

/** What the system says to the open of a file that is to be locked; null: it does it. */
const system = vi.hoisted(() => ({ flags: 0, refusal: null as string | null }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const open = (path: string, flags: number, mode: number, done: (error: Error | null, fd?: number) => void): void => {
    system.flags = flags;
    if (system.refusal === null) real.open(path, flags & ~0x20, mode, done);
    else done(Object.assign(new Error(system.refusal), { code: system.refusal, syscall: 'open' }));
  };
  return { ...real, open };
});

const SEED = seedOf(815);
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'rufus-lock-'));
});
afterEach(() => {
  hook.before = () => undefined;
  rmSync(folder, { recursive: true });
});

/** A socket file in its place that nobody listens on. */
async function stale(): Promise<string> {
  const path = join(folder, 'lock', '0123456789abcdef');
  mkdirSync(join(folder, 'lock'), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.x`, resolve));
  renameSync(`${path}.x`, path);
  await new Promise((resolve) => server.close(resolve));
  return path;
}

/** Runs this before (or after) the first such call, once. */
function once(call: string, ofPath: RegExp, run: (path: string) => unknown, when: keyof typeof hook = 'before'): void {
  hook[when] = (name, path) => {
    if (name !== call || !ofPath.test(path)) return undefined;
    hook[when] = () => undefined;
    return run(path);
  };
}

const isHeld = async (): Promise<void> => {
  await expect(lockFolder(folder)).rejects.toThrow(OutboxLockedError);
};

describe.skipIf(process.platform !== 'linux')('the lock by a socket file', () => {
  it('overtaken between seeing that nobody listens and removing the file: what it removes is that file', async () => {
    const left = await stale();
    let winner: Lock | undefined;
    once('rm', /0123456789abcdef/, async () => {
      winner = await lockFolder(folder);
      expect(existsSync(left)).toBe(false);
    });
    await isHeld();
    expect(winner).toBeDefined();
    await isHeld();
    await winner!.release();
    await (await lockFolder(folder)).release();
  });

  it('overtaken between removing the file and moving in: the other one has it', async () => {
    await stale();
    let winner: Lock | undefined;
    once('rename', /lock-[0-9a-f]{16}$/, async () => {
      winner = await lockFolder(folder);
    });
    await isHeld();
    await isHeld();
    await winner!.release();
    expect(readdirSync(folder).sort()).toEqual(['lock-next', 'owner.json']);
  });

  it.each(['its socket file', 'all of it'])('tidied away before it moved in (%s): it begins again', async (what) => {
    once('rename', /lock-[0-9a-f]{16}$/, (own) => {
      rmSync(what === 'all of it' ? own : join(own, basename(own).slice(5)), { recursive: true });
    });
    const lock = await lockFolder(folder);
    await isHeld();
    await lock.release();
    await (await lockFolder(folder)).release();
  });

  it('tidied away before it listened: it begins again', async () => {
    once('mkdir', /lock-[0-9a-f]{16}$/, (own) => rmSync(own, { recursive: true }), 'after');
    const lock = await lockFolder(folder);
    await isHeld();
    await lock.release();
  });

  it('let go between looking and moving in: both are right to try', async () => {
    const first = await lockFolder(folder);
    let asked = 0;
    once('readdir', /lock$/, async () => {
      asked++;
      await first.release();
    });
    const second = await lockFolder(folder);
    expect(asked).toBe(1);
    await isHeld();
    await second.release();
  });

  it('never goes to two, whatever the order of the steps of many', { timeout: 60_000 }, async () => {
    const random = new Random(SEED);
    hook.before = async () => {
      for (let turns = random.int(6); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    };
    let inside = 0;
    let taken = 0;
    const rounds = cycles(60);
    for (let round = 0; round < rounds; round++) {
      await stale();
      const opener = async (): Promise<void> => {
        for (let times = 0; times < 2; times++) {
          const lock = await lockFolder(folder).catch((error: unknown) => {
            expect(error).toBeInstanceOf(OutboxLockedError);
            return null;
          });
          if (lock === null) continue;
          taken++;
          expect(++inside).toBe(1);
          for (let turns = random.int(20); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
          inside--;
          await lock.release();
        }
      };
      await Promise.all(Array.from({ length: 6 }, opener));
    }
    expect(taken).toBeGreaterThanOrEqual(rounds);
    expect(readdirSync(folder).sort()).toEqual(['lock-next', 'owner.json']);
  });
});

it('where files are locked as they are opened (macOS, BSD): takes what the system says for it', async () => {
  system.refusal = null;
  const lock = await lockFolder(folder, 'darwin');
  // O_EXLOCK and O_NONBLOCK: never waits.
  expect(system.flags & 0x20).toBe(0x20);
  expect(system.flags & constants.O_NONBLOCK).toBe(constants.O_NONBLOCK);
  await lock.release();
  system.refusal = 'EAGAIN';
  await expect(lockFolder(folder, 'darwin')).rejects.toThrow(/in use by process/);
  system.refusal = 'ENOTSUP';
  await expect(lockFolder(folder, 'freebsd')).rejects.toThrow(/cannot be locked \(ENOTSUP\).*use a folder on a local/);
  system.refusal = 'EACCES';
  await expect(lockFolder(folder, 'openbsd')).rejects.toThrow('EACCES');
});
