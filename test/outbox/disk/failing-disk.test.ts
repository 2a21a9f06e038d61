import { describe, expect, it } from 'vitest';
import { OutboxFullError, StorageError } from '../../../src/outbox/errors.js';
import type { StorageState } from '../../../src/outbox/journal.js';
import { FaultDisk } from './fault-disk.js';
import { passingOf, Race } from './race.js';
import { Random, seedOf } from './random.js';

const SEED = seedOf(99);

/** Appends, delivers, parks and requeues, whatever the disk says to it; failures are counted by class. */
async function persist(race: Race, rounds: number, random: Random): Promise<Map<string, number>> {
  const failures = new Map<string, number>();
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const name = error instanceof Error ? error.name : String(error);
      failures.set(name, (failures.get(name) ?? 0) + 1);
    }
  };
  for (let round = 0; round < rounds; round++) {
    await Promise.all([
      attempt(() => race.append(1 + random.int(12))),
      attempt(() => race.append(1)),
      attempt(() => race.deliver(1 + random.int(10))),
    ]);
    if (round % 7 === 3) {
      const batch = await race.journal.read({ max: 2, maxBytes: 1e6 });
      // What could not be parked is still pending: it is tried until it can, as the courier does.
      for (let left = 20; left > 0 && batch.length > 0; left--) {
        const before = race.journal.stats().parked;
        await attempt(() => race.journal.park(batch, { reason: 'rejected', status: 400, response: undefined }));
        if (race.journal.stats().parked > before) break;
        if (left === 1) throw new Error('could not park in 20 attempts');
      }
    }
    if (round % 11 === 5) await attempt(() => race.requeue((id) => id % 2 === 0));
  }
  return failures;
}

describe('a full disk', () => {
  it('is survived when every n-th write finds no room', { timeout: 120_000 }, async () => {
    let full = 0;
    // A new segment takes two writes in a row.
    for (let nth = 3; nth <= 30; nth++) {
      const race = new Race(FaultDisk.empty());
      await race.open();
      let writes = 0;
      race.disk.fault = ({ kind }) => (kind === 'write' && ++writes % nth === 0 ? 'ENOSPC' : undefined);
      const failures = await persist(race, 40, new Random(SEED + nth));
      full += failures.get('OutboxFullError') ?? 0;
      expect([...failures.keys()].filter((name) => name !== 'OutboxFullError')).toEqual([]);
      race.disk.fault = () => undefined;
      await race.append(2);
      expect(race.journal.stats().storage).toBe('ok');
      await race.journal.close();
      await race.open();
      await race.settle();
      expect([...race.wrong, ...race.holes()].map((what) => `every ${nth}th, seed ${SEED}: ${what}`)).toEqual([]);
    }
    expect(full).toBeGreaterThan(50);
  });

  it('is survived with a power cut on top', { timeout: 120_000 }, async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new Random(SEED + seed);
      const race = new Race(FaultDisk.empty());
      await race.open();
      race.disk.fault = ({ kind }) => (kind === 'write' && random.chance(0.2) ? 'ENOSPC' : undefined);
      race.disk.cutAt = race.disk.steps + 20 + random.int(150);
      await persist(race, 40, random).catch(() => undefined);
      race.disk = race.disk.powerCut(random);
      await race.open();
      await race.settle();
      expect(race.wrong.map((what) => `seed ${SEED + seed}: ${what}`)).toEqual([]);
    }
  });

  it('rejects appends, says how much is free, and goes on delivering; appends work again by themselves', async () => {
    const states: StorageState[] = [];
    const race = new Race(FaultDisk.empty(), {
      retain: { hours: 0 },
      events: { storage: (state) => void states.push(state) },
    });
    await race.open();
    race.disk.capacity = 60_000;
    let error: unknown;
    while (error === undefined) error = await race.append(10).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OutboxFullError);
    expect((error as OutboxFullError).freeBytes).toBeLessThan(4_000);
    expect((error as OutboxFullError).usedBytes).toBeGreaterThan(50_000);
    expect((error as OutboxFullError).message).toMatch(/bytes are free/);
    expect(race.journal.stats().storage).toBe('full');

    // Not one byte left: acknowledgements must do without.
    race.disk.capacity = 0;
    const pending = race.journal.stats().pending;
    for (let i = 0; i < 10; i++) await race.deliver(10);
    expect(race.journal.stats().pending).toBe(pending - 100);
    race.disk.kill();
    await race.open();
    expect(race.journal.stats().pending).toBe(pending - 100);

    race.disk.capacity = 60_000;
    while ((await race.deliver(10)) > 0);
    await race.append(10);
    await race.settle();
    expect([...race.wrong, ...race.holes()]).toEqual([]);
    expect(states.slice(0, 1)).toEqual(['full']);
  });

  it('notices within seconds that there is room again, without an append', async () => {
    const states: StorageState[] = [];
    const race = new Race(FaultDisk.empty(), {
      minFreeBytes: 10_000,
      events: { storage: (state) => void states.push(state) },
    });
    await race.open();
    race.disk.capacity = 9_000;
    await expect(race.append(1)).rejects.toThrow(OutboxFullError);
    expect(states).toEqual(['full']);
    race.clock.pass(5_000);
    await race.journal.close();
    expect(states).toEqual(['full']);
    await race.open();
    await expect(race.append(1)).rejects.toThrow(OutboxFullError);
    race.disk.capacity = 1_000_000;
    race.clock.pass(5_000);
    await expect.poll(() => states.at(-1)).toBe('ok');
  });

  it('gives up the backup first, the oldest of it, and nothing that is not delivered', async () => {
    const race = new Race(FaultDisk.empty(), { maxDiskBytes: 60_000 });
    await race.open();
    for (let i = 0; i < 30; i++) {
      await race.append(10);
      await race.deliver(10);
    }
    const backups = (): string[] => race.disk.files().filter((path) => path.includes('/delivered/'));
    const before = backups();
    expect(before.length).toBeGreaterThan(3);
    await race.append(10);
    for (let i = 0; i < 8; i++) await race.append(10);
    expect(backups().length).toBeLessThan(before.length);
    expect(backups().every((path) => before.slice(-backups().length).includes(path))).toBe(true);
    let refused: unknown;
    while (refused === undefined) refused = await race.append(10).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OutboxFullError);
    expect((refused as Error).message).toMatch(/maxDiskBytes/);
    expect(backups()).toEqual([]);
    expect(race.journal.stats().diskBytes).toBeLessThanOrEqual(60_000 + 2_000);
    await race.settle();
    expect([...race.wrong, ...race.holes()]).toEqual([]);
  });
});

it('takes a refused write off the file before the next one', async () => {
  const race = new Race(FaultDisk.empty());
  await race.open();
  await race.append(5);
  race.disk.fault = ({ kind }) => (kind === 'datasync' ? 'ENOSPC' : undefined);
  const refused = await Promise.allSettled(Array.from({ length: 10 }, () => race.append(1)));
  expect(refused.every(({ status }) => status === 'rejected')).toBe(true);
  race.disk.fault = () => undefined;
  await race.append(1);
  race.disk.kill();
  await race.open();
  await race.settle();
  expect(race.wrong).toEqual([]);
  expect([...race.stored.values()]).toEqual([1, 2, 3, 4, 5, 16]);
  expect(race.damage).toEqual({ tornBytes: 0, corruptRecords: 0 });
});

describe('a disk that fails', () => {
  it('once: the segment is left, and nothing is lost or doubled, whatever call it was', {
    timeout: 240_000,
  }, async () => {
    const dry = new Race(FaultDisk.empty());
    await dry.open();
    await persist(dry, 25, new Random(SEED));
    for (let step = 3; step <= dry.disk.steps; step++) {
      const race = new Race(FaultDisk.empty());
      await race.open();
      race.disk.fault = (call) => (call.step === step ? 'EIO' : undefined);
      const failures = await persist(race, 25, new Random(SEED));
      expect([...failures], `step ${step}`).toEqual([]);
      // What the failed sync threw away must not be missed when the power goes.
      race.disk = race.disk.powerCut(new Random(SEED + step));
      await race.open();
      await race.settle();
      expect([...race.wrong, ...race.holes()].map((what) => `step ${step}, seed ${SEED}: ${what}`)).toEqual([]);
    }
  });

  it('once: what was under way goes to a new segment, and nothing more to the old one', async () => {
    const race = new Race(FaultDisk.empty());
    await race.open();
    await race.append(5);
    const logs = (): string[] => race.disk.files().filter((path) => /\/\d{16}\.log$/.test(path));
    const [old] = logs();
    let failed = false;
    race.disk.fault = ({ kind, path }) => {
      if (failed) expect(path).not.toBe(old);
      if (kind !== 'datasync') return undefined;
      failed = !failed;
      return failed ? 'EIO' : undefined;
    };
    await race.append(3);
    expect(logs().map((path) => Number(path.slice(-20, -4)))).toEqual([1, 6]);
    await race.settle();
    expect(race.wrong).toEqual([]);
  });

  it('for ever: no append resolves, storage is failed, and reopening on a good disk recovers', async () => {
    for (const kinds of [
      ['datasync'],
      ['write'],
      ['datasync', 'write', 'truncate', 'rename', 'unlink', 'open', 'syncFolder'],
    ]) {
      const race = new Race(FaultDisk.empty());
      await race.open();
      await race.append(5);
      await race.append(5);
      race.disk.fault = ({ kind }) => (kinds.includes(kind) ? 'EIO' : undefined);
      const appends = await Promise.allSettled([race.append(5), race.append(1), race.append(3)]);
      expect(appends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      await expect(race.append(1)).rejects.toThrow(StorageError);
      expect(race.journal.stats().storage).toBe('failed');
      // What was promised is still read and delivered; the acknowledgement stands in memory.
      expect(await race.deliver(4)).toBe(4);
      expect(race.journal.stats().pending).toBe(6);
      await race.journal.close();
      await race.journal.close();
      race.disk = race.disk.powerCut(new Random(SEED));
      await race.open();
      await race.append(2);
      await race.settle();
      expect(race.wrong).toEqual([]);
      expect(race.journal.stats().storage).toBe('ok');
    }
  });

  it('when opening: StorageError, and the lock is let go', async () => {
    const race = new Race(FaultDisk.empty());
    await race.open();
    await race.append(3);
    await race.journal.close();
    race.disk.fault = () => 'EIO';
    await expect(race.open()).rejects.toThrow(StorageError);
    race.disk.fault = () => undefined;
    await race.open();
    await race.settle();
    expect(race.wrong).toEqual([]);
  });

  it('in the middle of a refusal: what was refused never comes back under a number that was given since', async () => {
    for (const headerGone of [false, true]) {
      const race = new Race(FaultDisk.empty());
      await race.open();
      await race.append(5);
      // All of it is in the file when the disk says no, and it cannot be taken off again.
      race.disk.fault = ({ kind }) => (kind === 'datasync' ? 'ENOSPC' : kind === 'truncate' ? 'EIO' : undefined);
      await expect(race.append(10)).rejects.toThrow(OutboxFullError);
      race.disk.fault = () => undefined;
      await race.append(3);
      race.disk.kill();
      if (headerGone) {
        const newest = race.disk.files().findLast((path) => /\/\d{16}\.log$/.test(path))!;
        const content = race.disk.content(newest);
        content[30]! ^= 4;
        race.disk.put(newest, content);
      }
      await race.open();
      await race.settle();
      expect(race.wrong).toEqual([]);
      expect([...race.stored].map(([address, id]) => `${address}=${id}`).sort()).toEqual(
        ['S1/1=1', 'S1/2=2', 'S1/3=3', 'S1/4=4', 'S1/5=5', 'S1/6=16', 'S1/7=17', 'S1/8=18'].sort(),
      );
    }
  });

  it('in one sector of an old segment: the rest is still read', async () => {
    const race = new Race(FaultDisk.empty());
    await race.open();
    for (let i = 0; i < 20; i++) await race.append(10);
    race.disk.kill();
    await race.open();
    const bad = race.disk.files().find((path) => /\d\.log$/.test(path))!;
    race.disk.readFault = (path, position, length) =>
      path === bad && position <= 2_000 && position + length > 2_000 ? 'EIO' : undefined;
    const found: number[] = [];
    for (;;) {
      const batch = await race.journal.read({ max: 100, maxBytes: 1e6 });
      if (batch.length === 0) break;
      for (const { passing } of batch) expect(passing).toEqual(passingOf(Number(passing.bib)));
      found.push(...batch.map(({ passing }) => Number(passing.bib)));
    }
    expect(found.length).toBeGreaterThan(170);
    expect(found.length + race.damage.corruptRecords).toBe(200);
    expect(race.journal.stats().pending).toBe(found.length);
  });
});
