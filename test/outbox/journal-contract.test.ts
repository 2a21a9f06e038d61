import { describe, expect, it, onTestFinished } from 'vitest';
import { openJournal } from '../../src/outbox/disk/open-journal.js';
import type { Entry, Journal, JournalOptions, StoredPassing } from '../../src/outbox/journal.js';
import { FaultDisk } from './disk/fault-disk.js';
import { HandClock } from './support/clock.js';
import { MemoryFolder } from './support/memory-journal.js';
import { all } from './support/rig.js';

// What the forwarder relies on, held against both: the memory journal carries its tests, the disk journal its users.

const A = 'A'.repeat(64);
const B = 'B'.repeat(64);
const C = 'C'.repeat(64);
const DEVICE = 'd'.repeat(64);
const NO_LIMIT = { max: 1_000, maxBytes: 1e9 };
const REJECTED = { reason: 'rejected', status: 400, response: 'No' } as const;

interface Folder {
  readonly open: (options?: Pick<JournalOptions, 'clock' | 'events'>) => Promise<Journal>;
}
const memory = (): Folder => new MemoryFolder();
const disk = (): Folder => {
  const files = FaultDisk.empty();
  return {
    open: (options) =>
      openJournal(
        { directory: '/outbox', minFreeBytes: 0, ...options },
        { disk: files.disk(), lock: async () => ({ release: async () => undefined }) },
      ),
  };
};

const passing = (n: number): StoredPassing => ({ timestamp: `2026-03-15T09:00:0${n % 10}.000Z`, bib: String(n) });
const passings = (count: number, first = 1): StoredPassing[] =>
  Array.from({ length: count }, (_, index) => passing(first + index));
const addresses = (entries: readonly Entry[]) =>
  entries.map(({ token_session, num_passing, passing: { bib } }) => `${token_session[0]}${num_passing}:${bib}`);
const counts = (journal: Journal) => {
  const { appended, delivered, parked, pending } = journal.stats();
  expect(appended).toBe(delivered + parked + pending);
  expect(journal.pending).toBe(pending);
  expect(journal.parkedCount).toBe(parked);
  return { delivered, parked, pending };
};

describe.each([
  ['in memory', memory],
  ['on disk', disk],
])('a journal %s', (_, folderOf) => {
  async function started(options: Pick<JournalOptions, 'clock' | 'events'> = {}) {
    const folder = folderOf();
    let journal = await folder.open(options);
    onTestFinished(() => journal.close());
    await journal.startSession(A, 1, DEVICE);
    const reopened = async (): Promise<Journal> => {
      await journal.close();
      journal = await folder.open(options);
      return journal;
    };
    return { journal, reopened };
  }

  it('has nothing in a new folder', async () => {
    const journal = await folderOf().open();
    onTestFinished(() => journal.close());
    expect([journal.session, journal.deviceid, journal.leaving, journal.suspect]).toEqual([null, null, null, false]);
    expect(journal.nextNumber(A)).toBe(undefined);
    expect(journal.unconfirmedFrom(A)).toBe(undefined);
    expect(journal.replacedBy(A)).toBe(undefined);
    expect(journal.position('decoder')).toBe(undefined);
    expect(journal.found).toEqual({ records: 0, tornBytes: 0, corruptRecords: 0 });
    expect(await journal.read(NO_LIMIT)).toEqual([]);
    expect(await all(journal.parked())).toEqual([]);
    expect((await all(journal.history())).flat()).toEqual([]);
    expect(counts(journal)).toEqual({ delivered: 0, parked: 0, pending: 0 });
    await expect(journal.append([passing(1)])).rejects.toThrow();
  });

  it('numbers within the session, and gives each passing once, in order', async () => {
    const told: number[] = [];
    const { journal, reopened } = await started({ events: { committed: (count) => told.push(count) } });
    expect(await journal.append(passings(3))).toEqual([1, 2, 3].map((n) => ({ token_session: A, num_passing: n })));
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(addresses(await journal.read({ max: 2, maxBytes: 1e9 }))).toEqual(['A1:1', 'A2:2']);
    expect(addresses(await journal.read(NO_LIMIT))).toEqual(['A3:3']);
    expect(await journal.read(NO_LIMIT)).toEqual([]);
    await journal.append([passing(4)]);
    const [fourth] = await journal.read({ max: 9, maxBytes: 1 });
    expect(fourth).toMatchObject({ seq: 4, token_session: A, num_passing: 4, passing: passing(4) });
    // A restart begins again at the first pending one.
    const next = await reopened();
    expect(addresses(await next.read(NO_LIMIT))).toEqual(['A1:1', 'A2:2', 'A3:3', 'A4:4']);
    expect([next.session, next.deviceid, next.nextNumber(A)]).toEqual([A, DEVICE, 5]);
  });

  it('reads one session at a time', async () => {
    const { journal } = await started();
    await journal.append(passings(2));
    await journal.startSession(B, 7);
    expect([journal.session, journal.deviceid]).toEqual([B, null]);
    await journal.append(passings(1, 3));
    expect(addresses(await journal.read(NO_LIMIT))).toEqual(['A1:1', 'A2:2']);
    expect(addresses(await journal.read(NO_LIMIT))).toEqual(['B7:3']);
    await journal.startSession(A, 2);
    expect(journal.nextNumber(A)).toBe(3);
    await journal.startSession(A, 9);
    expect(journal.nextNumber(A)).toBe(9);
  });

  it('counts what is delivered at once, over restarts, with its tallies and its time', async () => {
    const clock = new HandClock();
    const { journal, reopened } = await started({ clock });
    expect(journal.stats().lastDeliveredAt).toBe(null);
    await journal.append(passings(3));
    const [first, second] = await journal.read(NO_LIMIT);
    const durable = journal.acknowledge(second!, { inserted: 1, duplicates: 1, requests: 1 });
    expect(counts(journal)).toEqual({ delivered: 2, parked: 0, pending: 1 });
    await durable;
    journal.tally({ requests: 1, retries: 1 });
    expect(first!.seq).toBe(1);
    expect(journal.stats().oldestPendingAt).toBe(clock.wall());
    const next = await reopened();
    expect(counts(next)).toEqual({ delivered: 2, parked: 0, pending: 1 });
    expect(next.stats().tallies).toEqual({ inserted: 1, duplicates: 1, requests: 2, retries: 1 });
    expect(next.stats().lastDeliveredAt).toBe(clock.wall());
    const history = (await all(next.history())).flat();
    expect(history.map(({ seq, state }) => [seq, state])).toEqual([
      [1, 'delivered'],
      [2, 'delivered'],
      [3, 'pending'],
    ]);
  });

  it('keeps the position of a feed with its list, or alone', async () => {
    const { journal, reopened } = await started();
    await journal.append(passings(1), { name: 'decoder', position: 17 });
    await journal.append([], { name: 'other', position: 'abc' });
    expect([journal.position('decoder'), journal.position('other')]).toEqual([17, 'abc']);
    const next = await reopened();
    expect([next.position('decoder'), next.position('other')]).toEqual([17, 'abc']);
    expect(counts(next)).toEqual({ delivered: 0, parked: 0, pending: 1 });
  });

  it('parks the first pending ones and no others, and takes them back under new numbers', async () => {
    const { journal, reopened } = await started();
    await journal.append(passings(4));
    const [first, second, third] = await journal.read(NO_LIMIT);
    await expect(journal.park([second!], REJECTED)).rejects.toThrow();
    await journal.park([first!, second!], REJECTED);
    expect(counts(journal)).toEqual({ delivered: 0, parked: 2, pending: 2 });
    const next = await reopened();
    expect((await all(next.parked())).flat()).toMatchObject([
      { seq: 1, num_passing: 1, passing: passing(1), ...REJECTED },
      { seq: 2, num_passing: 2, passing: passing(2), ...REJECTED },
    ]);
    expect((await all(next.history())).flat().map(({ seq }) => seq)).toEqual([3, 4]);
    expect(await next.requeue(({ num_passing }) => num_passing === 2)).toEqual([{ token_session: A, num_passing: 5 }]);
    expect(await next.requeue(({ num_passing }) => num_passing === 2)).toEqual([]);
    expect(counts(next)).toEqual({ delivered: 0, parked: 1, pending: 3 });
    expect(addresses(await next.read(NO_LIMIT))).toEqual([`A${third!.num_passing}:3`, 'A4:4', 'A5:2']);
  });

  it('moves the first pending ones to the tail, under the current session', async () => {
    const { journal } = await started();
    await journal.append(passings(2));
    await journal.startSession(B);
    const entries = await journal.read(NO_LIMIT);
    await expect(journal.move(entries.slice(1))).rejects.toThrow();
    expect(await journal.move(entries)).toEqual([1, 2].map((n) => ({ token_session: B, num_passing: n })));
    expect(counts(journal)).toEqual({ delivered: 0, parked: 0, pending: 2 });
    expect(addresses(await journal.read(NO_LIMIT))).toEqual(['B1:1', 'B2:2']);
    expect((await all(journal.history())).flat().map(({ seq }) => seq)).toEqual([3, 4]);
  });

  it('replaces a session for what is pending, which is read again', async () => {
    const { journal, reopened } = await started();
    await journal.append(passings(3));
    const [first, second] = await journal.read(NO_LIMIT);
    await journal.acknowledge(first!);
    await journal.leave({ session: A, deviceid: DEVICE, alias: 'Heat 2' });
    expect(journal.leaving).toEqual({ session: A, deviceid: DEVICE, alias: 'Heat 2' });
    await journal.replaceSession({ from: A, to: B, first: second!, base: 1, deviceid: DEVICE });
    expect([journal.session, journal.leaving, journal.replacedBy(A)]).toEqual([B, null, B]);
    expect(journal.nextNumber(B)).toBe(3);
    expect(addresses(await journal.read(NO_LIMIT))).toEqual(['B1:2', 'B2:3']);
    await journal.append(passings(1, 4));
    await journal.replaceSession({ from: B, to: C, first: null });
    const next = await reopened();
    expect([next.session, next.deviceid, next.replacedBy(A), next.replacedBy(B)]).toEqual([C, DEVICE, B, C]);
    expect(addresses(await next.read(NO_LIMIT))).toEqual(['B1:2', 'B2:3', 'B3:4']);
    expect(await next.append(passings(1, 5))).toEqual([{ token_session: C, num_passing: 1 }]);
  });

  it('takes the session that was being left back', async () => {
    const { journal, reopened } = await started();
    await journal.leave({ session: A, deviceid: DEVICE });
    const next = await reopened();
    expect(next.leaving).toMatchObject({ session: A, deviceid: DEVICE });
    await next.leave(null);
    expect(next.leaving).toBe(null);
  });

  it('renumbers what is pending above all that was given', async () => {
    const { journal, reopened } = await started();
    await journal.append(passings(3));
    await journal.setUnconfirmed(A, 2);
    const entries = await journal.read(NO_LIMIT);
    await journal.acknowledge(entries[0]!);
    const next = await reopened();
    expect(next.unconfirmedFrom(A)).toBe(2);
    expect(await next.renumber(entries[1]!, 100)).toBe(100);
    expect(next.unconfirmedFrom(A)).toBe(undefined);
    expect(addresses(await next.read(NO_LIMIT))).toEqual(['A100:2', 'A101:3']);
    expect(await next.append(passings(1, 4))).toEqual([{ token_session: A, num_passing: 102 }]);
    const [second] = await (await reopened()).read(NO_LIMIT);
    expect(addresses([second!])).toEqual(['A100:2']);
  });

  it('that is asked to go below what was given goes above it', async () => {
    const { journal } = await started();
    await journal.append(passings(3));
    const [first] = await journal.read(NO_LIMIT);
    expect(await journal.renumber(first!, 2)).toBe(4);
    expect(addresses(await journal.read(NO_LIMIT))).toEqual(['A4:1', 'A5:2', 'A6:3']);
    await journal.setUnconfirmed(A, 4);
    await journal.setUnconfirmed(A, null);
    expect(journal.unconfirmedFrom(A)).toBe(undefined);
    expect(journal.nextNumber(A)).toBe(7);
  });
});
